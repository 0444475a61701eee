/* capture.c - IP packets out of a capture file, and into one, through libpcap. */
#include "ctl/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctfw/clock.h"
#include "ctfw/cursor.h"

#define TIME_MAX (UINT64_MAX / 2 / NSEC_PER_SEC) /* seconds; leaves room to add timeouts */

struct link_type {
	int dlt;
	bool has_type;    /* an EtherType says what follows; else it can only be IP */
	uint16_t type_at; /* where that stands */
	uint16_t header;  /* bytes before the packet, VLAN tags apart */
};

static const struct link_type link_types[] = {
	{ .dlt = DLT_RAW },
	{ .dlt = DLT_IPV4 },
	{ .dlt = DLT_IPV6 },
	{ .dlt = DLT_EN10MB, .has_type = true, .type_at = 12, .header = 14 },
	{ .dlt = DLT_LINUX_SLL, .has_type = true, .type_at = 14, .header = 16 },
	{ .dlt = DLT_LINUX_SLL2, .has_type = true, .type_at = 0, .header = 20 },
};
#define LINK_TYPES_TEXT "RAW, IPV4, IPV6, EN10MB (Ethernet), LINUX_SLL and LINUX_SLL2"

struct capture {
	pcap_t *pcap;
	const struct link_type *link;
	uint64_t number, skipped;
	bool nanoseconds;
	struct stat stat;
	uint8_t *buf; /* a copy that the engine may change */
	size_t cap;
	char error[CAPTURE_ERROR];
};

static const struct link_type *link_type_find(int dlt)
{
	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
		if (link_types[i].dlt == dlt)
			return &link_types[i];
	return NULL;
}

/* libpcap scales all times to what we ask for and does not tell what they were.  The first
 * byte does for what is usual, a pcap of microseconds in little-endian order; anything else
 * may have nanoseconds. */
static bool has_nanoseconds(FILE *f)
{
	int first = getc(f);

	if (first != EOF)
		ungetc(first, f);
	return first != 0xd4;
}

static int open_error(char ret_error[CAPTURE_ERROR], int err)
{
	snprintf(ret_error, CAPTURE_ERROR, "%s", strerror(err));
	return -err;
}

static int pcap_begin(struct capture *c, FILE *f, char ret_error[CAPTURE_ERROR])
{
	char message[PCAP_ERRBUF_SIZE] = "";
	int dlt;

	c->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO,
							   message);
	if (!c->pcap) {
		snprintf(ret_error, CAPTURE_ERROR, "not a capture: %s", message);
		return -EINVAL;
	}
	dlt = pcap_datalink(c->pcap);
	c->link = link_type_find(dlt);
	if (!c->link) {
		const char *name = pcap_datalink_val_to_name(dlt);

		snprintf(ret_error, CAPTURE_ERROR,
			 "link type %s (%d) is not one of those in which IP is looked for: "
			 LINK_TYPES_TEXT, name ? name : "unknown", dlt);
		return -EINVAL;
	}
	return 0;
}

int capture_open(const char *path, char ret_error[CAPTURE_ERROR], struct capture **ret_capture)
{
	struct capture *c = calloc(1, sizeof(*c));
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	int err;

	if (!f || !c) {
		err = open_error(ret_error, errno);
		goto out;
	}
	if (fstat(fileno(f), &c->stat) < 0) {
		err = open_error(ret_error, errno);
		goto out;
	}
	if (S_ISDIR(c->stat.st_mode)) {
		err = open_error(ret_error, EISDIR);
		goto out;
	}
	c->nanoseconds = has_nanoseconds(f);
	err = pcap_begin(c, f, ret_error);
	if (c->pcap)
		f = NULL; /* pcap_close() closes it */
	if (err)
		goto out;
	*ret_capture = c;
	return 0;
out:
	if (f && f != stdin)
		fclose(f);
	capture_close(c);
	return err;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	free(c->buf);
	free(c);
}

/* Bytes before the IP packet, or -ENOENT when the frame holds none. */
static int link_skip(const struct link_type *link, const uint8_t *frame, size_t len)
{
	struct cursor c = cursor_of(frame, len);
	uint16_t type;

	if (!link->has_type)
		return 0;
	cursor_take(&c, link->type_at);
	type = cursor_be16(&c);
	/* The EtherType ends the header, or other things follow it. */
	cursor_take(&c, (size_t)(link->header - link->type_at - 2));
	while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
		cursor_be16(&c);
		type = cursor_be16(&c);
		if (c.failed)
			break;
	}
	if (c.failed || (type != 0x0800 && type != 0x86dd))
		return -ENOENT;
	return (int)(c.p - frame);
}

static enum capture_status broken(struct capture *c, const char *why)
{
	snprintf(c->error, sizeof(c->error), "%s", why);
	return CAPTURE_BROKEN;
}

