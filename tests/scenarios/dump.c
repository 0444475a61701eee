/* dump.c - what a scenario does, told to another program. */
#include "dump.h"

#include <stdint.h>
#include <stdio.h>

void dump_words(const char *word, char *const *words, size_t n)
{
	printf("%s", word);
	for (size_t i = 0; i < n; i++)
		printf(" %s", words[i]);
	putchar('\n');
}

void dump_hex(const char *word, const void *bytes, size_t len)
{
	printf("%s ", word);
	for (size_t i = 0; i < len; i++)
		printf("%02x", ((const uint8_t *)bytes)[i]);
	putchar('\n');
}
