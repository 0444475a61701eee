/* diag.c - diagnostics with their place: file, line, column, the line itself, carets.
 *
 * The layout is decided here and nowhere else, so that a mistake in a ruleset, a command
 * line and a configuration file all look alike. */
#include "ctfw/diag.h"

#include <ctype.h>
#include <string.h>

/* A line longer than this is cut in the picture; the column still tells the place. */
#define LINE_SHOWN 200

void diag_fini(struct diag *d)
{
	text_fini(&d->text);
	d->errors = 0;
}

void source_position(const struct source *src, uint32_t off, unsigned *ret_line,
		     unsigned *ret_column)
{
	unsigned line = 1;
	size_t start = 0, end = off < src->len ? off : src->len;

	for (size_t i = 0; i < end; i++) {
		if (src->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*ret_line = line;
	*ret_column = (unsigned)(end - start) + 1;
}

struct span span_join(struct span a, struct span b)
{
	uint32_t start, end;

	if (!a.source)
		return b;
	if (!b.source || a.source != b.source)
		return a;
	start = a.off < b.off ? a.off : b.off;
	end = a.off + a.len > b.off + b.len ? a.off + a.len : b.off + b.len;
	return (struct span){ a.source, start, end - start };
}

/* Bytes of strangers on a terminal: what is not printable becomes a question mark. */
static char shown(char c)
{
	return c == '\t' || (unsigned char)c >= 0x80 || isprint((unsigned char)c) ? c : '?';
}

/* The line of the span and carets below it, both indented by four. */
static void draw(struct text *t, const struct span *at)
{
	const struct source *src = at->source;
	size_t off = at->off < src->len ? at->off : src->len;
	size_t start = off, end = off, carets = at->len ? at->len : 1;

	while (start > 0 && src->text[start - 1] != '\n')
		start--;
	while (end < src->len && src->text[end] != '\n')
		end++;
	if (off - start > LINE_SHOWN / 2)
		start = off - LINE_SHOWN / 2;
	if (end - start > LINE_SHOWN)
		end = start + LINE_SHOWN;
	if (end > start && off + carets > end)
		carets = end > off ? end - off : 1;

	text_puts(t, "    ");
	for (size_t i = start; i < end; i++)
		text_putc(t, shown(src->text[i]));
	text_puts(t, "\n    ");
	for (size_t i = start; i < off; i++)
		text_putc(t, src->text[i] == '\t' ? '\t' : ' ');
	for (size_t i = 0; i < carets; i++)
		text_putc(t, '^');
	text_putc(t, '\n');
}

static void included_from(struct text *t, const struct source *src)
{
	for (; src->parent; src = src->parent) {
		unsigned line, column;

		source_position(src->parent, src->parent_off, &line, &column);
		text_printf(t, "included from %s:%u:%u:\n", src->parent->name, line, column);
	}
}

static void say_path(struct text *t, const struct span *at)
{
	struct text path = TEXT_INIT;

	if (!at->source->path)
		return;
	at->source->path(at->source, at->off, &path);
	if (path.len)
		text_printf(t, "in %s\n", text_str(&path));
	text_fini(&path);
}

void diag_error(struct diag *d, const struct span *at, const char *fmt, ...)
{
	va_list ap;

	if (++d->errors > DIAG_MAX_SHOWN)
		return;
	if (at && at->source) {
		unsigned line, column;

		included_from(&d->text, at->source);
		source_position(at->source, at->off, &line, &column);
		text_printf(&d->text, "%s:%u:%u: ", at->source->name, line, column);
	}
	va_start(ap, fmt);
	text_vprintf(&d->text, fmt, ap);
	va_end(ap);
	text_putc(&d->text, '\n');
	if (at && at->source) {
		draw(&d->text, at);
		say_path(&d->text, at);
	}
}

void diag_hint(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	if (d->errors > DIAG_MAX_SHOWN)
		return;
	va_start(ap, fmt);
	text_vprintf(&d->text, fmt, ap);
	va_end(ap);
	text_putc(&d->text, '\n');
}
