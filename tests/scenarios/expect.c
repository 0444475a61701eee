/* expect.c - what a scenario says, compared with what came out. */
#include "expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/outcome.h"
#include "rewritten.h"

static int differs(struct text *t, const char *what, const char *want, const char *got)
{
	text_printf(t, "%s is %s, not %s", what, got, want);
	return -1;
}

/* ---- a packet's outcome ---- */

static const struct {
	const char *shorthand, *name;
} states[] = {
	{ "new", "new" }, { "est", "established" }, { "rel", "related" },
	{ "inv", "invalid" }, { "unt", "untracked" },
};

/* 0 and the state's name, or -1: it is no state.  "new", "new/o", "established/r". */
static int parse_state(const char *word, const char **ret_name, char *ret_dir)
{
	const char *slash = strchr(word, '/');
	size_t len = slash ? (size_t)(slash - word) : strlen(word);

	*ret_dir = '\0';
	if (slash) {
		if ((slash[1] != 'o' && slash[1] != 'r') || slash[2])
			return -1;
		*ret_dir = slash[1];
	}
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		const char *name = states[i].name, *shorthand = states[i].shorthand;

		if ((strlen(name) == len && strncmp(word, name, len) == 0) ||
		    (strlen(shorthand) == len && strncmp(word, shorthand, len) == 0)) {
			*ret_name = name;
			return 0;
		}
	}
	return -1;
}

static int check_state(const char *name, char dir, const struct replay_outcome *o,
		       struct text *t)
{
	const char *got = outcome_state(o);

	if (strcmp(got, name) != 0)
		return differs(t, "ct state", name, got);
	if (dir && (!o->trace.ct_has_dir || (dir == 'r') != (o->trace.ct_dir == DIR_REPLY)))
		return differs(t, "ct direction", dir == 'r' ? "reply" : "original",
			       !o->trace.ct_has_dir	    ? "none" :
			       o->trace.ct_dir == DIR_REPLY ? "reply" : "original");
	return 0;
}

/* ---- what was emitted ---- */

int expect_out_take(struct replay *r, struct replay_outcome *o, struct expect_out *out)
{
	*out = (struct expect_out){ 0 };
	if (!o->out)
		return 0;
	do {
		uint8_t *copy = malloc(o->out_len);

		if (!copy || out->n == EXPECT_OUT) {
			free(copy);
			return -1;
		}
		memcpy(copy, o->out, o->out_len);
		out->packet[out->n].bytes = copy;
		out->packet[out->n++].len = o->out_len;
	} while (replay_more(r, o));
	return 0;
}

void expect_out_fini(struct expect_out *out)
{
	for (size_t i = 0; i < out->n; i++)
		free(out->packet[i].bytes);
}

/* "1500,1500,92"; 0: nothing */
static void out_text(const struct expect_out *out, struct text *t)
{
	for (size_t i = 0; i < out->n; i++)
		text_printf(t, "%s%zu", i ? "," : "", out->packet[i].len);
	if (!out->n)
		text_puts(t, "0");
}

/* Where an IPv6 fragment's identification lies; 0 in others. */
static size_t id_offset(const uint8_t *b, size_t len)
{
	uint8_t next = b[6];
	size_t off = 40;

	if (b[0] >> 4 != 6)
		return 0;
	while ((next == 0 || next == 43 || next == 60) && off + 8 <= len) {
		next = b[off];
		off += 8 * (b[off + 1] + 1u);
	}
	return next == 44 && off + 8 <= len ? off + 4 : 0;
}

/* Byte for byte, but for an IPv6 identification, which is new. */
static bool is_sent_as(const struct row_label *label, const uint8_t *bytes, size_t len)
{
	size_t id = id_offset(label->bytes, label->len);

	if (label->len != len)
		return false;
	if (!id)
		return memcmp(label->bytes, bytes, len) == 0;
	return memcmp(label->bytes, bytes, id) == 0 &&
	       memcmp(label->bytes + id, bytes + id, 4) != 0 &&
	       memcmp(label->bytes + id + 4, bytes + id + 4, len - id - 4) == 0;
}

