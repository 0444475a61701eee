/* rundir_private.h - what rundir.c and rundir_arena.c share. */
#ifndef CTFW_HOST_RUNDIR_PRIVATE_H
#define CTFW_HOST_RUNDIR_PRIVATE_H

#include "host/rundir.h"

/* The error err over `path`, in d as well: "cannot lock /run/ctfw: ..." */
int rundir_fail(struct diag *d, int err, const char *what, const char *path);

#endif
