/* udp.c - small UDP packets as fast as they go, from several flows.
 *
 *     bench-udp DESTINATION PORT SECONDS [FLOWS [SIZE]]
 *
 * SIZE is the UDP payload; 36 makes an IPv4 packet of 64 bytes.  Prints how many were sent
 * and in how many seconds.  Who counts what arrives is the caller's affair: an nft counter
 * in front of the receiver's stack costs least. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static char payload[65536];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct mmsghdr msg[BATCH];
	struct iovec iov = { payload, 36 };
	int flows = argc > 4 ? atoi(argv[4]) : 1, *fd;
	double limit, start, end;
	uint64_t sent = 0;

	if (argc < 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || flows < 1) {
		fprintf(stderr, "usage: %s DESTINATION PORT SECONDS [FLOWS [SIZE]]\n", argv[0]);
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	limit = atof(argv[3]);
	if (argc > 5)
		iov.iov_len = (size_t)atoi(argv[5]);
	fd = calloc((size_t)flows, sizeof(*fd));
	if (!fd || iov.iov_len > sizeof(payload))
		return 2;
	for (int i = 0; i < flows; i++) {
		fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (fd[i] < 0 || connect(fd[i], (struct sockaddr *)&to, sizeof(to)) < 0) {
			perror("socket");
			return 1;
		}
	}
	memset(msg, 0, sizeof(msg));
	for (int i = 0; i < BATCH; i++) {
		msg[i].msg_hdr.msg_iov = &iov;
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	start = end = seconds();
	for (unsigned i = 0; end - start < limit; i++) {
		int n = sendmmsg(fd[i % (unsigned)flows], msg, BATCH, 0);

		sent += n > 0 ? (uint64_t)n : 0;
		end = seconds();
	}
	printf("%llu %.3f\n", (unsigned long long)sent, end - start);
	free(fd);
	return 0;
}
