/* helper_sip.h - what the files of SIP's helper share.
 *
 *    helper_sip.c      what is said, and what is expected for it
 *    helper_sip_nat.c  the same under NAT: what is said becomes true for the other side
 *    sip_text.c        the words */
#ifndef CTFW_CONNTRACK_HELPER_SIP_H
#define CTFW_CONNTRACK_HELPER_SIP_H

#include "conntrack/helper.h"
#include "conntrack/sip_text.h"

enum sip_class {
	CLASS_SIGNALLING = 0,
	CLASS_AUDIO,
	CLASS_VIDEO,
	CLASS_IMAGE,
};

/* The helper's notes: of the last request of its kind; and where a phone listens that speaks
 * from another port, in network byte order, 0: it does not. */
struct sip_notes {
	uint32_t register_cseq, invite_cseq;
	uint16_t forced_port;
};
_Static_assert(sizeof(struct sip_notes) <= sizeof(((struct flow_ext *)0)->helper), "");

/* One message, and what its CSeq says. */
struct message {
	struct help_packet *h;
	struct cursor text; /* changes with each replacement, and so do places in it */
	uint32_t cseq;
	uint32_t code; /* of a response */
	int32_t grown; /* bytes, by what was replaced */
};

/* A line of a session description that names a medium. */
struct medium {
	enum sip_class class;
	uint32_t port; /* 0: of a kind that we do not know, or not in use */
	const uint8_t *from, *to; /* the port's text */
};

/* All below is for flows whose addresses are rewritten.  False and HELP_DROP: the packet must
 * be dropped. */

/* Requests: where the answers to one from a high port are awaited (conntrack.md 8.6-7). */
void sip_nat_note_port(struct message *m);
/* Make what a REGISTER asks for; its Contact becomes what the registrar can reach
 * (nf_nat_sip_expect). */
enum help sip_nat_register(struct message *m, const struct sip_uri *contact, struct expect *e);
/* Make RTP's and RTCP's on a pair of ports that is free; the port in the text becomes that
 * (nf_nat_sdp_media).  *behind: bytes of the message before what is read next. */
enum help sip_nat_media(struct message *m, const struct medium *medium, struct expect *rtp,
			struct expect *rtcp, size_t *behind);
/* A medium's own address, the first behind `behind`, becomes that (nf_nat_sdp_addr). */
bool sip_nat_medium_addr(struct message *m, size_t *behind, const union addr *addr);
/* The addresses before all media, and the length of the whole (nf_nat_sdp_session). */
bool sip_nat_session(struct message *m, const union addr *addr);
/* The rest of any message: whom it is to, from, and by what way (nf_nat_sip). */
enum help sip_nat_message(struct message *m);
/* Where what was expected leads (nf_nat_sip_expected). */
void sip_nat_follow(struct help_follow *f);

#endif
