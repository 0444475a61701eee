/* lines.c - lines of text on their way to one who watches.  See lines.h. */
#include "control/lines.h"

#include <stdlib.h>

#include "control/session.h"

void lines_put(struct line_queue *q, struct text *lines, size_t max)
{
	if (text_failed(lines) || lines->len > max - q->pending.len)
		q->skipped++;
	else
		text_append(&q->pending, text_str(lines), lines->len);
	text_fini(lines);
}

void lines_tell(struct line_queue *q)
{
	if (!q->waits || (!q->pending.len && !q->skipped))
		return;
	q->waits = false;
	session_wake(q->session);
}

void lines_fini(struct line_queue *q)
{
	text_fini(&q->pending);
}

/* {skipped, lines}, which others follow; both begin anew. */
static void reply(struct control_session *s, struct line_queue *q)
{
	struct text out = TEXT_INIT;
	json_t *params = json_pack("{sI so}", "skipped", (json_int_t)q->skipped, "lines",
				   control_json_text(text_str(&q->pending), q->pending.len));
	char *json = params ? json_dumps(params, JSON_COMPACT) : NULL;

	text_puts(&out, json ? json : "");
	out.failed = out.failed || !json;
	text_fini(&q->pending);
	q->pending = (struct text)TEXT_INIT;
	q->skipped = 0;
	session_reply_text(s, &out, true);
	text_fini(&out);
	free(json);
	json_decref(params);
}

/* One run: one reply. */
static void step(struct control_session *s, void *job)
{
	struct line_queue *q = job;

	if (q->pending.len || q->skipped) {
		reply(s, q);
		return;
	}
	q->waits = true;
	session_pause(s);
}

void lines_stream(struct control_session *s, struct line_queue *job,
		  void (*job_free)(void *job))
{
	struct text first = TEXT_INIT;

	job->session = s;
	text_puts(&first, "{\"skipped\":0,\"lines\":\"\"}");
	session_continue(s, step, job, job_free);
	session_reply_text(s, &first, true);
	text_fini(&first);
}
