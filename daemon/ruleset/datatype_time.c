/* datatype_time.c - spans of time, times of the day and dates. */
#include "ruleset/datatype_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *unit;
	uint64_t ms;
} time_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
#define N_TIME_UNITS (sizeof(time_units) / sizeof(time_units[0]))

int time_parse(const char *text, uint64_t max_ms, uint64_t *ret_ms)
{
	uint64_t ms = 0, number;
	size_t unit = 0;
	char *end;

	if (datatype_number(text, &number)) {
		ms = number;
		if (ms > max_ms / 1000)
			return -ERANGE;
		*ret_ms = ms * 1000;
		return 0;
	}
	do {
		size_t len;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		errno = 0;
		number = strtoull(text, &end, 10);
		len = strspn(end, "dhms");
		if (len > 1 && memcmp(end, "ms", 2))
			len = 1;
		while (unit < N_TIME_UNITS && (strlen(time_units[unit].unit) != len ||
					       memcmp(time_units[unit].unit, end, len)))
			unit++;
		if (unit == N_TIME_UNITS)
			return -EINVAL;
		if (errno || number > (max_ms - ms) / time_units[unit].ms)
			return -ERANGE;
		ms += number * time_units[unit++].ms;
		text = end + len;
	} while (*text);
	*ret_ms = ms;
	return 0;
}

static int parse_time(const struct datatype *dt, const char *text, struct value *ret,
		      const char **ret_why)
{
	uint64_t ms;
	int err = time_parse(text, UINT32_MAX, &ms);

	(void)dt;
	if (err) {
		*ret_why = err == -ERANGE ? "is too long: at most 49 days"
					  : "is no time, such as 30s or 1h30m";
		return -EINVAL;
	}
	*ret = (struct value){.num = ms};
	return 0;
}

void time_print(struct text *out, uint64_t ms)
{
	if (!ms)
		text_puts(out, "0s");
	for (size_t i = 0; i < N_TIME_UNITS; i++) {
		if (ms >= time_units[i].ms)
			text_printf(out, "%" PRIu64 "%s", ms / time_units[i].ms,
				    time_units[i].unit);
		ms %= time_units[i].ms;
	}
}

static void print_time(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	(void)dt;
	if (flags & (PRINT_NUMERIC | PRINT_NUMERIC_TIME))
		text_printf(out, "%" PRIu64 "s", v->num / 1000);
	else
		time_print(out, v->num);
}

NUMBER(time, 32, "relative time", "time", .parse = parse_time, .print = print_time); /* ms */

/* ---- days, hours and dates ----
 *
 * Kept, and evaluated, in UTC, as the kernel has them; written and shown in the zone of whoever
 * writes and reads: times of the day by what it differs from UTC now, dates by what it differs
 * then.  Numbers are UTC's, and so are days of the week, which nft does not turn either. */

#define DAY_SECONDS 86400

static const struct symbol day_names[] = {
	{"Sunday", 0},	 {"Monday", 1}, {"Tuesday", 2},	 {"Wednesday", 3},
	{"Thursday", 4}, {"Friday", 5}, {"Saturday", 6}, {NULL, 0},
};

static int parse_day(const struct datatype *dt, const char *text, struct value *ret,
		     const char **ret_why)
{
	const struct symbol *s = symbol_find(dt->symbols, text);
	uint64_t number = s ? s->value : 0;

	if (!s && !datatype_number(text, &number))
		return -ENOENT;
	if (number > 6) {
		*ret_why = "is no day: they are 0 for Sunday to 6";
		return -EINVAL;
	}
	*ret = (struct value){.num = number};
	return 0;
}

/* A number of at most `most`, of one or two digits; NULL when it is none. */
static const char *two_digits(const char *s, unsigned most, unsigned *ret)
{
	unsigned n = 0, digits = 0;

	while (*s >= '0' && *s <= '9' && digits < 2) {
		n = n * 10 + (unsigned)(*s++ - '0');
		digits++;
	}
	if (!digits || n > most)
		return NULL;
	*ret = n;
	return s;
}

/* HH:MM or HH:MM:SS. */
static bool parse_clock(const char *s, uint64_t *ret_seconds)
{
	unsigned h, m, sec = 0;

	s = two_digits(s, 23, &h);
	if (!s || *s++ != ':')
		return false;
	s = two_digits(s, 59, &m);
	if (s && *s == ':')
		s = two_digits(s + 1, 59, &sec);
	if (!s || *s)
		return false;
	*ret_seconds = h * 3600 + m * 60 + sec;
	return true;
}