/* "a,b,c": the packets of these labels, in this order. */
static int check_emits(const char *value, const struct expect_out *out,
		       const struct row_context *rows, struct text *t)
{
	char names[ROW_HEX], *name, *save;
	size_t n = 0;

	snprintf(names, sizeof(names), "%s", value);
	for (name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		const struct row_label *label = row_label(rows, name);

		if (!label) {
			text_printf(t, "no packet before has the label %s", name);
			return -1;
		}
		if (n == out->n ||
		    !is_sent_as(label, out->packet[n].bytes, out->packet[n].len)) {
			text_printf(t, "packet %zu of what was emitted is not %s", n + 1,
				    name);
			return -1;
		}
		n++;
	}
	if (n == out->n)
		return 0;
	text_printf(t, "%zu packets were emitted", out->n);
	return -1;
}

/* "rst", "icmp:3/3", "icmpv6:1/4", "none": what was sent in the packet's place. */
static void reply_text(const struct replay_outcome *o, const struct expect_out *out,
		       struct text *t)
{
	struct packet p;
	uint8_t *copy;

	if (o->result.action != ENGINE_REPLY) {
		text_puts(t, "none");
		return;
	}
	copy = malloc(out->packet[0].len);
	if (copy)
		memcpy(copy, out->packet[0].bytes, out->packet[0].len);
	if (!copy || packet_parse(copy, out->packet[0].len, NULL, &p) != REASON_NONE)
		text_puts(t, "malformed");
	else if (p.l4_proto == 6)
		text_puts(t, p.tcp_flags & TCP_RST ? "rst" : "tcp");
	else
		text_printf(t, "%s:%u/%u", l4proto_name(p.l4_proto), p.icmp_type, p.icmp_code);
	free(copy);
}

static int check_key(const char *key, const char *value, const struct replay_outcome *o,
		     const struct expect_out *out, struct row_context *rows, struct text *t)
{
	const struct engine_trace *trace = &o->trace;
	struct text got = TEXT_INIT;
	int err = 0;

	if (strcmp(key, "emits") == 0)
		return check_emits(value, out, rows, t);
	if (rewritten_is_key(key))
		return rewritten_check(key, value, out, rows, t);
	if (strcmp(key, "by") == 0)
		text_puts(&got, outcome_by(o));
	else if (strcmp(key, "hook") == 0)
		text_puts(&got, hook_name(trace->hook));
	else if (strcmp(key, "table") == 0)
		text_puts(&got, trace->table ? trace->table : "none");
	else if (strcmp(key, "chain") == 0)
		text_puts(&got, trace->chain ? trace->chain : "none");
	else if (strcmp(key, "handle") == 0)
		text_printf(&got, "%" PRIu64, trace->handle);
	else if (strcmp(key, "reply") == 0)
		reply_text(o, out, &got);
	else if (strcmp(key, "out") == 0)
		out_text(out, &got);
	else
		err = -1;
	if (err)
		text_printf(t,
			    "\"%s\" is not one of by, hook, table, chain, handle, reply, out, "
			    "emits, src, dst, as",
			    key);
	else if (strcmp(text_str(&got), value) != 0)
		err = differs(t, key, value, text_str(&got));
	text_fini(&got);
	return err;
}

static bool is_verdict(const char *word)
{
	return strcmp(word, "accept") == 0 || strcmp(word, "drop") == 0 ||
	       strcmp(word, "reject") == 0 || strcmp(word, "hold") == 0;
}

/* One word; *verdict is set when it was one. */
static int check_word(const char *word, const struct replay_outcome *o,
		      const struct expect_out *out, struct row_context *rows,
		      bool *verdict, struct text *t)
{
	char key[EXPECT_WORDS];
	const char *name, *equals = strchr(word, '=');
	char dir;

	if (is_verdict(word)) {
		*verdict = true;
		return strcmp(word, outcome_verdict(o)) == 0 ?
			       0 : differs(t, "the verdict", word, outcome_verdict(o));
	}
	if (!equals) {
		if (parse_state(word, &name, &dir) == 0)
			return check_state(name, dir, o, t);
		text_printf(t, "\"%s\" is neither a ct state nor a verdict nor KEY=VALUE",
			    word);
		return -1;
	}
	if ((size_t)(equals - word) >= sizeof(key)) {
		text_printf(t, "\"%s\" is too long", word);
		return -1;
	}
	memcpy(key, word, (size_t)(equals - word));
	key[equals - word] = '\0';
	return check_key(key, equals + 1, o, out, rows, t);
}

