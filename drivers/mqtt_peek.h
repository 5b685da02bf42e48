/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_peek.h: the head of the next packet, before libmosquitto reads it: with that it would take
 * memory for all of it, and queue the acknowledgement of a message.
 */
#ifndef GW_DRIVERS_MQTT_PEEK_H
#define GW_DRIVERS_MQTT_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_MQTT_PEEK_MAX 1024

enum gw_mqtt_next {
	GW_MQTT_NEXT_NOTHING, /* nothing is here yet */
	GW_MQTT_NEXT_HEAD,    /* not all of the fixed header is here */
	GW_MQTT_NEXT_OTHER,   /* no message; also the end of the stream, and an error */
	GW_MQTT_NEXT_MESSAGE, /* its topic is in topic */
	GW_MQTT_NEXT_NO_TOPIC /* a message: not all of its topic is here, or it is too long */
};

struct gw_mqtt_head {
	enum gw_mqtt_next next;
	/* of MESSAGE and UNCLEAR */
	uint8_t first;    /* byte of the packet: DUP, QoS, RETAIN */
	size_t head_size; /* bytes of the fixed header */
	size_t size;      /* bytes of the whole packet */
	char topic[GW_MQTT_PEEK_MAX];
};

struct mosquitto;

/* What waits on the socket, plain or TLS. Only between packets. */
void gw_mqtt_peek(struct mosquitto *m, struct gw_mqtt_head *ret_head);
/* Whether TLS has bytes at hand of which the socket says nothing. */
bool gw_mqtt_peek_buffered(struct mosquitto *m);

/* The same for bytes at hand, n > 0. Pure. */
void gw_mqtt_peek_bytes(
	const unsigned char *bytes, size_t n, struct gw_mqtt_head *ret_head);

#endif
