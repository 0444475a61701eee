/* parse.h - text to commands, by recursive descent.
 *
 * parse_init(); parse_command() until it says COMMAND_NONE; parse_fini().  Errors go to the
 * diag with their place, and parsing goes on behind the command, so that one attempt shows
 * as many mistakes as it can.
 *
 * Files: parse.c the parser's state, tokens and strings; parse_variable.c; parse_include.c;
 * parse_word.c what words may begin; parse_command.c commands, parse_add.c those that bring
 * something, with their blocks, parse_list.c those that show something; parse_chain.c hooks;
 * parse_rule.c statements, parse_log.c one of them; parse_ct.c what begins with ct;
 * parse_stateful.c what remembers something; parse_object.c named objects; parse_set.c sets,
 * parse_items.c and parse_packed.c what is in them; parse_expr.c expressions,
 * parse_selector.c what is matched, parse_field.c what of it is more than a name. */
#ifndef CTFW_RULESET_PARSE_H
#define CTFW_RULESET_PARSE_H

#include "ruleset/command.h"
#include "ruleset/datatype.h"

/* Levels of parentheses and braces within each other. */
#define PARSE_DEPTH 32
/* Expressions that variables may expand to, all together: a few lines of variables made of
 * variables would else fill the memory. */
#define PARSE_MAX_EXPANDED (2u << 20)
/* And how deep a variable's value may be, which holds others that hold others: expressions are
 * walked by recursion. */
#define PARSE_VARIABLE_DEPTH 256

struct variable {
	struct variable *next; /* of the same bucket, newest first */
	char *name;
	struct expr *value;
	unsigned scope; /* depth of the block that it belongs to */
};
#define PARSE_BUCKETS 256

/* What a word may begin. */
struct word {
	char text[23]; /* not NUL-terminated; no word that begins something is longer */
	uint8_t len;   /* 0: this is no word's */
	uint8_t statement; /* 1 + its row; 0: none */
	uint8_t verdict;   /* enum rule_verdict */
	bool ends_value;   /* parse_at_statement() */
	bool selector;	   /* parse_selector_known() */
	bool field;	   /* perhaps one of those that are more than names */
	bool ip6_header;   /* which has the name of an extension header */
	bool alone;	   /* stands without `meta` */
	enum selector_id header; /* the first of those whose first word it is */
	enum selector_id meta;	 /* `meta WORD` */
};
#define PARSE_WORDS 128

/* Where the addresses of a saved set go: parse_packed.c. */
struct packed {
	struct set_batch *batch; /* NULL: nowhere, they are expressions */
	unsigned bytes;		 /* of an address */
	bool interval;
};

struct json_feed;
struct parser {
	struct lex lx;
	struct json_feed *json; /* of what the tokens are made; NULL: of the text */
	struct diag *d;
	const struct ruleset_reader *reader;
	struct token t;	  /* the next token, not consumed yet */
	struct token ahead; /* and the one behind it, where peeked */
	bool peeked;
	struct span last; /* the last token consumed */
	unsigned braces;  /* open ones */
	unsigned depth;	  /* of recursion */
	unsigned scope;
	struct rule_spec *rule; /* that is being read; NULL: none */
	struct stmts spare;	/* room for the statements of the next one */
	struct packed packed;	/* of the set whose elements are being read */
	bool saved; /* by a former process, which may say more; set by who parses */
	bool ended; /* the item of a block needs no separator behind it */
	size_t expanded;
	struct variable *variables[PARSE_BUCKETS];
	struct word words[PARSE_WORDS]; /* of those asked for last, by hash */
	bool oom;
};

int parse_init(struct parser *p, const struct ruleset_input *input, struct diag *d);
void parse_fini(struct parser *p);
/* 0 with a command, which the caller finishes; -EINVAL with what there is of it, when it was
 * wrong: the caller finishes that too, and the next may be asked for; -ENOMEM. */
int parse_command(struct parser *p, struct command *ret_command);

