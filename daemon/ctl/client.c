/* client.c - calls to the daemon: Varlink over its control socket.
 *
 * Blocking, one call at a time.  Replies are read as they come; bytes behind the one in
 * hand wait in the buffer. */
#include "ctl/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctfw/control.h"

/* A daemon that hangs is waited for, since it may be at work, but nobody shall wonder. */
#define PATIENCE_MS 10000

struct client {
	struct ctl *ctl;
	int fd;
	bool watches; /* replies come when something happens */
	bool wondered;
	struct text in; /* bytes from `at` on are unread */
	size_t at;
	volatile sig_atomic_t stopped;
};

/* Whose group may connect; in a directory that is shut to us nobody can tell. */
static void explain_permission(struct ctl *ctl)
{
	const struct group *group = NULL;
	struct stat st;

	if (stat(ctl->socket, &st) == 0)
		group = getgrgid(st.st_gid);
	ctl_error(ctl, "no permission to connect to %s: root may, and %s%s", ctl->socket,
		  group ? "the group " : "the socket's group", group ? group->gr_name : "");
}

static void explain_connect(struct ctl *ctl, int err)
{
	if (err == ENOENT || err == ECONNREFUSED) {
		ctl_error(ctl, "ctfwd is not running (%s %s)",
			  err == ENOENT ? "there is no socket" : "nobody listens on",
			  ctl->socket);
		fputs("Start it with \"systemctl start ctfwd\"; until then \"ctfwctl steer "
		      "check\" tells what passes.  Or name the socket of another with "
		      "--socket.\n",
		      ctl->err);
	} else if (err == EACCES) {
		explain_permission(ctl);
	} else {
		ctl_error(ctl, "cannot connect to %s: %s", ctl->socket, strerror(err));
	}
}

struct client *client_open(struct ctl *ctl)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct client *c;

	if (strlen(ctl->socket) >= sizeof(sun.sun_path)) {
		ctl_error(ctl, "the path of the socket is too long: %s", ctl->socket);
		return NULL;
	}
	memcpy(sun.sun_path, ctl->socket, strlen(ctl->socket) + 1);
	c = calloc(1, sizeof(*c));
	if (!c) {
		ctl_error(ctl, "out of memory");
		return NULL;
	}
	c->ctl = ctl;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		explain_connect(ctl, errno);
		client_close(c);
		return NULL;
	}
	return c;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	text_fini(&c->in);
	free(c);
}

static int send_all(struct client *c, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int client_send(struct client *c, const char *method, json_t *params, bool more)
{
	char name[128];
	json_t *message;
	char *text;
	int err;

	snprintf(name, sizeof(name), CONTROL_INTERFACE ".%s", method);
	message = json_pack("{ss so}", "method", name, "parameters",
			    params ? params : json_object());
	if (message && more)
		json_object_set_new(message, "more", json_true());
	text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	json_decref(message);
	if (!text) {
		ctl_error(c->ctl, "out of memory");
		return -1;
	}
	err = send_all(c, text, strlen(text) + 1);
	free(text);
	/* A peer that refused a message broke off in the middle of it, and left a reason. */
	if (err && err != -EPIPE && err != -ECONNRESET) {
		ctl_error(c->ctl, "cannot write to %s: %s", c->ctl->socket, strerror(-err));
		return -1;
	}
	return 0;
}

/* Says so, once, when no byte comes. */
static void wait_for_bytes(struct client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	if (c->watches || c->wondered || poll(&p, 1, PATIENCE_MS) != 0)
		return;
	c->wondered = true;
	ctl_error(c->ctl, "ctfwd has not answered for %d s; still waiting (its log tells why: "
			  "journalctl -u ctfwd)",
		  PATIENCE_MS / 1000);
}

/* Read on until a NUL is there; its offset in *ret_end. */
static int fill(struct client *c, size_t *ret_end)
{
	size_t seen = c->at;

	for (;;) {
		const char *nul = c->in.len > seen ?
					  memchr(c->in.s + seen, '\0', c->in.len - seen) : NULL;
		char buf[65536];
		ssize_t n;

		if (nul) {
			*ret_end = (size_t)(nul - c->in.s);
			return 0;
		}
		seen = c->in.len;
		wait_for_bytes(c);
		n = recv(c->fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		text_append(&c->in, buf, (size_t)n);
		if (text_failed(&c->in))
			return -ENOMEM;
	}
}

/* Forget what was read, now and then. */
static void compact(struct client *c)
{
	size_t left = c->in.len - c->at;

	if (left)
		memmove(c->in.s, c->in.s + c->at, left);
	c->in.len = left;
	c->at = 0;
}

void client_stop(struct client *c)
{
	c->stopped = 1;
	shutdown(c->fd, SHUT_RDWR); /* whoever waits for bytes finds the end */
}

bool client_stopped(const struct client *c)
{
	return c->stopped;
}

static struct client *watching; /* whom a signal stops */

static void on_signal(int number)
{
	(void)number;
	client_stop(watching);
}

void client_catch_signals(struct client *c)
{
	struct sigaction action = { .sa_handler = on_signal };

	watching = c;
	c->watches = true;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Who asks twice gets what was asked once: the client that a signal would stop goes away. */
void client_ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	watching = NULL;
}

int client_receive(struct client *c, struct client_reply *ret_reply)
{
	struct client_reply r = { 0 };
	size_t end;
	int err;

	if (c->at && c->at * 2 >= c->in.len)
		compact(c);
	err = fill(c, &end);
	if (err && c->stopped)
		return -1;
	if (err) {
		if (err == -ECONNRESET)
			ctl_error(c->ctl, "ctfwd closed the connection before it had answered");
		else
			ctl_error(c->ctl, "cannot read from %s: %s", c->ctl->socket,
				  strerror(-err));
		return -1;
	}
	r.message = json_loadb(c->in.s + c->at, end - c->at, 0, NULL);
	c->at = end + 1;
	r.params = json_object_get(r.message, "parameters");
	r.error = json_string_value(json_object_get(r.message, "error"));
	if (!r.error && !json_is_object(r.params)) {
		ctl_error(c->ctl, "who listens on %s is not ctfwd: the answer is no %s",
			  c->ctl->socket,
			  json_is_object(r.message) ? "reply" : "JSON object");
		json_decref(r.message);
		return -1;
	}
	r.continues = json_is_true(json_object_get(r.message, "continues"));
	*ret_reply = r;
	return 0;
}

void client_reply_fini(struct client_reply *r)
{
	json_decref(r->message);
	*r = (struct client_reply){ 0 };
}

/* Whoever answers writes no more than text to a terminal: controls are shown as such. */
static void put_plain(const char *s, struct text *out)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];

		if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			text_printf(out, "\\u%04x", next);
			s++;
		} else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f) {
			text_printf(out, "\\x%02x", c);
		} else {
			text_putc(out, (char)c);
		}
	}
}

