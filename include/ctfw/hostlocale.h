/* hostlocale.h - the locale that this process is in: its time zone, and the host's names of ct
 * labels. */
#ifndef CTFW_HOSTLOCALE_H
#define CTFW_HOSTLOCALE_H

#include "ctfw/locale.h"

#define LABELS_FILE "/etc/connlabel.conf" /* the one that nft reads */

/* Neither can fail: without a zone it is UTC, without a file there are no names. */
void hostlocale_read(struct locale *ret_locale);
/* Lines of a number and a name; what is no such line is passed over.  False: there is no such
 * file. */
bool hostlocale_labels(const char *path, struct label_names *ret_names);

#endif
