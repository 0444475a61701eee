/* parse_log.c - the log statement and its options. */
#include <stdlib.h>
#include <string.h>

#include "ruleset/parse.h"

/* NF_LOG_PREFIXLEN, without the NUL. */
#define PREFIX_MAX 127

const char *const log_levels[] = { "emerg",  "alert", "crit",  "err",	"warn",
				   "notice", "info",  "debug", "audit", NULL };

static bool parse_level(struct parser *p, struct log_spec *log)
{
	const char *near;

	bool known = p->t.kind == TOKEN_WORD || p->t.kind == TOKEN_STRING;

	for (uint8_t i = 0; log_levels[i] && known; i++) {
		if (strlen(log_levels[i]) == p->t.len &&
		    !memcmp(log_levels[i], p->t.s, p->t.len)) {
			log->level = i;
			parse_advance(p);
			return true;
		}
	}
	if (!known) {
		parse_expected(p, "a log level, such as info");
		return false;
	}
	diag_error(p->d, &p->t.span, "unknown log level \"%.*s\"", (int)p->t.len, p->t.s);
	near = suggest(p->t.s, p->t.len, log_levels);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	else
		diag_hint(p->d, "there are emerg, alert, crit, err, warn, notice, info, debug "
				"and audit");
	return false;
}

static bool parse_tcp_flags(struct parser *p, struct log_spec *log)
{
	do {
		if (parse_accept_word(p, "sequence")) {
			log->flags |= LOG_TCP_SEQUENCE;
		} else if (parse_accept_word(p, "options")) {
			log->flags |= LOG_TCP_OPTIONS;
		} else {
			parse_expected(p, "\"sequence\" or \"options\"");
			return false;
		}
	} while (parse_accept(p, ','));
	return true;
}

static bool parse_flags(struct parser *p, struct log_spec *log)
{
	if (parse_accept_word(p, "tcp"))
		return parse_tcp_flags(p, log);
	if (parse_accept_word(p, "ip")) {
		if (!parse_accept_word(p, "options")) {
			parse_expected(p, "\"options\"");
			return false;
		}
		log->flags |= LOG_IP_OPTIONS;
	} else if (parse_accept_word(p, "skuid")) {
		log->flags |= LOG_SKUID;
	} else if (parse_accept_word(p, "ether")) {
		log->flags |= LOG_ETHER;
	} else if (parse_accept_word(p, "all")) {
		log->flags |= LOG_FLAGS_ALL;
	} else {
		parse_expected(p, "\"tcp\", \"ip options\", \"skuid\", \"ether\" or \"all\"");
		return false;
	}
	return true;
}

/* Of an option that has a number: its flag. */
static bool parse_log_number(struct parser *p, const char *what, uint64_t max,
			     struct log_spec *log, enum log_flag flag, uint64_t *ret)
{
	if (!parse_number(p, what, max, ret))
		return false;
	log->flags |= flag;
	return true;
}

/* One option; *ret_some is false when there is none. */
static bool parse_option(struct parser *p, struct log_spec *log, bool *ret_some, bool *level)
{
	uint64_t n;

	*ret_some = true;
	if (parse_accept_word(p, "prefix")) {
		char *s = parse_string(p, "a log prefix", PREFIX_MAX);

		free((char *)log->prefix);
		log->prefix = s;
		return s != NULL;
	}
	if (parse_accept_word(p, "level")) {
		*level = true;
		return parse_level(p, log);
	}
	if (parse_accept_word(p, "flags"))
		return parse_flags(p, log);
	if (parse_accept_word(p, "group")) {
		if (!parse_log_number(p, "a log group", UINT16_MAX, log, LOG_HAS_GROUP, &n))
			return false;
		log->group = (uint16_t)n;
		return true;
	}
	if (parse_accept_word(p, "snaplen")) {
		if (!parse_log_number(p, "a length", UINT32_MAX, log, LOG_HAS_SNAPLEN, &n))
			return false;
		log->snaplen = (uint32_t)n;
		return true;
	}
	if (parse_accept_word(p, "queue-threshold")) {
		if (!parse_log_number(p, "a threshold", UINT16_MAX, log, LOG_HAS_THRESHOLD, &n))
			return false;
		log->queue_threshold = (uint32_t)n;
		return true;
	}
	*ret_some = false;
	return true;
}

bool parse_log(struct parser *p, struct stmt *s)
{
	struct span at = p->last;
	bool some, level = false;

	s->kind = STMT_LOG;
	s->log.level = LOG_LEVEL_WARN;
	do {
		if (!parse_option(p, &s->log, &some, &level))
			return false;
	} while (some);
	at = span_join(at, p->last);
	if (s->log.level == LOG_LEVEL_AUDIT && (s->log.prefix || s->log.flags)) {
		diag_error(p->d, &at, "log level audit takes no further options");
		return false;
	}
	if (!(s->log.flags & LOG_HAS_GROUP)) {
		/* As the kernel, which keeps them for groups only. */
		s->log.flags &= (uint8_t) ~(LOG_HAS_SNAPLEN | LOG_HAS_THRESHOLD);
		s->log.snaplen = s->log.queue_threshold = 0;
	} else if (level || s->log.flags & LOG_FLAGS_ALL) {
		diag_error(p->d, &at, "log: %s and group exclude each other",
			   level ? "level" : "flags");
		return false;
	}
	return true;
}
