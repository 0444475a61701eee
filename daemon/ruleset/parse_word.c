/* parse_word.c - what a word may begin.
 *
 * It takes walks through several tables to say, and is asked for every token.  But a ruleset is
 * made of few words: the answers for those asked for last are kept. */
#include <string.h>

#include "ruleset/parse.h"

static struct word *place_of(struct parser *p, const struct token *t)
{
	size_t hash = (unsigned char)t->s[0] * 31u + (unsigned char)t->s[t->len - 1] * 7u + t->len;

	return &p->words[hash % PARSE_WORDS];
}

const struct word *parse_word(struct parser *p, const struct token *t)
{
	static const struct word nothing = { 0 };
	struct word *w;

	if (t->kind != TOKEN_WORD || !t->len || t->len > sizeof(w->text))
		return &nothing;
	w = place_of(p, t);
	if (w->len == t->len && !memcmp(w->text, t->s, t->len))
		return w;
	*w = (struct word){ .len = (uint8_t)t->len };
	memcpy(w->text, t->s, t->len);
	parse_learn_selector(t, w);
	parse_learn_statement(t, w);
	return w;
}
