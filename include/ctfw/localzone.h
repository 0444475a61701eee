/* localzone.h - the time zone that this process is in: the environment's TZ, or the host's. */
#ifndef CTFW_LOCALZONE_H
#define CTFW_LOCALZONE_H

#include "ctfw/zone.h"

/* From 1970 to 2100; later dates differ by what the last one does. */
void localzone_read(struct zone *ret_zone);

#endif
