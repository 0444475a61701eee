/* parse_json.h - JSON after libnftables-json(5) to the tokens of nft's language.
 *
 * A command of the document becomes the tokens that say the same in words, and parse reads
 * those: so whatever the language has, JSON has, with the same errors, which point into the
 * document.  Tokens are made for one command at a time, and each has its kind: no string of
 * a document can be taken for more than a value.
 *
 * What has another form in JSON than in words has a row in a table here: statements in
 * parse_json_stmt.c, expressions in parse_json_expr.c, objects of tables in
 * parse_json_object.c, commands in parse_json.c. */
#ifndef CTFW_RULESET_PARSE_JSON_H
#define CTFW_RULESET_PARSE_JSON_H

#include "ruleset/document.h"
#include "ruleset/lex.h"

struct json_feed {
	struct lex_feed feed; /* first */
	struct document doc;
	struct diag *d;
	const struct node *next, *end; /* commands not looked at yet */
	struct token *tokens;	       /* of the present one */
	size_t n, cap, at;
	size_t command; /* its place in the document, from 1 */
	const struct node *first;
	/* A listing has maps before the chains that they lead to: it is gone through twice, for
	 * tables and chains and then for the rest. */
	bool listing, rest;
	bool failed;	/* a command before this one could not be made */
	bool oom;
};

/* The source pushed last is JSON from here on.  NULL with an error said, or with *ret_err
 * -ENOMEM. */
struct json_feed *json_feed_new(struct lex *lx, struct diag *d, int *ret_err);
void json_feed_free(struct json_feed *f);
/* Whether a text is a document and no command in words. */
bool json_feed_is(const char *text, size_t len);

/* ---- between the files; false: an error was said, or memory is out ---- */

/* One token, said to stand where n does. */
bool feed_word(struct json_feed *f, const struct node *n, const char *word);
/* The same, made for it. */
bool feed_made(struct json_feed *f, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool feed_punct(struct json_feed *f, const struct node *n, int punct);
bool feed_end(struct json_feed *f, const struct node *n); /* ; */
bool feed_quoted(struct json_feed *f, const struct node *n, const char *s);
/* A member of parent: its name as a word, at its place. */
bool feed_key(struct json_feed *f, const struct node *member, const char *word);
/* What a string says: a word, or several with blanks between them. */
bool feed_words(struct json_feed *f, const struct node *n);
bool feed_number(struct json_feed *f, const struct node *n);
/* "..." of a string. */
bool feed_string(struct json_feed *f, const struct node *n);
/* `word NUMBER` and so on, of a member that may be missing. */
bool feed_option(struct json_feed *f, const struct node *parent, const char *key,
		 const char *word, bool (*value)(struct json_feed *f, const struct node *n));
/* A string, or an array of them: a,b,c. */
bool feed_flags(struct json_feed *f, const struct node *n, int between);
/* Seconds as a time. */
bool feed_seconds(struct json_feed *f, const struct node *n);

bool feed_wrong(struct json_feed *f, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "expected WHAT, found an array"; false. */
bool feed_expected(struct json_feed *f, const struct node *n, const char *what);
/* The member, or NULL with an error said. */
const struct node *feed_need(struct json_feed *f, const struct node *parent, const char *key);
/* The only member of an object; NULL with an error said, in which what it would be. */
const struct node *feed_only(struct json_feed *f, const struct node *n, const char *what);
/* "unknown WHAT ..." at the member's name, with the one that is nearest; false. */
bool feed_unknown(struct json_feed *f, const struct node *member, const char *what,
		  const char *const *words);

/* Expressions: as a whole; as a part of another, where operations need parentheses. */
bool feed_expr(struct json_feed *f, const struct node *n);
bool feed_part(struct json_feed *f, const struct node *n);
/* { a, b : c }, of an array or a single element. */
bool feed_elements(struct json_feed *f, const struct node *n);
bool feed_verdict(struct json_feed *f, const struct node *member);
bool feed_stmt(struct json_feed *f, const struct node *n);
bool feed_stmts(struct json_feed *f, const struct node *array);
/* By its name, within elements and sets; known: whether it is one. */
bool feed_stmt_known(const char *key);
bool feed_stmt_member(struct json_feed *f, const struct node *member);

/* rate 10/second burst 5 packets, of a limit. */
bool feed_rate(struct json_feed *f, const struct node *n);
/* What stands behind an object's name when it is added. */
bool feed_body(struct json_feed *f, const char *object, const struct node *n);
/* FAMILY, or nothing; FAMILY, which must be there. */
bool feed_family(struct json_feed *f, const struct node *n, bool must);
bool feed_name(struct json_feed *f, const struct node *parent, const char *key);

#endif
