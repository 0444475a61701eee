/* set_key.c - keys of sets as numbers.
 *
 * The order of the numbers is what sets are searched by and, for all but concatenated
 * intervals, what nft lists by:
 *
 *     one part           a number: itself.  A string: itself in an interval, where a name that
 *                        ends in a wildcard is one; else its bytes from the last to the first,
 *                        since nft sorts it as a number of the host's byte order
 *     concatenation      as a whole a number of the host's byte order to nft: the last part
 *                        counts most, and in it, of what is in network byte order, the last
 *                        byte
 *     conc. interval     each part by itself, a pair of words */
#include "ruleset/set_private.h"

static size_t padded(unsigned bytes)
{
	return (bytes + 3u) & ~3u;
}

size_t set_key_offset(const struct set_shape *s, unsigned i)
{
	size_t at = 0;

	for (unsigned k = 0; k < i; k++)
		at += padded(s->part[k].bytes);
	return at;
}

static void codec_size(struct set_codec *k, unsigned bytes)
{
	k->words = (uint8_t)((bytes + 7) / 8);
	k->bytes = bytes <= 4 ? 4 : (uint16_t)(k->words * 8);
	memset(k->from, SET_FROM_NONE, sizeof(k->from));
}

/* A part into the bytes that end at from[end].  Returns where it begins. */
static unsigned put_part(struct set_codec *k, const struct set_shape *s, unsigned part,
			 unsigned end, bool reversed)
{
	unsigned bytes = s->part[part].bytes, at = (unsigned)set_key_offset(s, part);

	for (unsigned i = 0; i < bytes; i++)
		k->from[end - bytes + i] = (uint8_t)(reversed ? at + bytes - 1 - i : at + i);
	return end - bytes;
}

void set_codec_init(struct set_codec *k, const struct set_shape *s)
{
	unsigned bytes = 0, end;

	if (s->interval && s->n_parts > 1) {
		codec_size(k, 16 * s->n_parts);
		for (unsigned i = 0; i < s->n_parts; i++)
			put_part(k, s, i, 16 * (i + 1), false);
		return;
	}
	for (unsigned i = 0; i < s->n_parts; i++)
		bytes += s->part[i].bytes;
	codec_size(k, bytes);
	end = k->words * 8;
	if (s->n_parts == 1) {
		put_part(k, s, 0, end, !s->interval && s->part[0].order == SET_ORDER_STRING);
		return;
	}
	for (unsigned i = 0; i < s->n_parts; i++)
		end = put_part(k, s, i, end, s->part[i].order != SET_ORDER_HOST);
}

void set_encode(const struct set_codec *k, const uint8_t *key, uint64_t *ret_words)
{
	const uint8_t *from = k->from;

	for (unsigned w = 0; w < k->words; w++) {
		uint64_t word = 0;

		for (unsigned i = 0; i < 8; i++, from++)
			word = word << 8 | (*from == SET_FROM_NONE ? 0 : key[*from]);
		ret_words[w] = word;
	}
}

void set_decode(const struct set_codec *k, const uint64_t *words, uint8_t *ret_key)
{
	memset(ret_key, 0, SET_KEY_MAX);
	for (unsigned i = 0; i < k->words * 8u; i++) {
		if (k->from[i] != SET_FROM_NONE)
			ret_key[k->from[i]] = (uint8_t)(words[i / 8] >> (56 - i % 8 * 8));
	}
}
