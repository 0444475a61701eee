/* connlabel.h - the names of ct labels, as iptables, nft and conntrack(8) know them. */
#ifndef CTFW_CTL_CONNLABEL_H
#define CTFW_CTL_CONNLABEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

/* A name of the file, or a number of 0..127: its bit is added to labels. */
bool connlabel_parse(const char *word, size_t len, uint64_t labels[2]);
/* The bits as an array of numbers; new reference. */
json_t *connlabel_numbers(const uint64_t labels[2]);
/* An array of numbers as names, or as numbers where they have none; nothing for none. */
void connlabel_print(const json_t *numbers, const char *before, const char *between,
		     struct text *out);

#endif
