/* hostlocale.c - the locale that this process is in.
 *
 * connlabel.conf is as libnetfilter_conntrack and nft read it: "number name" a line, the number
 * decimal or 0x..., # for the rest of a line.  nft reads no further than the first line that it
 * cannot; we go on behind it. */
#include "ctfw/hostlocale.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/localzone.h"
#include "ctfw/regular.h"

/* No file has so many lines for a reason. */
#define LINES_MAX 4096

static void take_line(const char *line, struct label_names *names)
{
	static const char blank[] = " \t\r\n";
	const char *p = line + strspn(line, blank);
	int base = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 16 : 10;
	unsigned long label;
	char *end;

	if (!isdigit((unsigned char)*p))
		return;
	label = strtoul(p, &end, base);
	p = end + strspn(end, blank);
	if (p == end || *p == '#' || label >= LABELS)
		return;
	label_names_add(names, (unsigned)label, p, strcspn(p, blank));
}

bool hostlocale_labels(const char *path, struct label_names *ret_names)
{
	int fd = regular_open(AT_FDCWD, path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[256];

	ret_names->n = 0;
	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (unsigned n = 0; n < LINES_MAX && fgets(line, sizeof(line), file); n++) {
		bool whole = strchr(line, '\n');

		take_line(line, ret_names);
		/* The rest of a long line is none of its own. */
		while (!whole && fgets(line, sizeof(line), file))
			whole = strchr(line, '\n');
	}
	fclose(file);
	return true;
}

void hostlocale_read(struct locale *ret_locale)
{
	localzone_read(&ret_locale->zone);
	hostlocale_labels(LABELS_FILE, &ret_locale->labels);
}