/* Put the message on ctl->err as it is: place, line and carets stand in it. */
static void show_diagnostics(struct ctl *ctl, const char *message)
{
	size_t len = strlen(message);

	fprintf(ctl->err, "%s%s", message, len && message[len - 1] == '\n' ? "" : "\n");
}

static void show_message(struct ctl *ctl, const char *message)
{
	ctl_error(ctl, "%s", message);
}

/* Errors whose message is for people, and those that we put into words. */
static const struct {
	const char *name;
	void (*show)(struct ctl *ctl, const char *message);
	const char *words;
} errors[] = {
	{ "org.ctfw.RulesetError", show_diagnostics, NULL },
	{ "org.ctfw.ReloadFailed", show_diagnostics, NULL },
	{ "org.ctfw.TryAgain", show_message,
	  "one filter after the other takes over: try again" },
	{ "org.ctfw.Failed", show_message, NULL },
	{ "org.ctfw.NothingOnTrial", show_message, "nothing is on trial" },
	{ "org.ctfw.NoFormerRuleset", show_message,
	  "there is no such ruleset to go back to: see \"rollback --list\"" },
	{ "org.ctfw.MessageTooLong", show_message, "too long for one message" },
	{ "org.varlink.service.PermissionDenied", show_message,
	  "permission denied: only root and the user that ctfwd runs as may change something" },
	{ "org.varlink.service.MethodNotFound", show_message,
	  "the ctfwd that runs is older and does not know this" },
};
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

void client_explain(struct ctl *ctl, const struct client_reply *r)
{
	const char *message = json_string_value(json_object_get(r->params, "message"));
	const char *param = json_string_value(json_object_get(r->params, "parameter"));
	struct text text = TEXT_INIT;
	size_t i = 0;

	while (i < N_ERRORS && strcmp(errors[i].name, r->error) != 0)
		i++;
	if (i < N_ERRORS) {
		put_plain(errors[i].words ? errors[i].words : message ? message : r->error,
			  &text);
		errors[i].show(ctl, text_str(&text));
	} else {
		put_plain(r->error, &text);
		text_puts(&text, param ? ": " : "");
		put_plain(param ? param : "", &text);
		ctl_error(ctl, "ctfwd says %s", text_str(&text));
	}
	text_fini(&text);
}

int client_each(struct client *c, const char *method, json_t *params,
		int (*each)(void *arg, const json_t *params), void *arg)
{
	struct client_reply r;
	bool more = true;
	int status = client_send(c, method, params, true) ? 1 : 0;

	while (more && !status) {
		if (client_receive(c, &r))
			return 1;
		more = r.continues;
		if (r.error) {
			client_explain(c->ctl, &r);
			status = 1;
		} else {
			status = each(arg, r.params);
		}
		client_reply_fini(&r);
	}
	return status;
}

int client_call(struct client *c, const char *method, json_t *params,
		struct client_reply *ret_reply)
{
	struct client_reply r;

	if (client_send(c, method, params, false) || client_receive(c, &r))
		return -1;
	if (r.error) {
		client_explain(c->ctl, &r);
		client_reply_fini(&r);
		return -1;
	}
	*ret_reply = r;
	return 0;
}

int ctl_call(struct ctl *ctl, const char *method, json_t *params,
	     struct client_reply *ret_reply)
{
	struct client *c = client_open(ctl);
	int err;

	if (!c) {
		json_decref(params);
		return -1;
	}
	err = client_call(c, method, params, ret_reply);
	client_close(c);
	return err;
}
