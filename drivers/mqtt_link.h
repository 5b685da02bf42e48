/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_link.h: one connection to one broker: from its opening (mqtt_open.c) through its loop
 * (mqtt_link.c) to its end.
 *
 * When an acknowledgement leaves. libmosquitto 2.0 answers a QoS 1 message before it calls the
 * message callback. With mosquitto_threaded_set the answer is only queued, and nothing but
 * mosquitto_loop_write puts it on the wire. So: read a batch, emit, and call loop_write no
 * sooner than the engine has stepped the batch and what it caused is committed. A crash before
 * that makes the broker deliver it again.
 *
 * Why that invents nothing. What is delivered again may have had its effect already. To take the
 * last message of a topic twice changes nothing; to take "on, off" twice would be a second
 * alarm that nobody caused. So a round, the messages that are acknowledged together, has no
 * topic twice: a message whose topic the round has is not even read before the round is settled
 * and acknowledged (mqtt_peek.h). Nothing tells when the broker has read an acknowledgement; so
 * after a round that caused an event its topics wait a little longer.
 *
 * A message that is too long never reaches libmosquitto (mqtt_drain.h). Any other one that ends the
 * link is delivered again and ends the next one, for ever, and nothing behind it is heard: at the
 * third time the session is given up at the broker, with all that it had queued for us.
 *
 * Owner: the driver's state. Thread: the source's. Life: zeroed, open, turn..., close, and again.
 */
#ifndef GW_DRIVERS_MQTT_LINK_H
#define GW_DRIVERS_MQTT_LINK_H

#include "drivers/mqtt_drain.h"
#include "drivers/mqtt_opts.h"
#include "drivers/mqtt_peek.h"
#include "drivers/mqtt_topics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unacknowledged messages before reading pauses: a broker without a limit of its own must not
 * keep the newest message, and with it every acknowledgement, unsettled for ever. */
#define GW_MQTT_UNACKED_MAX 64
/* Times the same message ends the link until the session is given up. */
#define GW_MQTT_POISON_MAX 3

struct mosquitto;

struct gw_mqtt_link {
	/* set at open */
	const struct gw_source_opts *opts;
	const struct gw_mqtt_source_opts *own;
	struct gw_mqtt_url url;
	struct gw_mqtt_topics topics;
	struct gw_mqtt_retained *retained; /* by topic; outlives close, as the next two */
	unsigned char *retained_packed;    /* room for it as it is remembered */
	bool retained_changed;             /* to be remembered */
	struct mosquitto *m;
	bool v5;
	/* for the callbacks: the emit of the open or poll under way */
	struct gw_emit *emit;
	int64_t now_ns;
	int connack;           /* the broker's answer to CONNECT; -1: none yet */
	bool closed_by_broker; /* instead of an answer */
	bool subscribed, redelivery_over;
	int sub_mid;
	size_t sub_first, sub_n, unsubscribes;
	int64_t retained_until_ns; /* by then the broker has given what it retains */
	uint64_t messages;
	char why[160]; /* what libmosquitto or the broker said last */
	/* the loop */
	bool logging;
	bool partial; /* libmosquitto is within a packet */
	bool ended;   /* a packet has ended in the read under way */
	int64_t opened_ns, misc_ns, part_bytes;
	struct gw_mqtt_head head;   /* of the last packet that was begun */
	struct gw_mqtt_drain drain; /* of a message that is too long */
	int64_t drain_ns, drained_ns,
		ping_ns; /* its begin, its last bytes; a ping of ours */
	/* a message that ends the link; outlives close */
	unsigned poison_count; /* in a row, by the same one */
	uint64_t poison_hash;
	char poison_text[96];
	/* acknowledgements held back */
	unsigned unacked;
	bool stalled; /* the store has let us down once: less patience */
	struct gw_emit_checkpoint checkpoint;
	int64_t unacked_since_ns, commit_poll_ns;
	uint64_t ack_group; /* of the messages that come now, from 1 */
	uint64_t
		unsure_group; /* the broker may not know yet that this and later ones are over */
	int64_t unsure_until_ns; /* until then */
	uint64_t last_seq;       /* as the last round saw it */
	bool blocked;            /* something waits unread */
	bool header_incomplete;  /* for the rest of its head */
};

/* Connect with this MQTT_PROTOCOL_V... by until_ns, and subscribe: by then, too, but while the
 * broker answers or messages of the session come at most 10 s later, and 1 s more for each 64
 * topics. Beats, and passes on what comes. url, topics, opts, own and emit are set. */
enum gw_err gw_mqtt_link_open(
	struct gw_mqtt_link *l, int version, int64_t until_ns, struct gw_error *err);
/* Wait for the broker at most wait_ns, read what it sent, write what may be written. */
enum gw_err gw_mqtt_link_step(
	struct gw_mqtt_link *l, int64_t wait_ns, struct gw_error *err);
/* What is known of retained messages, to be remembered; complete: nothing comes after it. */
void gw_mqtt_link_save_retained(struct gw_mqtt_link *l, bool complete);
/* Zeroed or twice is fine. Acknowledgements still held back are not sent. */
void gw_mqtt_link_close(struct gw_mqtt_link *l);

/* Between the two files. */
void gw_mqtt_link_set_callbacks(struct gw_mqtt_link *l); /* set the callbacks of l->m */
/* What is owed is settled when everything emitted up to now is. */
void gw_mqtt_link_set_checkpoint(struct gw_mqtt_link *l, bool first);
enum gw_err gw_mqtt_link_write(struct gw_mqtt_link *l, struct gw_error *err);
/* rc of libmosquitto as the loss of the link, with the best reason there is. */
enum gw_err gw_mqtt_link_error(struct gw_mqtt_link *l, int rc, struct gw_error *err);

#endif
