/* locale.c - names of ct labels. */
#include "ctfw/locale.h"

#include <string.h>

/* What stands between quotes without ending them, and is no number. */
static bool is_name(const char *name, size_t len)
{
	bool number = true;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c <= ' ' || c == 0x7f || c == '"')
			return false;
		number = number && c >= '0' && c <= '9';
	}
	return len && len < LABEL_NAME_SIZE && !number;
}

bool label_names_add(struct label_names *names, unsigned label, const char *name, size_t len)
{
	struct label_name *row = &names->names[names->n];

	if (label >= LABELS || names->n == LABEL_NAMES_MAX || !is_name(name, len))
		return false;
	row->label = (uint8_t)label;
	memcpy(row->name, name, len);
	row->name[len] = '\0';
	names->n++;
	return true;
}

int label_names_find(const struct label_names *names, const char *name, size_t len)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct label_name *row = &names->names[i];

		if (strlen(row->name) == len && !memcmp(row->name, name, len))
			return row->label;
	}
	return -1;
}

const char *label_names_of(const struct label_names *names, unsigned label)
{
	for (size_t i = 0; i < names->n; i++) {
		if (names->names[i].label == label)
			return names->names[i].name;
	}
	return NULL;
}