int expect_outcome(char **words, size_t n, const struct replay_outcome *o,
		   const struct expect_out *out, struct row_context *rows, struct text *t)
{
	bool verdict = false;

	for (size_t i = 0; i < n; i++)
		if (check_word(words[i], o, out, rows, &verdict, t) < 0)
			return -1;
	if (!verdict) {
		text_puts(t, "the row says no verdict: accept, drop, reject or hold");
		return -1;
	}
	return 0;
}

/* ---- entries ---- */

static bool is_flag(const char *word, size_t len)
{
	return len > 2 && word[0] == '[' && word[len - 1] == ']';
}

static bool has_word(char **words, size_t n, const char *word, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == len && strncmp(words[i], word, len) == 0)
			return true;
	return false;
}

bool expect_line(char **words, size_t n, const char *line)
{
	size_t found = 0;

	while (*line) {
		size_t len;

		line += strspn(line, " ");
		len = strcspn(line, " ");
		if (found < n && strlen(words[found]) == len &&
		    strncmp(words[found], line, len) == 0)
			found++;
		else if (is_flag(line, len) && !has_word(words, n, line, len))
			return false;
		line += len;
	}
	return found == n;
}

void expect_flow_print(const struct flow *f, uint64_t mono, struct text *t)
{
	flow_print(f, mono, false, false, t);
	text_printf(t, " packets=%" PRIu64 ",%" PRIu64 " bytes=%" PRIu64 ",%" PRIu64,
		    f->acct[DIR_ORIGINAL].packets, f->acct[DIR_REPLY].packets,
		    f->acct[DIR_ORIGINAL].bytes, f->acct[DIR_REPLY].bytes);
}

int expect_entry(char **words, size_t n, const struct replay_outcome *o, uint64_t mono,
		 struct text *t)
{
	struct text line = TEXT_INIT;
	bool wants_none = n == 1 && strcmp(words[0], "none") == 0, same;

	if (o->trace.has_flow)
		expect_flow_print(&o->trace.flow, mono, &line);
	else
		text_puts(&line, "none");
	same = wants_none ? !o->trace.has_flow :
			    o->trace.has_flow && expect_line(words, n, text_str(&line));
	if (!same)
		text_printf(t, "the entry is: %s", text_str(&line));
	text_fini(&line);
	return same ? 0 : -1;
}

/* ---- counters ---- */

static int stats_value(const struct conntrack_stats *s, const char *name, uint64_t *ret_value)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "flows", s->flows }, { "peak", s->peak }, { "max", s->max },
		{ "found", s->found }, { "invalid", s->invalid }, { "insert", s->insert },
		{ "insert_failed", s->insert_failed }, { "drop", s->drop },
		{ "early_drop", s->early_drop }, { "error", s->error },
		{ "clash_resolve", s->clash_resolve }, { "chaintoolong", s->chaintoolong },
		{ "created", s->created }, { "expired", s->expired },
		{ "reserved", s->reserved }, { "reserve_used", s->reserve_used },
		{ "expect_new", s->expect_new }, { "expect_create", s->expect_create },
		{ "expect_delete", s->expect_delete },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*ret_value = rows[i].value;
			return 0;
		}
	}
	return -1;
}

int expect_stats(char **words, size_t n, struct conntrack *ct, struct text *t)
{
	struct conntrack_stats stats;

	conntrack_stats(ct, &stats);
	for (size_t i = 0; i < n; i++) {
		char name[EXPECT_WORDS];
		uint64_t want, got;

		if (sscanf(words[i], "%31[a-z_]=%" SCNu64, name, &want) != 2 ||
		    stats_value(&stats, name, &got) < 0) {
			text_printf(t, "\"%s\" is not NAME=VALUE of conntrack's counters",
				    words[i]);
			return -1;
		}
		if (want != got) {
			text_printf(t, "%s is %" PRIu64 ", not %" PRIu64, name, got, want);
			return -1;
		}
	}
	return 0;
}
