/* stmt.h - kinds of statements that have a file of their own: each with its parser, its check,
 * its text and its instructions, for the tables and switches of parse_rule.c, check.c,
 * print_stmt.c and compile.c.
 *
 * parse: behind the words that begin it; false with an error said.
 * check: false when an error was said, or memory is out. */
#ifndef CTFW_RULESET_STMT_H
#define CTFW_RULESET_STMT_H

#include "ruleset/check.h"
#include "ruleset/compile.h"
#include "ruleset/parse.h"
#include "ruleset/print.h"

/* stmt_write.c: `ip dscp set cs1`, behind the word set; takes target over. */
bool write_is_target(const struct expr *target);
bool write_parse(struct parser *p, struct expr *target, struct stmt *s);
bool write_check(struct checker *ck, struct stmt *s);
void write_print(const struct stmt *s, unsigned flags, struct text *out);
enum outcome write_compile(struct builder *b, const struct stmt *s);

/* stmt_reset.c: behind the word reset. */
bool reset_parse(struct parser *p, struct stmt *s);
void reset_print(const struct stmt *s, struct text *out);
void reset_compile(struct builder *b, const struct stmt *s);
/* NULL: it has none. */
const char *reset_option_name(uint8_t option);

/* stmt_nat.c: snat, dnat, masquerade and redirect. */
bool nat_parse_snat(struct parser *p, struct stmt *s);
bool nat_parse_dnat(struct parser *p, struct stmt *s);
bool nat_parse_masquerade(struct parser *p, struct stmt *s);
bool nat_parse_redirect(struct parser *p, struct stmt *s);
bool nat_check(struct checker *ck, struct stmt *s);
void nat_print(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out);
const char *nat_word(enum nat_type type);
/* The n-th flag that there is: its name if it is set, else ""; NULL behind the last. */
const char *nat_flag_word(unsigned flags, unsigned n);

#endif
