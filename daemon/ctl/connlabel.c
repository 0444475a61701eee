/* connlabel.c - the names of ct labels.
 *
 * They stand in connlabel.conf, a number and a name a line; the first file that is there
 * counts.  It is read once, when the first name is wanted. */
#include "ctl/connlabel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/text.h"

#define LABELS 128
#define NAME_MAX_LEN 63

static const char *const files[] = { "/etc/xtables/connlabel.conf", "/etc/connlabel.conf" };

static char names[LABELS][NAME_MAX_LEN + 1];
static bool loaded;

static void load(void)
{
	FILE *file = NULL;
	char line[256], name[NAME_MAX_LEN + 1];
	unsigned bit;

	if (loaded)
		return;
	loaded = true;
	for (size_t i = 0; !file && i < sizeof(files) / sizeof(files[0]); i++)
		file = fopen(files[i], "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " %u %63s", &bit, name) == 2 && bit < LABELS)
			strcpy(names[bit], name);
	if (file)
		fclose(file);
}

bool connlabel_parse(const char *word, size_t len, uint64_t labels[2])
{
	unsigned bit = 0;
	char *end;

	load();
	while (bit < LABELS &&
	       (strlen(names[bit]) != len || strncmp(names[bit], word, len) != 0))
		bit++;
	if (bit == LABELS && len && word[0] >= '0' && word[0] <= '9') {
		unsigned long number = strtoul(word, &end, 10);

		if (end == word + len && number < LABELS)
			bit = (unsigned)number;
	}
	if (bit == LABELS || !len)
		return false;
	labels[bit / 64] |= 1ULL << bit % 64;
	return true;
}

json_t *connlabel_numbers(const uint64_t labels[2])
{
	json_t *numbers = json_array();

	for (unsigned bit = 0; bit < LABELS; bit++)
		if (labels[bit / 64] >> bit % 64 & 1)
			json_array_append_new(numbers, json_integer(bit));
	return numbers;
}

void connlabel_print(const json_t *numbers, const char *before, const char *between,
		     struct text *out)
{
	const json_t *number;
	size_t i;

	load();
	json_array_foreach (numbers, i, number) {
		json_int_t bit = json_integer_value(number);

		text_puts(out, i ? between : before);
		if (bit >= 0 && bit < LABELS && names[bit][0])
			text_puts(out, names[bit]);
		else
			text_printf(out, "%d", (int)bit);
	}
}