/* 0, or -ERANGE for a time that cannot be meant. */
static int record_time(const struct pcap_pkthdr *h, uint64_t *ret_time)
{
	int64_t sec = h->ts.tv_sec, nsec = h->ts.tv_usec; /* nanoseconds were asked for */

	/* libpcap takes the file's unsigned seconds for signed ones. */
	if (sec < 0 && sec >= INT32_MIN)
		sec = (uint32_t)sec;
	if (sec < 0 || (uint64_t)sec > TIME_MAX || nsec < 0)
		return -ERANGE;
	/* Writers that round may leave 1000000 microseconds there: that is a carry. */
	*ret_time = (uint64_t)sec * NSEC_PER_SEC + (uint64_t)nsec;
	return 0;
}

static int keep(struct capture *c, const uint8_t *data, size_t len)
{
	if (len > c->cap || !c->buf) {
		uint8_t *buf = realloc(c->buf, len ? len : 1);

		if (!buf)
			return -ENOMEM;
		c->buf = buf;
		c->cap = len;
	}
	if (len)
		memcpy(c->buf, data, len);
	return 0;
}

enum capture_status capture_next(struct capture *c, struct capture_packet *ret_packet)
{
	for (;;) {
		struct pcap_pkthdr *h;
		const u_char *frame;
		uint64_t time;
		int result = pcap_next_ex(c->pcap, &h, &frame), skip;

		if (result == PCAP_ERROR_BREAK)
			return CAPTURE_END;
		if (result != 1)
			return broken(c, pcap_geterr(c->pcap));
		c->number++;
		/* Zeroes without end would pass for packets without end. */
		if (h->len == 0 && h->caplen == 0 && h->ts.tv_sec == 0 && h->ts.tv_usec == 0)
			return broken(c, "a record of nothing but zeroes");
		if (record_time(h, &time) < 0)
			return broken(c, "a record with an impossible time");
		skip = link_skip(c->link, frame, h->caplen);
		if (skip < 0) {
			c->skipped++;
			continue;
		}
		if (keep(c, frame + skip, h->caplen - (size_t)skip) < 0)
			return broken(c, strerror(ENOMEM));
		*ret_packet = (struct capture_packet){
			.number = c->number,
			.time = time,
			.data = c->buf,
			.len = h->caplen - (size_t)skip,
		};
		return CAPTURE_PACKET;
	}
}

const char *capture_error(const struct capture *c)
{
	return c->error;
}

uint64_t capture_skipped(const struct capture *c)
{
	return c->skipped;
}

bool capture_nanoseconds(const struct capture *c)
{
	return c->nanoseconds;
}

bool capture_is_file(const struct capture *c, const char *path)
{
	struct stat st;

	return S_ISREG(c->stat.st_mode) && stat(path, &st) == 0 &&
	       st.st_dev == c->stat.st_dev && st.st_ino == c->stat.st_ino;
}

struct capture_writer {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	bool nanoseconds;
};

int capture_writer_open(const char *path, bool nanoseconds, char ret_error[CAPTURE_ERROR],
			struct capture_writer **ret_writer)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	FILE *f = NULL;
	int err;

	if (w)
		w->pcap = pcap_open_dead_with_tstamp_precision(
			DLT_RAW, 65535, nanoseconds ? PCAP_TSTAMP_PRECISION_NANO :
						      PCAP_TSTAMP_PRECISION_MICRO);
	if (!w || !w->pcap) {
		err = open_error(ret_error, ENOMEM);
		goto out;
	}
	f = fopen(path, "wbe");
	if (!f) {
		err = open_error(ret_error, errno);
		goto out;
	}
	w->nanoseconds = nanoseconds;
	w->dumper = pcap_dump_fopen(w->pcap, f);
	if (!w->dumper) {
		snprintf(ret_error, CAPTURE_ERROR, "%s", pcap_geterr(w->pcap));
		err = -EIO;
		f = NULL; /* libpcap has closed it */
		goto out;
	}
	*ret_writer = w;
	return 0;
out:
	if (f)
		fclose(f);
	if (w && w->pcap)
		pcap_close(w->pcap);
	free(w);
	return err;
}

int capture_writer_put(struct capture_writer *w, uint64_t time, const uint8_t *data, size_t len)
{
	uint64_t nsec = time % NSEC_PER_SEC;
	struct pcap_pkthdr h = {
		.ts = { .tv_sec = (time_t)(time / NSEC_PER_SEC),
			.tv_usec = (suseconds_t)(w->nanoseconds ? nsec : nsec / 1000) },
		.caplen = (bpf_u_int32)len,
		.len = (bpf_u_int32)len,
	};

	/* pcap_dump() reports nothing; the stream remembers. */
	errno = 0;
	pcap_dump((u_char *)w->dumper, &h, data);
	if (pcap_dump_flush(w->dumper) != 0 || ferror(pcap_dump_file(w->dumper)))
		return errno ? -errno : -EIO;
	return 0;
}

int capture_writer_close(struct capture_writer *w)
{
	int err = 0;

	if (!w)
		return 0;
	errno = 0;
	if (pcap_dump_flush(w->dumper) != 0 || ferror(pcap_dump_file(w->dumper)))
		err = errno ? -errno : -EIO;
	pcap_dump_close(w->dumper);
	pcap_close(w->pcap);
	free(w);
	return err;
}