/* ---- between the parser's files ---- */

void parse_advance(struct parser *p);
/* The token behind the next one. */
struct token parse_peek(struct parser *p);
/* Consume the token if it is that one. */
bool parse_accept(struct parser *p, int punct);
bool parse_accept_word(struct parser *p, const char *word);
/* False with an error when it is not there. */
bool parse_expect(struct parser *p, int punct, const char *what);
/* "expected WHAT, found ..." at the next token. */
void parse_expected(struct parser *p, const char *what);
/* Out of memory: nothing is said, the whole attempt ends. */
void *parse_oom(struct parser *p);
/* End of a statement: newline, ; or the end of the text. */
bool parse_at_separator(const struct parser *p);
void parse_skip_newlines(struct parser *p);
bool parse_enter(struct parser *p);
void parse_leave(struct parser *p);
/* A word that is nft's keyword cannot be a name. */
bool parse_name(struct parser *p, const char *what, struct token *ret_name);
bool parse_number(struct parser *p, const char *what, uint64_t max, uint64_t *ret_number);
/* A string, with the $variables in it replaced; malloc'ed, NULL with an error said. */
char *parse_string(struct parser *p, const char *what, size_t max);
bool parse_comment(struct parser *p, char **comment);
/* parse_word.c.  Valid until the next is asked for. */
const struct word *parse_word(struct parser *p, const struct token *t);
/* What parse_selector.c and parse_rule.c know of it. */
void parse_learn_selector(const struct token *t, struct word *w);
void parse_learn_statement(const struct token *t, struct word *w);
/* UTF-8 without a NUL. */
bool parse_is_text(const char *s, size_t len);
/* define, redefine, undefine, include: true when the next word was one; *ret_ok says how it
 * went. */
bool parse_common(struct parser *p, bool *ret_ok);
/* parse_variable.c.  Behind the words. */
bool parse_define(struct parser *p, bool again);
bool parse_undefine(struct parser *p);
/* The innermost one of that name. */
struct variable *parse_find_variable(struct parser *p, const char *name, size_t len);
void parse_drop_variables(struct parser *p, unsigned scope);
void parse_open_scope(struct parser *p);
void parse_close_scope(struct parser *p);

/* The value of a variable, copied; NULL with an error said. */
struct expr *parse_variable(struct parser *p);
/* Expressions: as the left side of a match, as the right side, as what is set.  NULL with an
 * error said. */
enum parse_side { PARSE_LEFT, PARSE_RIGHT, PARSE_SET_VALUE };
struct expr *parse_operations(struct parser *p, enum parse_side side);
struct expr *parse_right(struct parser *p);
/* What is matched: operations on selectors, or several of these joined by dots. */
struct expr *parse_left(struct parser *p);
/* A value, range or prefix, or several joined by dots. */
struct expr *parse_constant(struct parser *p);
/* The length behind the slash of of/length; takes of over. */
struct expr *parse_prefix(struct parser *p, struct expr *of);
/* What is set: a value, range or prefix or a selector, with operations, joined by dots; or a
 * map of such a key. */
struct expr *parse_value(struct parser *p);
/* Behind the words map and vmap: { ... } or @name. */
struct expr *parse_map_set(struct parser *p);
/* At the @. */
struct expr *parse_set_reference(struct parser *p);
/* parse_items.c: at the { of a set. */
struct expr *parse_items(struct parser *p);
/* parse_packed.c: before the elements of a set; at one of them, those that are taken up to the
 * first that is not.  False: out of memory. */
bool parse_packed_begin(struct parser *p, const struct set_spec *spec);
bool parse_packed(struct parser *p);
/* One more of a LIST, SET or CONCAT, which is NULL for the first; takes both over, also when
 * one of them is NULL. */
struct expr *parse_add_item(struct parser *p, enum expr_kind kind, struct expr *list,
			    struct expr *item);
