/* reflector.c - ctfwd without a firewall in it, for tests of steering alone.
 *
 *     reflector CONFIG LOG-DIRECTORY
 *
 * Opens the TUNs of a ctfwd.conf, steers as ctfwd would, writes back every packet that it
 * reads, and a line about it to LOG-DIRECTORY/PORT:
 *
 *     198.51.100.1 > 10.8.0.2 proto 1 ttl 63
 *
 * Says "ready" on stdout.  SIGTERM ends it in order.  With STILL in its environment it puts
 * back nothing that others delete. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ctfw/config.h"
#include "ctfw/steer.h"

struct port {
	int fd;
	FILE *log;
};

static struct port ports[CONFIG_PORTS_MAX];
static nfds_t n_ports;

static void port_open(const char *name, const char *dir)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[4096];
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	memcpy(ifr.ifr_name, name, IFNAMSIZ);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
		perror(name);
		exit(1);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ports[n_ports].fd = fd;
	ports[n_ports].log = fopen(path, "a");
	if (!ports[n_ports].log) {
		perror(path);
		exit(1);
	}
	n_ports++;
}

static void reflect(struct port *p)
{
	uint8_t packet[65536];
	char from[ADDR_TEXT], to[ADDR_TEXT];
	union addr a = { 0 }, b = { 0 };
	ssize_t len = read(p->fd, packet, sizeof(packet));
	bool v6 = len > 0 && packet[0] >> 4 == 6;

	if (len < (v6 ? 40 : 20))
		return;
	memcpy(&a, packet + (v6 ? 8 : 12), v6 ? 16 : 4);
	memcpy(&b, packet + (v6 ? 24 : 16), v6 ? 16 : 4);
	fprintf(p->log, "%s > %s proto %u ttl %u\n",
		addr_print(v6 ? L3_IPV6 : L3_IPV4, &a, from),
		addr_print(v6 ? L3_IPV6 : L3_IPV4, &b, to), packet[v6 ? 6 : 9],
		packet[v6 ? 7 : 8]);
	fflush(p->log);
	if (write(p->fd, packet, (size_t)len) < 0)
		fprintf(p->log, "not written: %s\n", strerror(errno));
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void look_after(struct steer *steer)
{
	struct steer_news news = { .notice = TEXT_INIT, .warning = TEXT_INIT };

	steer_heard(steer, now());
	if (now() >= steer_due(steer))
		steer_look(steer, &news);
	fputs(text_str(&news.notice), stderr);
	fputs(text_str(&news.warning), stderr);
	text_fini(&news.notice);
	text_fini(&news.warning);
}

static void run(int signals, struct steer *steer)
{
	bool still = getenv("STILL") != NULL;
	struct pollfd fds[CONFIG_PORTS_MAX + 2];
	nfds_t i;

	for (i = 0; i < n_ports; i++)
		fds[i] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	fds[n_ports] = (struct pollfd){ .fd = signals, .events = POLLIN };
	fds[n_ports + 1] = (struct pollfd){ .fd = steer_fd(steer), .events = POLLIN };
	while (!fds[n_ports].revents) {
		if (poll(fds, n_ports + 2, 10) < 0)
			continue;
		if (!still)
			look_after(steer);
		for (i = 0; i < n_ports; i++) {
			if (fds[i].revents)
				reflect(&ports[i]);
		}
	}
}

int main(int argc, char **argv)
{
	struct diag d = DIAG_INIT;
	struct config *config = NULL;
	struct steer *steer = NULL;
	bool guarded;
	sigset_t set;
	size_t i;

	if (argc != 3)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (config_load(argv[1], &d, &config)) {
		fputs(text_str(&d.text), stderr);
		diag_fini(&d);
		return 1;
	}
	for (i = 0; i < config->n_captures; i++) {
		port_open(config->captures[i].in_name, argv[2]);
		port_open(config->captures[i].out_name, argv[2]);
	}
	for (i = 0; i < config->n_tuns; i++)
		port_open(config->tuns[i].ifname, argv[2]);
	if (steer_up(config, &steer, &d)) {
		fputs(text_str(&d.text), stderr);
	} else {
		puts("ready");
		fflush(stdout);
		run(signalfd(-1, &set, SFD_CLOEXEC), steer);
		if (steer_down(steer, &guarded))
			fputs("what leads traffic here cannot be taken out\n", stderr);
	}
	for (i = 0; i < n_ports; i++)
		fclose(ports[i].log);
	config_free(config);
	diag_fini(&d);
	return steer ? 0 : 1;
}
