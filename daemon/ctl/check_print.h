/* check_print.h - what checks have found, for people and for programs. */
#ifndef CTFW_CTL_CHECK_PRINT_H
#define CTFW_CTL_CHECK_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "ctl/check.h"

/* What is worst comes first. */
void check_print(FILE *out, const struct checker *c);
/* "1 error, 2 warnings", "nothing", without a newline. */
void check_print_counts(FILE *out, unsigned errors, unsigned warnings, unsigned notes);
/* An array, an object for each; NULL when out of memory. */
json_t *check_json(const struct checker *c);

#endif
