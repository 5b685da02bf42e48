/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_peek.h: the topic of the next message, before libmosquitto reads it and with that queues
 * its acknowledgement.
 */
#ifndef GW_DRIVERS_MQTT_PEEK_H
#define GW_DRIVERS_MQTT_PEEK_H

#include <stddef.h>

#define GW_MQTT_PEEK_MAX 1024

enum gw_mqtt_next {
	GW_MQTT_NEXT_OTHER,   /* no message, or nothing at all */
	GW_MQTT_NEXT_MESSAGE, /* its topic is in ret_topic */
	GW_MQTT_NEXT_UNCLEAR  /* not all of its topic is here, or it is too long */
};

struct mosquitto;

/* What waits on the socket, plain or TLS. Correct between packets; within one it may say
 * anything. */
enum gw_mqtt_next gw_mqtt_peek(struct mosquitto *m, char ret_topic[GW_MQTT_PEEK_MAX]);

/* The same for bytes at hand. Pure. */
enum gw_mqtt_next gw_mqtt_peek_bytes(
	const unsigned char *bytes, size_t n, char ret_topic[GW_MQTT_PEEK_MAX]);

#endif