/* stmt_dynset.c: behind the words add, update, delete, set and meter. */
bool parse_dynset_add(struct parser *p, struct stmt *s);
bool parse_dynset_update(struct parser *p, struct stmt *s);
bool parse_dynset_delete(struct parser *p, struct stmt *s);
bool parse_dynset_set(struct parser *p, struct stmt *s);
bool parse_meter(struct parser *p, struct stmt *s);
/* A statement that remembers something, as elements may have. */
bool parse_at_stateful(const struct parser *p);
/* parse_set.c.  In a table's block behind the word set or map; behind a verb and these words;
 * behind a verb that names one; behind a verb and the word element. */
bool parse_set_item(struct parser *p, struct command *c, bool map);
bool parse_add_set(struct parser *p, struct command *c, bool map);
bool parse_set_name(struct parser *p, struct command *c);
bool parse_element(struct parser *p, struct command *c);
/* parse_object.c: the kinds of objects that maps may name; false when none is next. */
bool parse_object_data_kind(struct parser *p, enum object_kind *ret_kind);
/* A time such as 1h30m, or a number of seconds; in milliseconds. */
bool parse_time(struct parser *p, uint64_t *ret_ms);
/* a,b,c or one value. */
struct expr *parse_flag_list(struct parser *p);
/* a,b / c,d: the right side and, in *ret_mask, what is behind the slash; else NULL. */
struct expr *parse_right_masked(struct parser *p, struct expr **ret_mask);
/* parse_selector.c.  meta mark, ip saddr, iifname ...: the selector at the next token, with
 * its arguments and type; NULL with an error said. */
struct expr *parse_selector(struct parser *p);
bool parse_at_selector(struct parser *p);
/* parse_field.c, behind the first word or @: those that are more than names.  False: it is none
 * of them; *ret is NULL with an error said. */
bool parse_field(struct parser *p, const struct token *first, struct expr **ret);
void parse_learn_field(const struct token *t, struct word *w);
/* By both words, as in "ip saddr"; SELECTOR_NONE: there is none. */
enum selector_id parse_find_selector(struct parser *p, const struct token *first,
				     const struct token *second);
/* Words that cannot be a name; those of them that are families. */
bool parse_at_keyword(const struct parser *p);
bool parse_at_family(const struct parser *p);
/* Words that begin a statement, and so are never a value. */
bool parse_at_statement(struct parser *p);

/* parse_chain.c: behind the words type and policy. */
bool parse_chain_hook(struct parser *p, struct chain_spec *spec);
bool parse_chain_policy(struct parser *p, struct chain_spec *spec);
bool parse_priority(struct parser *p, struct priority_spec *spec);
/* parse_flowtable.c.  Behind the word: with a verb, in a table's block. */
bool parse_flowtable_command(struct parser *p, struct command *c);
bool parse_flowtable_item(struct parser *p, struct command *c);
/* "expected WHAT, found ...", and the word that is nearest; false. */
bool parse_unknown(struct parser *p, const char *what, const char *const *words);

/* parse_ct.c: behind the word ct, a selector; SELECTOR_NONE with an error said. */
enum selector_id parse_ct_selector(struct parser *p);
/* Behind `ct helper set` and its like: false when the target is no such thing. */
bool parse_ct_given(struct parser *p, enum selector_id target, struct stmt *s);
/* A name, or a variable that holds one; NULL with an error said. */
char *parse_given_name(struct parser *p);
/* The same, or a map of objects of that kind. */
bool parse_given(struct parser *p, enum object_kind kind, struct stmt *s);
/* parse_stateful.c: behind counter, limit, quota, last, ct count; and what is in the block of
 * an object, or behind its name. */
bool parse_counter(struct parser *p, struct stmt *s);
bool parse_limit(struct parser *p, struct stmt *s);
bool parse_quota(struct parser *p, struct stmt *s);
bool parse_last(struct parser *p, struct stmt *s);
bool parse_connlimit(struct parser *p, struct stmt *s);
bool parse_stateful_object(struct parser *p, struct object_spec *spec);
/* parse_object.c.  At the word ct, counter, limit or quota within a table; behind a verb that
 * adds, that lists, that names one (with many: or all of a kind). */
