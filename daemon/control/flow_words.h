/* flow_words.h - private to control/: the words by which flows are known in JSON. */
#ifndef CTFW_CONTROL_FLOW_WORDS_H
#define CTFW_CONTROL_FLOW_WORDS_H

#include "ctfw/control.h"

/* "ipv4", "ipv6"; "none". */
const char *words_family(uint8_t l3);
uint8_t words_family_parse(const char *name); /* NULL too: L3_NONE */
bool words_tcp_state_parse(const char *name, uint8_t *ret_state);
bool words_sctp_state_parse(const char *name, uint8_t *ret_state);
/* An array of names of status bits. */
bool words_status_decode(const json_t *names, uint32_t *ret_status);
/* An array of numbers 0..127. */
bool words_labels_decode(const json_t *numbers, uint64_t ret_labels[2]);
/* Appends what lists show, as an array of words. */
void control_show_encode(const struct conntrack *ct, struct text *t);
/* A member that is an integer of 0..max.  0, -ENOENT when absent, -EINVAL. */
int words_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret_value);

#endif
