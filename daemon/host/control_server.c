/* control_server.c - the control socket: connections, their rights and their limits.
 *
 * A connection is a bufferevent and a session.  Bytes go from the socket to the session
 * while it waits for a message; then reading stops until the call is answered, so that
 * the kernel holds the peer back.  A session runs only while less than OUTPUT_LOW bytes
 * wait for its peer: a stream is made at the pace at which it is read.
 *
 * Those that have something to do stand in two queues, new calls in one and streams that
 * go on in the other.  They are worked off from a timer of no delay, for TURN_NS a turn of
 * the loop, queues in turn and in each of them users in turn: a hundred dumps keep nobody
 * waiting, nor do a hundred calls of another user.
 *
 * Nobody can take a place from others for long.  Connections stand in a list by their last
 * sign of life.  When there are too many, those that were broken off go first; then the
 * most silent one, of the user who holds most of them, that has asked for nothing; then any
 * of that user's, or if the newcomer is his, the newcomer.  When too much output lies
 * unread, the most silent one that leaves some goes.
 *
 * One thread, the loop's. */
#include "host/control_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctfw/hostclock.h"
#include "host/pulse.h"

#define INPUT_HIGH (256u << 10) /* read from the kernel before the session takes it */
#define OUTPUT_LOW (64u << 10)
#define ACCEPTS_A_TURN 16
#define TURN_NS (2 * NSEC_PER_MSEC)
#define RETRY_MSEC 100
#define DRAIN_TURNS 8 /* of the loop, behind the end of drain_msec */

struct connection {
	TAILQ_ENTRY(connection) link;
	TAILQ_ENTRY(connection) ready_link;
	struct ready *ready; /* the queue that it stands in, or NULL */
	struct control_server *server;
	struct bufferevent *bev;
	struct control_session *session;
	struct event *deadline; /* the message must be whole */
	uid_t uid;
	bool may_change;
	bool has_asked; /* it was answered once */
	enum control_state state;
};

struct ready {
	TAILQ_HEAD(ready_list, connection) list;
	uid_t last_uid; /* whose turn it was */
};

struct control_server {
	const struct control_context *ctx;
	struct pulse *pulse; /* or NULL */
	struct event_base *base;
	struct event *listener;
	struct event *retry;  /* listen again, after accept(2) failed for lack of something */
	struct control_limits limits;
	TAILQ_HEAD(connection_list, connection) connections; /* the most lively first */
	unsigned n_connections;
	struct ready calls, streams; /* those with something to do */
	struct event *work;          /* do it */
	struct event *sweeper;       /* look for listeners that have gone */
	size_t output; /* bytes in all their output buffers */

	struct event *drained; /* not NULL: draining */
	unsigned drain_turns;  /* that are left */
	void (*done)(void *arg);
	void *done_arg;
};

static const struct control_limits default_limits = {
	.connections = 256,
	.output = 256u << 20,
	.message_seconds = 60,
	.stall_seconds = 600,
	.drain_msec = 300,
};

static const struct timeval sweep_every = { 1, 0 };

static void connection_read(struct connection *c);
static void unready(struct connection *c);

static void arm(struct event *timer, unsigned msec)
{
	struct timeval delay = { msec / 1000, msec % 1000 * 1000 };

	evtimer_add(timer, &delay);
}

/* ---- the list ---- */

static void touch(struct connection *c)
{
	TAILQ_REMOVE(&c->server->connections, c, link);
	TAILQ_INSERT_HEAD(&c->server->connections, c, link);
}

static void output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info,
			   void *arg)
{
	struct connection *c = arg;

	(void)buffer;
	c->server->output += info->n_added;
	c->server->output -= info->n_deleted;
	if (info->n_deleted)
		touch(c);
}

static void connection_free(struct connection *c)
{
	struct control_server *s = c->server;

	TAILQ_REMOVE(&s->connections, c, link);
	s->n_connections--;
	unready(c);
	if (c->bev) {
		struct evbuffer *output = bufferevent_get_output(c->bev);

		evbuffer_remove_cb(output, output_changed, c);
		s->output -= evbuffer_get_length(output);
		bufferevent_free(c->bev);
	}
	if (c->deadline)
		event_free(c->deadline);
	control_session_free(c->session);
	free(c);
	if (s->drained && s->n_connections == 0)
		arm(s->drained, 0);
}