/* Whether it is one of these words, or with many the plural of one. */
bool parse_at_object(const struct parser *p, bool many);
bool parse_object_item(struct parser *p, struct command *c);
bool parse_add_object(struct parser *p, struct command *c);
bool parse_list_objects(struct parser *p, struct command *c);
bool parse_object_name(struct parser *p, struct command *c, bool many);
/* parse_add.c.  Behind the verbs. */
bool parse_add(struct parser *p, struct command *c);
bool parse_insert(struct parser *p, struct command *c);
/* Behind the object's word. */
bool parse_add_table(struct parser *p, struct command *c);
bool parse_add_chain(struct parser *p, struct command *c);
bool parse_add_rule(struct parser *p, struct command *c);
/* Behind the chain's name. */
bool parse_rule_body(struct parser *p, struct command *c);
/* To the end of what was wrong: a separator in this block or the brace that ends it.  The
 * brace ahead counts as closed already. */
void parse_recover(struct parser *p, unsigned level);
/* "add what? Expected WHAT"; false. */
bool parse_unknown_object(struct parser *p, const struct command *c, const char *what,
			  const char *const *words);
/* parse_list.c.  Behind the verbs. */
bool parse_list(struct parser *p, struct command *c);
bool parse_reset(struct parser *p, struct command *c);
bool parse_describe(struct parser *p, struct command *c);
/* parse_command.c: for them. */
bool parse_chain_name(struct parser *p, struct command *c);
bool parse_family(struct parser *p, struct command *c);
bool parse_table_name(struct parser *p, struct command *c);
bool parse_handle(struct parser *p, struct command *c);
bool parse_block(struct parser *p, struct command *c, size_t arg,
		 bool (*item)(struct parser *p, struct command *c, size_t arg));
void *parse_grow(struct parser *p, void *v, size_t n, size_t *cap, size_t size);

/* Whether the word can begin a match. */
bool parse_selector_known(const struct token *word);
/* parse_log.c: behind the word log. */
bool parse_log(struct parser *p, struct stmt *s);
/* Names of the levels by number, NULL at the end. */
extern const char *const log_levels[];
#define LOG_LEVEL_WARN	4
#define LOG_LEVEL_AUDIT 8
#define LOG_FLAGS_ALL                                                                          \
	(LOG_TCP_SEQUENCE | LOG_TCP_OPTIONS | LOG_IP_OPTIONS | LOG_SKUID | LOG_ETHER)

/* accept, drop, jump ...: true when there was one. */
bool parse_at_verdict(struct parser *p);
bool parse_accept_verdict(struct parser *p, enum rule_verdict *ret_verdict);
/* The chain behind jump or goto, malloc'ed; NULL with an error said. */
char *parse_target(struct parser *p);
/* One statement; on failure the caller finishes what there is of it. */
bool parse_statement(struct parser *p, struct stmt *s);
/* What begins statements, without what is refused. */
#define PARSE_STATEMENTS_MAX 40
#define PARSE_VERDICTS_MAX   8
size_t parse_verdict_words(const char *ret_words[PARSE_VERDICTS_MAX]);
size_t parse_statement_words(const char *ret_words[PARSE_STATEMENTS_MAX]);
/* parse_hint.c: a line more about the last error, where something unknown stands in a rule. */
struct hint_place {
	const struct stmt *before; /* NULL: nothing stands before it in the rule */
	struct token first;	   /* the unknown */
	struct span last;	   /* what stands before it in the text */
};
void parse_hint(struct parser *p, const struct hint_place *place);
/* The statements of a rule up to its separator or comment. */
bool parse_rule(struct parser *p, struct rule_spec *rule);
void set_spec_fini(struct set_spec *spec);
void rule_spec_fini(struct rule_spec *rule);

#endif
