/* log.h - lines on stderr.
 *
 * Under the journal each line begins with its level, as sd-daemon(3) has it: <6>...  On a
 * terminal or in a file it begins with "ctfwd: ".  A line is one write(2), so that lines of
 * keeper and filter do not mix.  Any thread, except for log_init(). */
#ifndef CTFW_HOST_LOG_H
#define CTFW_HOST_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* syslog's numbers. */
enum log_level {
	LEVEL_EMERG = 0,
	LEVEL_ERROR = 3,
	LEVEL_WARNING = 4,
	LEVEL_NOTICE = 5,
	LEVEL_INFO = 6,
	LEVEL_DEBUG = 7,
};

/* Find out where stderr leads.  verbose: say what is of use in finding errors, too. */
void log_init(bool verbose);
void log_say(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One line of any level, as it is. */
void log_line(enum log_level level, const char *line, size_t len);
/* Several lines, each as one of that level; without the last newline or with it. */
void log_text(enum log_level level, const char *text);

#endif
