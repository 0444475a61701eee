/* sip_text.h - the parts of SIP messages and SDP bodies that tell who listens where
 * (RFC 3261, RFC 4566).
 *
 * Lines end in CR, LF or both; a header goes on in lines that begin with a blank.  What is
 * read stays within the message that the cursor spans. */
#ifndef CTFW_CONNTRACK_SIP_TEXT_H
#define CTFW_CONNTRACK_SIP_TEXT_H

#include "conntrack/scan.h"

enum sip_header {
	SIP_CSEQ = 1,
	SIP_EXPIRES,
	SIP_CONTACT,
	SIP_CONTENT_LENGTH,
	SIP_VIA,
	SIP_FROM,
	SIP_TO,
	SIP_HEADERS
};

enum sip_read {
	SIP_ABSENT = 1,
	SIP_READ,
	SIP_WRONG, /* it is there, and not as it should be */
};

/* The first header of that name whose value is a number; *ret_behind is what follows it. */
enum sip_read sip_number(struct cursor message, enum sip_header header, uint32_t *ret_value,
			 struct cursor *ret_behind);

struct sip_uri {
	union addr addr;
	uint16_t port; /* host byte order; SIP's own where none is said */
	const uint8_t *from, *to; /* both in the text */
};

/* Walk all Contacts that have a numeric address of that family, and a port from 1024 to 65535
 * or none; others are passed over. */
struct sip_contacts {
	struct cursor at; /* the message at first; then behind the last URI */
	uint8_t family;   /* enum l3 */
	bool in_header;
	const uint8_t *user_end; /* sip_text.c's: the next '@' or line end, when looked for last */
};
/* The next one; false: there is none. */
bool sip_contact(struct sip_contacts *walk, struct sip_uri *ret_uri);
/* The first URI of the first such header that has one as above. */
bool sip_header_uri(struct cursor message, enum sip_header header, uint8_t family,
		    struct sip_uri *ret_uri);
/* The same of the topmost Via over this transport, "UDP " or "TCP ". */
bool sip_via(struct cursor message, const char *transport, uint8_t family,
	     struct sip_uri *ret_uri);
/* The URI in a request's first line. */
bool sip_request_uri(struct cursor message, uint8_t family, struct sip_uri *ret_uri);
/* An address, IPv6 in brackets; bare: or without. */
bool sip_addr(struct cursor *c, uint8_t family, bool bare, union addr *ret_addr);
/* A parameter of the Contact, or Via, whose URI ends here, "expires=": its value is at
 * *ret_value. */
bool sip_param(struct cursor contact, const char *name, struct cursor *ret_value);

/* The next line of an SDP body that begins with `name`, unless one that begins with `stop`
 * (NULL: none) comes first; the cursor is then behind the name.  A line begins behind a line
 * end. */
bool sdp_line(struct cursor *c, const char *name, const char *stop);
/* The address of the next such line, "c=" or "o=", before the next m= line; and its text. */
struct sdp_addr {
	union addr addr;
	const uint8_t *from, *to;
};
bool sdp_addr(struct cursor c, const char *name, uint8_t family, struct sdp_addr *ret_addr);

#endif
