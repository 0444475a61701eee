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
/* A parameter of the Contact whose URI ends here, "expires=": its value is at *ret_value. */
bool sip_param(struct cursor contact, const char *name, struct cursor *ret_value);

/* The next line of an SDP body that begins with `name`, unless one that begins with `stop`
 * (NULL: none) comes first; the cursor is then behind the name.  A line begins behind a line
 * end. */
bool sdp_line(struct cursor *c, const char *name, const char *stop);
/* The address of the next c= line before the next m= line. */
bool sdp_connection(struct cursor c, uint8_t family, union addr *ret_addr);

#endif
