/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_ack.h: when the acknowledgements of QoS 1 messages leave.
 *
 * Nothing is lost: libmosquitto 2.0 answers a message before it calls the message callback. With
 * mosquitto_threaded_set the answer is only queued, and nothing but mosquitto_loop_write puts it
 * on the wire. So the link reads a batch, emits it, and writes no sooner than the engine has
 * evaluated the batch and what it caused is committed. After a crash before that the broker
 * delivers the batch again.
 *
 * Nothing is invented: a message that is delivered again may have had its effect already. To
 * evaluate the last message of a topic twice changes nothing, but "on, off" twice would be a second
 * alarm that nobody caused. The messages that are acknowledged together are a group, and a group
 * has each topic once. The next message of such a topic is not read (mqtt_peek.h) before the group
 * is committed and acknowledged. A client cannot know when the broker has read an acknowledgement,
 * so after a group that caused an event its topics wait a little longer.
 *
 * Owner: the link. Thread: the source's. Life: zeroed, then reset for each connection.
 */
#ifndef GW_DRIVERS_MQTT_ACK_H
#define GW_DRIVERS_MQTT_ACK_H

#include "source/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* Unacknowledged messages before reading pauses: a broker without a limit of its own must not
 * keep the newest message, and with it every acknowledgement, uncommitted for ever. */
#define GW_MQTT_UNACKED_MAX 64

struct gw_mqtt_ack {
	unsigned n;   /* messages that were taken and are not acknowledged */
	bool stalled; /* the store did not commit in time once: wait less for it now */
	struct gw_emit_checkpoint checkpoint; /* behind the last of them */
	int64_t since_ns;                     /* when the first of them came */
	int64_t poll_ns; /* look again after this long whether they are committed */
	uint64_t group;  /* of the messages that come now; > 0 once reset */
	/* the broker may not have read the acknowledgements of this group and later ones, until */
	uint64_t unsure_group;
	int64_t unsure_until_ns;
	uint64_t last_seq; /* of the engine, as the last group saw it */
};

/* A new connection: what was not acknowledged will be delivered again. */
void gw_mqtt_ack_reset(struct gw_mqtt_ack *a);
/* Messages were taken and emitted; n of them were unacknowledged before. */
void gw_mqtt_ack_mark(
	struct gw_mqtt_ack *a, unsigned before, int64_t now_ns, struct gw_emit *emit);
/* Whether the acknowledgements may leave now; the group ends then. */
bool gw_mqtt_ack_may_leave(struct gw_mqtt_ack *a, int64_t now_ns, struct gw_emit *emit);
/* At most how long to wait before may_leave is asked again; longer each time. */
int64_t gw_mqtt_ack_wait_ns(struct gw_mqtt_ack *a);
/* Whether a message must stay unread. group: in which one of its topic was taken last; 0: in
 * none, UINT64_MAX: its topic is not known. socket: of the link; writing: something waits to be
 * written to it. */
bool gw_mqtt_ack_must_wait(
	struct gw_mqtt_ack *a, uint64_t group, int socket, bool writing, int64_t now_ns);

#endif
