/* fuzz_json.c - documents after libnftables-json(5).
 *
 * Whatever the bytes are, they are applied whole or refused with a diagnostic.  What was
 * applied prints as a document that jansson reads, and in words as well as in JSON what was
 * printed loads again as the same ruleset. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "ctfw/ruleset.h"
#include "fuzz.h"

/* Text on top of a ruleset; NULL when it is refused. */
static struct ruleset *apply(struct ruleset *old, const char *text, size_t len, bool json,
			     bool echo, struct text *out)
{
	struct ruleset_input input = {
		.name = "fuzz.json", .text = text, .len = len, .json = json, .echo = echo,
	};
	struct diag d = DIAG_INIT;
	struct ruleset *rs = NULL;
	int err = ruleset_apply(old, &input, &d, out, &rs);

	if (err < 0)
		CHECK(err == -EINVAL && d.errors > 0 && d.text.len > 0 && !rs);
	else
		CHECK(rs && d.errors == 0);
	diag_fini(&d);
	return rs;
}

/* Each document ends with a newline. */
static void check_documents(const struct text *out)
{
	const char *s = text_str(out);

	while (*s) {
		const char *end = strchr(s, '\n');
		json_t *doc;

		CHECK(end);
		doc = json_loadb(s, (size_t)(end - s), 0, NULL);
		if (!doc)
			fprintf(stderr, "no JSON: %.*s\n", (int)(end - s), s);
		CHECK(doc && json_is_array(json_object_get(doc, "nftables")));
		json_decref(doc);
		s = end + 1;
	}
}

static void list(struct ruleset *rs, bool json, struct text *out)
{
	ruleset_unref(apply(rs, "list ruleset", strlen("list ruleset"), json, false, out));
}

/* Handles are given anew. */
static void drop_handles(struct text *t)
{
	char *s = t->s, *to = t->s;

	while (s && *s) {
		if (!strncmp(s, ", \"handle\": ", 12))
			s += 12 + strspn(s + 12, "0123456789");
		else
			*to++ = *s++;
	}
	if (to) {
		*to = '\0';
		t->len = (size_t)(to - t->s);
	}
}

/* What a listing loads as, listed in the same language. */
static void reload(const struct text *listing, bool json, struct text *ret_listing)
{
	struct ruleset *empty = ruleset_new(NULL), *again;
	struct text out = TEXT_INIT;

	CHECK(empty);
	again = apply(empty, text_str(listing), listing->len, json, false, &out);
	if (!again)
		fprintf(stderr, "refused: %s\n", text_str(listing));
	CHECK(again && out.len == 0);
	list(again, json, ret_listing);
	ruleset_unref(again);
	ruleset_unref(empty);
	text_fini(&out);
}

/* nft's own listings need more steps now and then, see fuzz_ruleset.c. */
static void check_fixpoint(struct ruleset *rs, bool json)
{
	struct text listing = TEXT_INIT, next = TEXT_INIT;
	unsigned steps;
	bool same = false;

	list(rs, json, &listing);
	for (steps = 3 + fuzz_count(text_str(&listing), "<<"); steps && !same; steps--) {
		reload(&listing, json, &next);
		drop_handles(&listing);
		drop_handles(&next);
		same = !strcmp(text_str(&listing), text_str(&next));
		/* Flags that share their lowest one change places in a set each time. */
		if (!same && steps == 1 &&
		    !strstr(text_str(&next), json ? "{\"|\": [" : " | ")) {
			fprintf(stderr, "printed:\n%s\nthen:\n%s\n", text_str(&listing),
				text_str(&next));
			CHECK(false);
		}
		text_clear(&listing);
		text_append(&listing, text_str(&next), next.len);
		text_clear(&next);
	}
	text_fini(&listing);
	text_fini(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ruleset *empty = ruleset_new(NULL), *rs;
	struct text out = TEXT_INIT;

	CHECK(empty);
	rs = apply(empty, (const char *)data, size, true, true, &out);
	if (rs) {
		struct text listing = TEXT_INIT;

		/* `list hooks` is text in both. */
		if (!strstr(text_str(&out), "hook "))
			check_documents(&out);
		list(rs, true, &listing);
		check_documents(&listing);
		text_fini(&listing);
		check_fixpoint(rs, true);
		check_fixpoint(rs, false);
		ruleset_unref(rs);
	}
	ruleset_unref(empty);
	text_fini(&out);
	return 0;
}
