/* log.c - lines on stderr, for the journal or for a person. */
#include "host/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

/* Set once, before there is a second thread. */
static struct {
	bool journal;
	bool verbose;
} log_state;

/* Whether stderr is the socket that systemd names in JOURNAL_STREAM (systemd.exec(5)). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_init(bool verbose)
{
	log_state.journal = is_journal();
	log_state.verbose = verbose;
}

void log_line(enum log_level level, const char *s, size_t len)
{
	char line[LINE_MAX_BYTES];
	size_t n;

	if (len > sizeof(line) - 16)
		len = sizeof(line) - 16;
	if (log_state.journal)
		n = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	else
		n = (size_t)snprintf(line, sizeof(line), "ctfwd: ");
	memcpy(line + n, s, len);
	line[n + len] = '\n';
	/* Nobody to tell when stderr is gone. */
	if (write(STDERR_FILENO, line, n + len + 1) < 0)
		return;
}

void log_say(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	int len;

	if (level >= LEVEL_DEBUG && !log_state.verbose)
		return;
	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len > 0)
		log_line(level, line,
			 (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1);
}

void log_text(enum log_level level, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		log_line(level, text, len);
		text += len + (text[len] == '\n');
	}
}
