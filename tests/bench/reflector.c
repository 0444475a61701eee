/* reflector.c - what ctfwd costs without its firewall: reads packets, writes them back.
 *
 *     bench-reflector CONFIG
 *
 * Opens the TUNs of a ctfwd.conf as ctfwd does (offloads, queues) and steers as it does;
 * then each worker reads a batch of up to 64 packets of a queue, writes them back as they
 * are, and polls on for 50 microseconds after its last packet before it sleeps.  It is the
 * yardstick of scripts/bench: what is lost against it is ctfwd's own.
 *
 * Says "ready" on stdout.  SIGTERM ends it. */
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ctfw/config.h"
#include "ctfw/steer.h"
#include "host/ports.h"

#define BATCH 64
#define BATCH_BYTES (256u << 10)
#define READ_MAX (sizeof(struct virtio_net_hdr) + PACKET_MAX)
#define SPIN_NS 50000

static struct ports ports;
static atomic_bool stopping;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* One batch of one queue; how many packets. */
static unsigned reflect(int fd, uint8_t *buffer)
{
	size_t at[BATCH], len[BATCH], end = 0;
	unsigned n = 0;

	while (n < BATCH && end < BATCH_BYTES) {
		ssize_t got = read(fd, buffer + end, READ_MAX);

		if (got < 0)
			break;
		at[n] = end;
		len[n++] = (size_t)got;
		end = (end + (size_t)got + 15) & ~(size_t)15;
	}
	for (unsigned i = 0; i < n; i++)
		(void)!write(fd, buffer + at[i], len[i]);
	return n;
}

static void *work(void *arg)
{
	size_t index = (size_t)arg;
	struct pollfd poll_fds[CONFIG_PORTS_MAX];
	uint8_t *buffer = malloc(BATCH_BYTES + 2 * READ_MAX);

	for (size_t i = 0; i < ports.n; i++)
		poll_fds[i] = (struct pollfd){ ports.port[i].tun.queue[index], POLLIN, 0 };
	while (buffer && !atomic_load_explicit(&stopping, memory_order_relaxed)) {
		uint64_t last = now_ns(), now = last;

		if (poll(poll_fds, ports.n, 500) <= 0)
			continue;
		while (now - last < SPIN_NS || now == last) {
			unsigned got = 0;

			for (size_t i = 0; i < ports.n; i++)
				got += reflect(poll_fds[i].fd, buffer);
			now = now_ns();
			if (got)
				last = now;
		}
	}
	free(buffer);
	return NULL;
}

int main(int argc, char **argv)
{
	struct diag d = DIAG_INIT;
	struct config *config;
	struct steer *steer;
	unsigned workers;
	pthread_t *thread;
	sigset_t set;
	bool guarded;
	int sig;

	if (argc != 2)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (config_load(argv[1], &d, &config) < 0)
		goto fail;
	workers = config_workers(config, (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	thread = calloc(workers, sizeof(*thread));
	if (!thread || ports_open(config, workers, NULL, &ports, &d) < 0 ||
	    steer_up(config, &steer, &d) < 0)
		goto fail;
	for (size_t i = 0; i < workers; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
	atomic_store(&stopping, true);
	for (size_t i = 0; i < workers; i++)
		pthread_join(thread[i], NULL);
	if (steer_down(steer, &guarded))
		fputs("what leads traffic here cannot be taken out\n", stderr);
	ports_close(&ports);
	config_free(config);
	free(thread);
	return 0;
fail:
	fputs(text_str(&d.text), stderr);
	return 1;
}
