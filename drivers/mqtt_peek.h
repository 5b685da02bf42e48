/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_peek.h: the header of the next packet, before libmosquitto reads it: reading would allocate
 * memory for all of it and queue the acknowledgement.
 */
#ifndef GW_DRIVERS_MQTT_PEEK_H
#define GW_DRIVERS_MQTT_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_MQTT_PEEK_MAX 1024

enum gw_mqtt_next {
	GW_MQTT_NEXT_NOTHING, /* nothing has been received */
	GW_MQTT_NEXT_HEAD,    /* only a part of the fixed header */
	GW_MQTT_NEXT_OTHER,   /* no message; also the end of the stream, and an error */
	GW_MQTT_NEXT_MESSAGE, /* its topic is in topic */
	GW_MQTT_NEXT_NO_TOPIC /* a message: not all of its topic is here, or it is too long */
};

struct gw_mqtt_head {
	enum gw_mqtt_next next;
	/* of NEXT_MESSAGE and NEXT_NO_TOPIC */
	uint8_t first_byte; /* of the packet: DUP, QoS, RETAIN */
	size_t head_size;   /* bytes of the fixed header */
	size_t size;        /* bytes of the whole packet */
	char topic[GW_MQTT_PEEK_MAX];
};

/* Bytes that were received and that nobody has read: messages that came together are peeked at with
 * one system call. Zeroed when the link is opened. */
struct gw_mqtt_window {
	unsigned char
		bytes[GW_MQTT_PEEK_MAX + 7]; /* fixed header and length of the topic */
	size_t at, n;                        /* the next packet, the end */
};

struct mosquitto;

/* The packet that is read next, plain or TLS. Only between packets. */
void gw_mqtt_peek(
	struct mosquitto *m, struct gw_mqtt_window *w, struct gw_mqtt_head *ret_head);
/* That packet has been read; `whole`: it and nothing else was. */
void gw_mqtt_peek_skip(
	struct gw_mqtt_window *w, const struct gw_mqtt_head *head, bool whole);
/* Whether more had been received when it was peeked at. */
static inline bool gw_mqtt_peek_more(const struct gw_mqtt_window *w)
{
	return w->at < w->n;
}
/* Whether TLS has decrypted bytes that poll(2) on the socket does not report. */
bool gw_mqtt_peek_buffered(struct mosquitto *m);

/* The same for bytes at hand, n > 0. Pure. */
void gw_mqtt_peek_bytes(
	const unsigned char *bytes, size_t n, struct gw_mqtt_head *ret_head);

#endif
