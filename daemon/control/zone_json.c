/* zone_json.c - type Zone: the caller's local time. */
#include <errno.h>

#include "ctfw/control.h"

json_t *control_zone_encode(const struct zone *z)
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

int control_zone_decode(const json_t *object, struct zone *ret_zone)
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