static unsigned connections_of(const struct control_server *s, uid_t uid)
{
	const struct connection *c;
	unsigned n = 0;

	TAILQ_FOREACH (c, &s->connections, link)
		n += c->uid == uid;
	return n;
}

/* The peer has closed, and not merely shut its side down. */
static bool hung_up(const struct connection *c)
{
	struct pollfd p = { .fd = bufferevent_getfd(c->bev) };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR);
}

/* It waits for an answer, or for its turn. */
static bool waits_for_us(const struct connection *c)
{
	return c->ready || c->state == CONTROL_WAIT || c->state == CONTROL_PAUSE;
}

static bool asks_nothing(const struct connection *c)
{
	return !waits_for_us(c);
}

static size_t unread(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static bool leaves_output(const struct connection *c)
{
	return unread(c) > 0;
}

static bool may_be_any(const struct connection *c)
{
	return c != NULL;
}

/* The most silent one that qualifies, of whoever has most connections; not `spare`. */
static struct connection *find_victim(struct control_server *s, const struct connection *spare,
				      bool (*qualifies)(const struct connection *c))
{
	struct connection *victim = NULL, *c;
	unsigned most = 0;

	TAILQ_FOREACH_REVERSE (c, &s->connections, connection_list, link) {
		unsigned n;

		if (c == spare || !qualifies(c))
			continue;
		n = connections_of(s, c->uid);
		if (n > most) {
			most = n;
			victim = c;
		}
	}
	return victim;
}

/* One fewer, perhaps the newcomer (which may be NULL). */
static void make_room(struct control_server *s, struct connection *newcomer)
{
	struct connection *victim, *c, *next;
	unsigned before = s->n_connections;

	for (c = TAILQ_FIRST(&s->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c != newcomer && waits_for_us(c) && hung_up(c))
			connection_free(c);
	}
	if (s->n_connections < before)
		return;
	victim = find_victim(s, newcomer, asks_nothing);
	if (!victim)
		victim = find_victim(s, newcomer, may_be_any);
	if (victim && newcomer && waits_for_us(victim) && victim->uid == newcomer->uid)
		victim = newcomer;
	if (victim)
		connection_free(victim);
}

/* ---- the queue ---- */

static void make_ready(struct connection *c, struct ready *queue)
{
	if (c->ready)
		return;
	TAILQ_INSERT_TAIL(&queue->list, c, ready_link);
	c->ready = queue;
	/* Armed anew when it is about to run, it would be put off, for ever under a flood. */
	if (!evtimer_pending(c->server->work, NULL))
		arm(c->server->work, 0);
}

static void unready(struct connection *c)
{
	if (c->ready)
		TAILQ_REMOVE(&c->ready->list, c, ready_link);
	c->ready = NULL;
}

/* The next one, of another user than the last if there is any; NULL when it is empty. */
static struct connection *ready_next(struct ready *queue)
{
	struct connection *c;

	TAILQ_FOREACH (c, &queue->list, ready_link)
		if (c->uid != queue->last_uid)
			break;
	if (!c)
		c = TAILQ_FIRST(&queue->list);
	if (c) {
		queue->last_uid = c->uid;
		unready(c);
	}
	return c;
}

/* ---- one connection ---- */

static void text_release(const void *data, size_t len, void *arg)
{
	(void)len;
	(void)arg;
	free((void *)data);
}

static void send_text(struct connection *c, struct text *t)
{
	struct control_server *s = c->server;
	struct connection *victim;
	size_t len = t->len;
	char *bytes = len ? text_steal(t) : NULL;

	text_fini(t);
	if (bytes && evbuffer_add_reference(bufferevent_get_output(c->bev), bytes, len,
					    text_release, NULL) < 0) {
		free(bytes);
		c->state = CONTROL_CLOSE;
	}
	while (s->output > s->limits.output && (victim = find_victim(s, c, leaves_output)))
		connection_free(victim);
}

/* Its peer has said something that we have not answered, or connected and is about to. */
static bool has_called(const struct connection *c)
{
	struct pollfd p = { .fd = bufferevent_getfd(c->bev), .events = POLLIN };

	return !c->has_asked || control_session_partial(c->session) ||
	       evbuffer_get_length(bufferevent_get_input(c->bev)) ||
	       (poll(&p, 1, 0) == 1 && !(p.revents & (POLLHUP | POLLERR)));
}

/* What the state asks for next.  May free c. */
static void connection_next(struct connection *c)
{
	switch (c->state) {
	case CONTROL_READ:
		if (c->server->drained && !has_called(c))
			c->state = CONTROL_CLOSE;
		else
			connection_read(c);
		break;
	case CONTROL_WRITE:
		if (unread(c) <= OUTPUT_LOW)
			make_ready(c, &c->server->streams);
		break;
	case CONTROL_PAUSE: /* there may never be anything to say */
		if (c->server->drained)
			c->state = CONTROL_CLOSE;
		break;
	case CONTROL_NONE:
	case CONTROL_WAIT:
	case CONTROL_CLOSE:
		break;
	}
	if (c->state == CONTROL_CLOSE && unread(c) == 0)
		connection_free(c);
}

static void connection_run(struct connection *c)
{
	struct text out = TEXT_INIT;

	if (c->state == CONTROL_CLOSE)
		return;
	/* Unseen, since reading is off.  Who may change may have called one way. */
	if (!c->may_change && hung_up(c)) {
		connection_free(c);
		return;
	}
	/* A ruleset that is applied may take its time. */
	pulse_work(c->server->pulse, "Filtering, and a command is worked on");
	c->has_asked = true;
	c->state = control_session_run(c->session, &out);
	pulse_rest(c->server->pulse);
	send_text(c, &out);
	connection_next(c);
}

static void work_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;
	uint64_t end = hostclock_mono() + TURN_NS;
	struct connection *c;

	(void)fd;
	(void)what;
	do {
		c = ready_next(&s->calls);
		if (c)
			connection_run(c);
		c = ready_next(&s->streams);
		if (c)
			connection_run(c);
	} while (hostclock_mono() < end &&
		 (!TAILQ_EMPTY(&s->calls.list) || !TAILQ_EMPTY(&s->streams.list)));
	if (!TAILQ_EMPTY(&s->calls.list) || !TAILQ_EMPTY(&s->streams.list))
		arm(s->work, 0);
}

