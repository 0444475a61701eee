/* dump.h - what a scenario does, told to another program: a word and its arguments a line. */
#ifndef SCENARIOS_DUMP_H
#define SCENARIOS_DUMP_H

#include <stddef.h>

void dump_words(const char *word, char *const *words, size_t n);
void dump_hex(const char *word, const void *bytes, size_t len);

#endif
