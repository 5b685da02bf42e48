/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_oversize.h: a message that is longer than max_packet. It is read from the socket past
 * libmosquitto, which would allocate memory for all of it, and acknowledged here: a broker that
 * cannot be told a limit (before MQTT 5) delivers it again until it is acknowledged, and all other
 * messages wait behind it.
 *
 * Owner: the link. Thread: the source's. Life: zeroed, begin, read..., and again.
 */
#ifndef GW_DRIVERS_MQTT_OVERSIZE_H
#define GW_DRIVERS_MQTT_OVERSIZE_H

#include "base/error.h"
#include "drivers/mqtt_peek.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mosquitto;

struct gw_mqtt_oversize {
	uint8_t first_byte; /* of the packet */
	size_t head_size;
	size_t at, size; /* bytes read so far, and in all; size 0: nothing to read */
	size_t topic_size;
	uint16_t mid;
	char topic[GW_MQTT_PEEK_MAX]; /* "" if it is longer */
	/* what is to be written by hand, between the packets of libmosquitto */
	unsigned char out[16];
	size_t n_out;
	bool partly_written; /* written in part: nothing else may be written now */
};

/* The next packet, whose head this is, is longer than max_packet. */
void gw_mqtt_oversize_begin(struct gw_mqtt_oversize *o, const struct gw_mqtt_head *head);
/* Read what has been received, at most 1 MB; *ret_n: bytes. At the end of the message size is 0,
 * topic is set and the acknowledgement is in out. GW_ERR_PROTOCOL: it is no message. */
enum gw_err gw_mqtt_oversize_read(struct gw_mqtt_oversize *o, struct mosquitto *m,
	size_t *ret_n, struct gw_error *err);
/* Keep the link alive meanwhile. */
void gw_mqtt_oversize_ping(struct gw_mqtt_oversize *o);
/* Write what is in out; only while libmosquitto has nothing half written. */
enum gw_err gw_mqtt_oversize_write(
	struct gw_mqtt_oversize *o, struct mosquitto *m, struct gw_error *err);

/* The next n bytes of the packet: the part of read that does no I/O. */
enum gw_err gw_mqtt_oversize_bytes(struct gw_mqtt_oversize *o, const unsigned char *bytes,
	size_t n, struct gw_error *err);

#endif
