/* status_text.h - Status for people. */
#ifndef CTFW_CTL_STATUS_TEXT_H
#define CTFW_CTL_STATUS_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* status: the parameters of Status' reply; now: seconds since 1970. */
void status_print(FILE *out, const json_t *status, double now);

#endif