static void session_wakes(void *arg)
{
	struct connection *c = arg;

	/* Who has not read what there was is told the rest when he has. */
	if (c->state == CONTROL_PAUSE && unread(c) > OUTPUT_LOW)
		c->state = CONTROL_WRITE;
	else
		make_ready(c, &c->server->calls);
}

/* Feed the session; reading goes on only while it waits for the rest of a message. */
static void connection_read(struct connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	struct evbuffer_iovec part;
	size_t before = control_session_partial(c->session), taken = 0, total = 0;

	while (evbuffer_peek(input, -1, NULL, &part, 1) > 0 && part.iov_len) {
		taken = control_session_input(c->session, part.iov_base, part.iov_len);
		evbuffer_drain(input, taken);
		total += taken;
		if (taken < part.iov_len || control_session_partial(c->session) == 0)
			break; /* a message is whole, or refused */
	}
	if (total && control_session_partial(c->session) == 0) {
		evtimer_del(c->deadline);
		bufferevent_disable(c->bev, EV_READ);
		make_ready(c, &c->server->calls);
		return;
	}
	if (before == 0 && control_session_partial(c->session))
		arm(c->deadline, c->server->limits.message_seconds * 1000);
	bufferevent_enable(c->bev, EV_READ);
}

static void read_cb(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	touch(c);
	if (c->state == CONTROL_READ)
		connection_read(c);
}

static void write_cb(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	if (c->state == CONTROL_WRITE || c->state == CONTROL_CLOSE)
		connection_next(c);
}

/* The peer closed its side, broke off, or left an answer unread for too long. */
static void event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	if (!(what & BEV_EVENT_EOF) || unread(c) == 0) {
		connection_free(c);
		return;
	}
	c->state = CONTROL_CLOSE; /* it may still read */
	bufferevent_disable(c->bev, EV_READ);
}

static void deadline_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connection_free(arg);
}

