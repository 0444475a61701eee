/* json_out.h - JSON as jansson's json_dumps() writes it, which is how nft's looks.
 *
 * What is needed between two values, the end of the text tells: nothing behind a bracket or
 * the name of a member, else a comma. */
#ifndef CTFW_RULESET_JSON_OUT_H
#define CTFW_RULESET_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "ctfw/text.h"

void out_open(struct text *out, char bracket);
void out_close(struct text *out, char bracket);
void out_key(struct text *out, const char *key);
void out_string(struct text *out, const char *s);
void out_stringn(struct text *out, const char *s, size_t len);
void out_number(struct text *out, uint64_t n); /* beyond INT64_MAX negative, as jansson's */
void out_int(struct text *out, int64_t n);
void out_bool(struct text *out, bool b);
void out_null(struct text *out);
/* A value as it stands. */
void out_verbatim(struct text *out, const char *s, size_t len);
/* "key": value */
void out_member(struct text *out, const char *key, const char *s);
void out_member_number(struct text *out, const char *key, uint64_t n);
/* { "key": null } */
void out_word(struct text *out, const char *key);
/* { "key": { */
void out_open_object(struct text *out, const char *key);
void out_close_object(struct text *out);

#endif
