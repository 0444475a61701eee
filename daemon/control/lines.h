/* lines.h - lines of text on their way to one who watches: what WatchRuleset and WatchTrace
 * share. */
#ifndef CTFW_CONTROL_LINES_H
#define CTFW_CONTROL_LINES_H

#include "ctfw/control.h"

struct control_session;

/* One listener's.  Private to the main thread, as hubs are. */
struct line_queue {
	struct text pending; /* lines that were not taken yet */
	uint64_t skipped;    /* what did not fit since then, each counted as one */
	bool waits;	     /* the session is to be woken when something is there */
	struct control_session *session;
};

/* What came of one event, as a whole or not at all; max bytes wait at most.  Frees the text. */
void lines_put(struct line_queue *q, struct text *lines, size_t max);
/* Wake who waits, if there is something. */
void lines_tell(struct line_queue *q);
void lines_fini(struct line_queue *q);

/* The stream: the first reply says from when on the client is told; then a reply a run.
 * job has the queue first, and is freed with the session. */
void lines_stream(struct control_session *s, struct line_queue *job,
		  void (*job_free)(void *job));

#endif
