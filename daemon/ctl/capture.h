/* capture.h - IP packets out of a capture file, and into one, through libpcap.
 *
 * Reads what libpcap reads (pcap and pcapng, of any byte order and time resolution) as long
 * as its link type is one in which an IP packet can be found: RAW, IPV4, IPV6, Ethernet and
 * Linux "cooked", VLAN tags skipped.
 *
 * Life-cycle: open, next until it says that there is no more, close.  A packet that was
 * returned is good until the next call.  One thread.
 *
 * A capture is a stranger's: a damaged one ends with CAPTURE_BROKEN and a message after its
 * good packets; nothing in it makes us allocate more than one packet. */
#ifndef CTFW_CTL_CAPTURE_H
#define CTFW_CTL_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_ERROR 512 /* bytes of a message, NUL included */

struct capture_packet {
	uint64_t number; /* of its record in the capture, from 1; skipped ones count */
	uint64_t time;   /* ns since 1970 */
	uint8_t *data;   /* the IP packet, the link's header removed; may be written to */
	size_t len;      /* bytes captured; fewer than the packet has when it was cut */
};

enum capture_status {
	CAPTURE_NONE = 0,
	CAPTURE_PACKET, /* one more */
	CAPTURE_END,    /* that was all */
	CAPTURE_BROKEN, /* damaged from here on: capture_error() says how */
};

struct capture;

/* path: "-" is standard input.  0, or a negative errno with a message that says what is
 * wrong but not with which file. */
int capture_open(const char *path, char ret_error[CAPTURE_ERROR], struct capture **ret_capture);
void capture_close(struct capture *c);
/* The next IP packet; frames of other protocols are skipped and counted. */
enum capture_status capture_next(struct capture *c, struct capture_packet *ret_packet);
const char *capture_error(const struct capture *c);
/* Frames so far that held no IP packet. */
uint64_t capture_skipped(const struct capture *c);
/* Whether times may have more than microseconds. */
bool capture_nanoseconds(const struct capture *c);
/* Whether path names the very file that is being read. */
bool capture_is_file(const struct capture *c, const char *path);

struct capture_writer;

/* A pcap of link type RAW; a file of that name is replaced. */
int capture_writer_open(const char *path, bool nanoseconds, char ret_error[CAPTURE_ERROR],
			struct capture_writer **ret_writer);
/* Append, and hand to the system at once, so that whoever waits for it sees it.  0, or a
 * negative errno. */
int capture_writer_put(struct capture_writer *w, uint64_t time, const uint8_t *data,
		       size_t len);
/* 0, or a negative errno: not all of it could be written.  w is gone in any case. */
int capture_writer_close(struct capture_writer *w);

#endif