/* Seconds since midnight, moved by so many. */
static unsigned turn_clock(uint64_t seconds, int64_t by)
{
	int64_t turned = ((int64_t)(seconds % DAY_SECONDS) + by) % DAY_SECONDS;

	return (unsigned)(turned < 0 ? turned + DAY_SECONDS : turned);
}

static int parse_hour(const struct locale *locale, const char *text, struct value *ret,
		      const char **ret_why)
{
	uint64_t seconds, ms;

	if (datatype_number(text, &seconds) && seconds < DAY_SECONDS) {
		*ret = (struct value){.num = seconds};
		return 0;
	}
	if (!parse_clock(text, &seconds)) {
		/* nft takes a span since midnight as well: 17h30m. */
		if (datatype_number(text, &ms) ||
		    time_parse(text, DAY_SECONDS * 1000 - 1, &ms)) {
			*ret_why = "is no time of the day, such as \"17:30\"";
			return -EINVAL;
		}
		seconds = ms / 1000;
	}
	*ret = (struct value){.num = turn_clock(seconds, -zone_now(locale_zone(locale)))};
	return 0;
}

static void print_hour(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	unsigned s = turn_clock(v->num, zone_now(locale_zone(out->locale)));

	(void)dt;
	(void)flags;
	text_printf(out, "\"%02u:%02u", s / 3600, s / 60 % 60);
	if (s % 60)
		text_printf(out, ":%02u", s % 60);
	text_putc(out, '"');
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, counted in years that begin with
 * March, so that the leap day is the last. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = year - (month < 3), era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month + (month < 3 ? 9 : -3)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = days + 719468, era = z / 146097, of_era = z % 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

	*ret_day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
	*ret_month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*ret_year = y + era * 400 + (*ret_month < 3);
}

static unsigned days_in(int64_t year, unsigned month)
{
	unsigned next = month == 12 ? 1 : month + 1;

	return (unsigned)(days_of(year + (month == 12), next, 1) - days_of(year, month, 1));
}

/* YYYY-MM-DD, and HH:MM[:SS] behind it. */
static bool parse_date_text(const char *s, int64_t *ret_seconds)
{
	unsigned month, day;
	uint64_t clock = 0;
	int64_t year;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	year = strtol(s, &end, 10);
	if (*end != '-' || year < 1970 || year > 2553)
		return false;
	s = two_digits(end + 1, 12, &month);
	if (!s || !month || *s != '-')
		return false;
	s = two_digits(s + 1, 31, &day);
	if (!s || !day || day > days_in(year, month))
		return false;
	if (*s && (*s != ' ' || !parse_clock(s + 1, &clock)))
		return false;
	*ret_seconds = days_of(year, month, day) * DAY_SECONDS + (int64_t)clock;
	return true;
}

#define MAX_SECONDS (UINT64_MAX / 1000000000)

static int parse_date(const struct locale *locale, const char *text, struct value *ret,
		      const char **ret_why)
{
	uint64_t seconds;
	int64_t local;

	if (parse_date_text(text, &local)) {
		/* What it differs by at that time in UTC, a few hours off: so nft has it. */
		local -= zone_offset(locale_zone(locale), local);
		if (local < 0) {
			*ret_why = "is too early: at least 1970-01-01 in UTC";
			return -EINVAL;
		}
		seconds = (uint64_t)local;
	} else if (!datatype_number(text, &seconds)) {
		*ret_why = "is no date, such as \"2026-01-31 17:30:00\"";
		return -EINVAL;
	}
	if (seconds > MAX_SECONDS) {
		*ret_why = "is too far away: at most the year 2553";
		return -EINVAL;
	}
	*ret = (struct value){.num = seconds * 1000000000};
	return 0;
}

static void print_date(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	int64_t s = (int64_t)(v->num / 1000000000), year;
	unsigned month, day, clock;

	(void)dt;
	(void)flags;
	s += zone_offset(locale_zone(out->locale), s);
	/* West of Greenwich 1970 began in the year before. */
	clock = turn_clock(0, s);
	date_of((s - clock) / DAY_SECONDS, &year, &month, &day);
	text_printf(out, "\"%04" PRId64 "-%02u-%02u %02u:%02u:%02u\"", year, month, day,
		    clock / 3600, clock / 60 % 60, clock % 60);
}

NUMBER(day, 8, "Day of week of packet reception", "day", .symbols = day_names, .quoted = true,
       .parse = parse_day);
NUMBER(hour, 32, "Hour of day of packet reception", "time of the day",
       .parse_local = parse_hour, .print = print_hour);
/* Nanoseconds since 1970; nft calls it time as well. */
const struct datatype datatype_date = {
	.name = "time",
	.desc = "Relative time of packet reception",
	.what = "date",
	.class = VALUE_NUMBER,
	.bits = 64,
	.parse_local = parse_date,
	.print = print_date,
};
