/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_link.h: one connection to one broker: from its opening (mqtt_open.c) through its loop
 * (mqtt_link.c) to its end.
 *
 * When acknowledgements leave, and what must stay unread until then, is decided in mqtt_ack.h.
 *
 * A message that is too long never reaches libmosquitto (mqtt_oversize.h). Any other one that ends
 * the link (a poison message) is delivered again and ends the next link, too, and the messages
 * behind it never arrive: at the third time the session at the broker is given up, with all that
 * it had queued.
 *
 * Owner: the driver's state. Thread: the source's. Life: zeroed, open, step..., close, and again.
 */
#ifndef GW_DRIVERS_MQTT_LINK_H
#define GW_DRIVERS_MQTT_LINK_H

#include "drivers/mqtt_ack.h"
#include "drivers/mqtt_opts.h"
#include "drivers/mqtt_oversize.h"
#include "drivers/mqtt_peek.h"
#include "drivers/mqtt_topics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	unsigned char *retained_packed;    /* memory for it as it is saved */
	bool retained_changed;             /* to be saved */
	struct mosquitto *m;
	bool v5;
	const char *host; /* a name, or an address as text; while the link is opened */
	int64_t connect_until_ns; /* no connection by then: unreachable */
	bool unreachable;
	/* for the callbacks: the emit of the current open or poll */
	struct gw_emit *emit;
	int64_t now_ns;
	int connack;           /* the broker's answer to CONNECT; -1: none yet */
	bool closed_by_broker; /* instead of an answer */
	bool subscribed, redelivery_over;
	int sub_mid;
	size_t sub_first, sub_n, unsubscribes;
	int64_t retained_until_ns; /* until then retained messages may come */
	uint64_t messages;
	char why[160]; /* what libmosquitto or the broker said last */
	/* the loop */
	bool logging;
	bool partial; /* libmosquitto is within a packet */
	bool ended;   /* a packet has ended in the read under way */
	int64_t opened_ns, loop_misc_ns, part_bytes;
	struct gw_mqtt_window window;
	struct gw_mqtt_head head;         /* of the last packet that was begun */
	struct gw_mqtt_oversize oversize; /* of a message that is too long */
	int64_t oversize_begin_ns, oversize_last_ns,
		ping_ns; /* its begin, its last bytes; a ping of ours */
	/* a message that ends the link; outlives close */
	unsigned poison_count; /* in a row, by the same one */
	uint64_t poison_hash;
	char poison_text[96];
	struct gw_mqtt_ack ack;
	bool blocked;           /* something waits unread */
	bool header_incomplete; /* for the rest of its head */
};

/* Connect with this MQTT_PROTOCOL_V... by until_ns, and subscribe: by then, too, but while the
 * broker answers or messages of the session come at most 10 s later, and 1 s more for each 64
 * topics. Beats, and passes on what comes. url, topics, opts, own, emit, host
 * and connect_until_ns are set. */
enum gw_err gw_mqtt_link_open(
	struct gw_mqtt_link *l, int version, int64_t until_ns, struct gw_error *err);
/* Wait for the broker at most wait_ns, read what it sent, write what may be written. */
enum gw_err gw_mqtt_link_step(
	struct gw_mqtt_link *l, int64_t wait_ns, struct gw_error *err);
/* Saves what is known of retained messages; is_final: nothing comes after it. */
void gw_mqtt_link_save_retained(struct gw_mqtt_link *l, bool is_final);
/* Zeroed or twice is fine. Acknowledgements still held back are not sent. */
void gw_mqtt_link_close(struct gw_mqtt_link *l);

/* Between the two files. */
void gw_mqtt_link_set_callbacks(struct gw_mqtt_link *l); /* set the callbacks of l->m */
enum gw_err gw_mqtt_link_write(struct gw_mqtt_link *l, struct gw_error *err);
/* rc of libmosquitto as the loss of the link, with the best reason there is. */
enum gw_err gw_mqtt_link_error(struct gw_mqtt_link *l, int code, struct gw_error *err);

#endif
