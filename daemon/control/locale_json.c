/* locale_json.c - the caller's locale: type Zone, local time, and type LabelName. */
#include <errno.h>

#include "ctfw/control.h"

/* ---- zone ---- */

static json_t *zone_encode(const struct zone *z)
{
	json_t *at = json_array(), *offsets = json_array();

	for (size_t i = 0; i < z->n; i++) {
		json_array_append_new(at, json_integer(z->changes[i].at));
		json_array_append_new(offsets, json_integer(z->changes[i].offset));
	}
	return json_pack("{si si so so}", "now", (int)z->now, "before", (int)z->before,
			 "changes", at, "offsets", offsets);
}

static bool offset_decode(const json_t *number, int32_t *ret)
{
	json_int_t n = json_integer_value(number);

	if (!json_is_integer(number) || n < -ZONE_OFFSET_MAX || n > ZONE_OFFSET_MAX)
		return false;
	*ret = (int32_t)n;
	return true;
}

/* In seconds that as nanoseconds fit 64 bits, each later than the one before. */
static bool changes_decode(const json_t *at, const json_t *offsets, struct zone *z)
{
	int64_t least = 0;

	z->n = json_array_size(at);
	if (z->n > ZONE_CHANGES_MAX || json_array_size(offsets) != z->n)
		return false;
	for (size_t i = 0; i < z->n; i++) {
		const json_t *second = json_array_get(at, i);
		json_int_t n = json_integer_value(second);

		if (!json_is_integer(second) || n < least || n > INT64_MAX / 1000000000 ||
		    !offset_decode(json_array_get(offsets, i), &z->changes[i].offset))
			return false;
		z->changes[i].at = n;
		least = n + 1;
	}
	return true;
}

static int zone_decode(const json_t *object, struct zone *ret_zone)
{
	if (!object || json_is_null(object)) {
		*ret_zone = (struct zone){ 0 };
		return 0;
	}
	if (!offset_decode(json_object_get(object, "now"), &ret_zone->now) ||
	    !offset_decode(json_object_get(object, "before"), &ret_zone->before) ||
	    !changes_decode(json_object_get(object, "changes"),
			    json_object_get(object, "offsets"), ret_zone))
		return -EINVAL;
	return 0;
}

/* ---- names of labels ---- */

/* Names that are no UTF-8 cannot be sent, and are left out. */
static json_t *labels_encode(const struct label_names *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->n; i++) {
		const struct label_name *row = &names->names[i];
		json_t *name = json_string(row->name);

		if (name)
			json_array_append_new(list, json_pack("{si so}", "label",
							      (int)row->label, "name", name));
	}
	return list;
}

static int labels_decode(const json_t *list, struct label_names *ret_names)
{
	const json_t *row;
	size_t i;

	ret_names->n = 0;
	json_array_foreach (list, i, row) {
		const json_t *label = json_object_get(row, "label");
		const json_t *name = json_object_get(row, "name");
		json_int_t number = json_integer_value(label);

		if (!json_is_integer(label) || !json_is_string(name) || number < 0 ||
		    number >= LABELS ||
		    !label_names_add(ret_names, (unsigned)number, json_string_value(name),
				     json_string_length(name)))
			return -EINVAL;
	}
	return 0;
}

/* ---- both ---- */

void control_locale_encode(const struct locale *l, json_t *params)
{
	json_t *labels = labels_encode(&l->labels);

	json_object_set_new(params, "zone", zone_encode(&l->zone));
	/* Only then: an older daemon knows of none. */
	if (json_array_size(labels))
		json_object_set(params, "labels", labels);
	json_decref(labels);
}

const char *control_locale_decode(const json_t *params, struct locale *ret_locale)
{
	if (zone_decode(json_object_get(params, "zone"), &ret_locale->zone))
		return "zone";
	if (labels_decode(json_object_get(params, "labels"), &ret_locale->labels))
		return "labels";
	return NULL;
}