/* Takes the descriptor. */
static void connection_new(struct control_server *s, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->may_change = cred.uid == 0 || cred.uid == geteuid();
	c->uid = cred.uid;
	c->state = CONTROL_READ;
	TAILQ_INSERT_HEAD(&s->connections, c, link);
	s->n_connections++;
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		close(fd);
		connection_free(c);
		return;
	}
	c->session = control_session_new(s->ctx, c->may_change, session_wakes, c);
	c->deadline = evtimer_new(s->base, deadline_cb, c);
	if (!c->session || !c->deadline ||
	    !evbuffer_add_cb(bufferevent_get_output(c->bev), output_changed, c)) {
		connection_free(c);
		return;
	}
	control_session_set_uid(c->session, cred.uid);
	bufferevent_setcb(c->bev, read_cb, write_cb, event_cb, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	bufferevent_setwatermark(c->bev, EV_WRITE, OUTPUT_LOW, 0);
	bufferevent_set_timeouts(c->bev, NULL, &(struct timeval){ s->limits.stall_seconds, 0 });
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (s->n_connections > s->limits.connections)
		make_room(s, c);
}

/* Who waits for news is not read from, so his going is not seen otherwise. */
static void sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;
	struct connection *c, *next;

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&s->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->state == CONTROL_PAUSE && hung_up(c))
			connection_free(c);
	}
}

/* ---- the listener ---- */

static void retry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;

	(void)fd;
	(void)what;
	event_add(s->listener, NULL);
}

static void accept_cb(evutil_socket_t listen_fd, short what, void *arg)
{
	struct control_server *s = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			connection_new(s, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* No descriptor or memory: give one back, and do not spin meanwhile. */
		make_room(s, NULL);
		event_del(s->listener);
		arm(s->retry, RETRY_MSEC);
		return;
	}
}

struct control_server *control_server_new(struct event_base *base, int listen_fd,
					  const struct control_context *ctx)
{
	struct control_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ctx = ctx;
	s->base = base;
	s->limits = default_limits;
	TAILQ_INIT(&s->connections);
	TAILQ_INIT(&s->calls.list);
	TAILQ_INIT(&s->streams.list);
	s->work = evtimer_new(base, work_cb, s);
	s->sweeper = event_new(base, -1, EV_PERSIST, sweep_cb, s);
	s->listener = event_new(base, listen_fd, EV_READ | EV_PERSIST, accept_cb, s);
	s->retry = evtimer_new(base, retry_cb, s);
	if (!s->work || !s->listener || !s->retry || !s->sweeper ||
	    event_add(s->sweeper, &sweep_every) < 0 ||
	    evutil_make_socket_nonblocking(listen_fd) < 0 || event_add(s->listener, NULL) < 0) {
		control_server_free(s);
		return NULL;
	}
	return s;
}

void control_server_free(struct control_server *s)
{
	struct connection *c;

	if (!s)
		return;
	if (s->drained)
		event_free(s->drained);
	s->drained = NULL;
	while ((c = TAILQ_FIRST(&s->connections)))
		connection_free(c);
	if (s->work)
		event_free(s->work);
	if (s->sweeper)
		event_free(s->sweeper);
	if (s->listener)
		event_free(s->listener);
	if (s->retry)
		event_free(s->retry);
	free(s);
}

void control_server_set_limits(struct control_server *s, const struct control_limits *limits)
{
	s->limits = *limits;
}

void control_server_set_pulse(struct control_server *s, struct pulse *pulse)
{
	s->pulse = pulse;
}

unsigned control_server_connections(const struct control_server *s)
{
	return s->n_connections;
}

static void drained_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;

	(void)fd;
	(void)what;
	/* Where we had no processor all the while, who asked in time is still answered. */
	if (s->n_connections && s->drain_turns) {
		s->drain_turns--;
		arm(s->drained, 0);
		return;
	}
	s->done(s->done_arg);
}

void control_server_hold(struct control_server *s)
{
	event_del(s->listener);
	evtimer_del(s->retry);
}

void control_server_drain(struct control_server *s, void (*done)(void *arg), void *arg)
{
	struct connection *c, *next;

	if (s->drained)
		return;
	s->done = done;
	s->done_arg = arg;
	control_server_hold(s);
	s->drained = evtimer_new(s->base, drained_cb, s);
	if (!s->drained) { /* no memory to wait with */
		done(arg);
		return;
	}
	s->drain_turns = DRAIN_TURNS;
	/* From now on, and not from when the loop woke: a reload may lie in between. */
	event_base_update_cache_time(s->base);
	arm(s->drained, s->limits.drain_msec);
	for (c = TAILQ_FIRST(&s->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		bufferevent_disable(c->bev, EV_READ);
		if (!c->ready)
			connection_next(c);
	}
	if (s->n_connections == 0)
		arm(s->drained, 0);
}
