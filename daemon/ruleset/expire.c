/* expire.c - memory of elements that expired, in sets that transactions change.
 *
 * Look-ups and listings pass over what has expired: dropping it is for memory and slots alone.
 * The ruleset without them is another one, as a transaction would make it; what is saved need
 * not change, since what it says of them has expired as well. */
#include <errno.h>

#include "ruleset/model.h"

enum { ROUNDS = 16, MOST = 4096 };

static int expire_set(struct ruleset *rs, size_t table, size_t at, uint64_t mono)
{
	struct table *t = table_own(rs, table);
	struct set *s = t ? set_own(t, at) : NULL;

	if (!s)
		return -ENOMEM;
	s->content = set_content_own(s->content);
	if (!s->content)
		return -ENOMEM;
	for (int i = 0; i < ROUNDS && set_content_has_expired(s->content, mono); i++) {
		if (set_content_expire(s->content, mono, MOST) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool has_expired(const struct ruleset *rs, uint64_t mono)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		for (size_t j = 0; j < rs->tables[i]->n_sets; j++) {
			if (set_content_has_expired(rs->tables[i]->sets[j]->content, mono))
				return true;
		}
	}
	return false;
}

int ruleset_expire(struct ruleset *old, uint64_t mono, struct ruleset **ret_new)
{
	struct ruleset *rs;

	if (!has_expired(old, mono)) {
		*ret_new = ruleset_ref(old);
		return 0;
	}
	rs = ruleset_copy(old);
	for (size_t i = 0; rs && i < rs->n_tables; i++) {
		for (size_t j = 0; rs && j < rs->tables[i]->n_sets; j++) {
			if (set_content_has_expired(rs->tables[i]->sets[j]->content, mono) &&
			    expire_set(rs, i, j, mono)) {
				ruleset_unref(rs);
				rs = NULL;
			}
		}
	}
	if (!rs)
		return -ENOMEM;
	*ret_new = rs;
	return 0;
}
