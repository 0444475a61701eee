/* lex.h - ruleset text to tokens.
 *
 * What is one token follows nft's scanner: a word may hold - / . and digits, so `eth0.5`
 * and `new-established` are one word each, while `10-20` is three tokens; of two readings
 * the longer wins.  Newlines are tokens, since they end statements; comments and continued
 * lines (a backslash at the end) are not.
 *
 * Sources are stacked: an included text is read to its end before its parent goes on. */
#ifndef CTFW_RULESET_LEX_H
#define CTFW_RULESET_LEX_H

#include <string.h>

#include "ctfw/diag.h"

/* nft's MAX_INCLUDE_DEPTH. */
#define LEX_DEPTH 16
/* All texts of one input together: what a hostile web of includes may cost. */
#define LEX_MAX_BYTES (256u << 20)

enum token_kind {
	TOKEN_END = 0,
	TOKEN_NEWLINE, /* or ; */
	TOKEN_WORD,    /* a keyword, a name, a time such as 1h30m */
	TOKEN_NUMBER,  /* decimal, 0x..., 0...; fits 64 bits */
	TOKEN_STRING,  /* "..."; s is what is inside */
	TOKEN_GLOB,    /* eth*: an unquoted word that ends in an asterisk */
	TOKEN_ADDR4,
	TOKEN_ADDR6,
	TOKEN_MAC,
	TOKEN_PUNCT, /* punct says which */
	TOKEN_BAD,   /* no token begins like this */
};

/* Two characters in one. */
enum { PUNCT_EQ = 256, PUNCT_NE, PUNCT_LE, PUNCT_GE, PUNCT_LSHIFT, PUNCT_RSHIFT };

struct token {
	enum token_kind kind;
	int punct; /* a character, or PUNCT_*; of NEWLINE '\n' or ';' */
	uint64_t number;
	const char *s; /* not NUL-terminated; in the source */
	size_t len;
	struct span span;
};

/* Tokens that come from elsewhere than the text of a source. */
struct lex_feed {
	/* False at the end. */
	bool (*next)(struct lex_feed *feed, struct token *ret_token);
};

struct lex {
	/* What is read, the last first.  More than LEX_DEPTH when one include names many files:
	 * each has its own level all the same. */
	struct lex_frame {
		struct source *source;
		size_t pos;
		struct lex_feed *feed; /* NULL: the text's own */
	} * stack;
	size_t depth, cap;
	struct source **sources; /* owned: spans point into them */
	size_t n_sources, cap_sources;
	size_t bytes;
};

void lex_init(struct lex *lx);
void lex_fini(struct lex *lx);

/* A copy of the text becomes the source that is read next.  0, -ENOMEM, -E2BIG for too many
 * bytes in all, -ELOOP for too many levels. */
int lex_push(struct lex *lx, const char *name, const char *text, size_t len,
	     const struct span *from);
/* The same; name and text are malloc'ed and handed over, also on failure. */
int lex_push_owned(struct lex *lx, char *name, char *text, size_t len, const struct span *from);
/* What was pushed last gives these tokens instead of its own; the feed is borrowed. */
struct source *lex_feed(struct lex *lx, struct lex_feed *feed);
struct token lex_next(struct lex *lx);
/* The next token is the one at that offset of what was pushed last. */
void lex_seek(struct lex *lx, size_t off);
/* The token that a whole text is; TOKEN_BAD when it is more than one, or none. */
struct token lex_one(const char *text, size_t len);

static inline bool token_is(const struct token *t, int punct)
{
	return t->kind == TOKEN_PUNCT && t->punct == punct;
}
static inline bool token_is_word(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && *t->s == *word && !strncmp(t->s, word, t->len) &&
	       !word[t->len];
}

#endif
