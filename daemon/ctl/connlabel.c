/* connlabel.c - the names of ct labels.
 *
 * They stand in connlabel.conf; the first file that is there counts.  It is read once, when the
 * first name is wanted. */
#include "ctl/connlabel.h"

#include <stdlib.h>
#include <string.h>

#include "ctfw/hostlocale.h"
#include "ctfw/text.h"

static const char *const files[] = { "/etc/xtables/connlabel.conf", LABELS_FILE };

static const struct label_names *label_names(void)
{
	static struct label_names names;
	static bool loaded;

	for (size_t i = 0; !loaded && i < sizeof(files) / sizeof(files[0]); i++)
		loaded = hostlocale_labels(files[i], &names);
	loaded = true;
	return &names;
}

bool connlabel_parse(const char *word, size_t len, uint64_t labels[2])
{
	int bit = label_names_find(label_names(), word, len);
	char *end;

	if (bit < 0 && len && word[0] >= '0' && word[0] <= '9') {
		unsigned long number = strtoul(word, &end, 10);

		if (end == word + len && number < LABELS)
			bit = (int)number;
	}
	if (bit < 0)
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

	json_array_foreach (numbers, i, number) {
		json_int_t bit = json_integer_value(number);
		const char *name = bit >= 0 && bit < LABELS ?
					   label_names_of(label_names(), (unsigned)bit) : NULL;

		text_puts(out, i ? between : before);
		if (name)
			text_puts(out, name);
		else
			text_printf(out, "%d", (int)bit);
	}
}
