/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_link.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/timespec.h"

#include <errno.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define BLOCKED_POLL_NS       100000
#define READ_BATCH            64
#define LOOP_MISC_INTERVAL_NS GW_NS_PER_SEC
/* More than what was received together is asked for if the last read was less than this ago. */
#define BATCH_WITHIN_NS  (200 * GW_NS_PER_MS / 1000) /* 200 us */
#define REDELIVERY_NS    (30 * GW_NS_PER_SEC)
#define UNSUBSCRIBES_MAX 64
#define CORK_MIN         3 /* acknowledgements; two system calls cost more for fewer */
/* All retained messages have come if none has for this long after the answer to SUBSCRIBE, or after
 * the last one. */
#define RETAINED_WAIT_NS (2 * GW_NS_PER_SEC)
#define HEAD_NS          (5 * GW_NS_PER_MS)
#define POISON_FORGET_NS (60 * GW_NS_PER_SEC)

/* ---- callbacks, all from within mosquitto_loop_read ---- */

/* A packet has been read completely. libmosquitto would read the next one at once if TLS has bytes
 * of it, before it was peeked at; EAGAIN makes it return. */
static void end_packet(struct gw_mqtt_link *l)
{
	l->ended = true;
	errno = EAGAIN;
}

static void on_log(struct mosquitto *m, void *arg, int level, const char *text)
{
	static const char publish[] = "received PUBLISH (d";
	struct gw_mqtt_link *l = arg;
	const char *at;

	(void)m;
	if (level == MOSQ_LOG_ERR && l->why[0] == '\0') {
		at = strrchr(text, ':'); /* OpenSSL Error[0]: error:0A000086:...::what */
		snprintf(l->why, sizeof(l->why), "%s", at ? at + 1 : text);
	} else if (level == MOSQ_LOG_DEBUG) {
		/* The only way to see the DUP flag in 2.0. */
		at = strstr(text, publish);
		if (at && at[sizeof(publish) - 1] == '1')
			gw_emit_count(l->emit, GW_COUNT_DUPLICATES, 1);
		else if (at && strncmp(at + sizeof(publish) - 1, "0, q1", 5) == 0)
			l->redelivery_over = true;
	}
}

static void on_connect(struct mosquitto *m, void *arg, int reason, int flags,
	const mosquitto_property *properties)
{
	struct gw_mqtt_link *l = arg;

	(void)m, (void)flags, (void)properties;
	l->connack = reason;
	end_packet(l);
}

static void on_disconnect(
	struct mosquitto *m, void *arg, int reason, const mosquitto_property *properties)
{
	struct gw_mqtt_link *l = arg;

	(void)m, (void)properties;
	if (reason >= 128) /* below are libmosquitto's own codes */
		snprintf(l->why, sizeof(l->why), "the broker says: %s",
			mosquitto_reason_string(reason));
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *granted,
	const mosquitto_property *properties)
{
	struct gw_mqtt_link *l = arg;

	(void)m, (void)properties;
	end_packet(l);
	if (mid != l->sub_mid)
		return;
	for (size_t i = 0; i < l->sub_n && i < (size_t)n; i++)
		if (granted[i] >= 128)
			gw_mqtt_topics_refused(&l->topics.at[l->sub_first + i], &l->topics,
				l->now_ns, l->emit);
	l->sub_first += l->sub_n;
	l->sub_mid = -1;
	l->subscribed = l->sub_first == l->topics.n;
	l->retained_until_ns = l->now_ns + RETAINED_WAIT_NS;
}

static void unknown_topic(struct gw_mqtt_link *l, const char *topic)
{
	gw_emit_count(l->emit, GW_COUNT_UNKNOWN_TOPIC, 1);
	/* The session still has it from an older configuration. */
	if (topic[0] && l->unsubscribes++ < UNSUBSCRIBES_MAX)
		mosquitto_unsubscribe(l->m, NULL, topic);
}

static enum gw_mqtt_age age_of(struct gw_mqtt_link *l, const struct gw_mqtt_topic *topic,
	const struct mosquitto_message *message)
{
	struct gw_mqtt_retained *r = &l->retained[topic - l->topics.at];
	uint64_t hash = gw_hash(
		GW_HASH_START, message->payload, (size_t)message->payloadlen);
	bool changed, all_received = l->subscribed && l->now_ns > l->retained_until_ns;
	enum gw_mqtt_age age = gw_mqtt_retained_age(
		r, message->retain, l->v5, all_received, hash ? hash : 1, &changed);

	l->retained_changed |= changed;
	if (age != GW_MQTT_AGE_LIVE && !all_received)
		l->retained_until_ns = l->now_ns + RETAINED_WAIT_NS;
	return age;
}

static void on_message(
	struct mosquitto *m, void *arg, const struct mosquitto_message *message)
{
	struct gw_mqtt_link *l = arg;
	struct gw_mqtt_topic *topic = gw_mqtt_topics_find(&l->topics, message->topic);

	(void)m;
	l->messages++;
	if (message->qos > 0)
		l->ack.n++;
	gw_emit_count(l->emit, GW_COUNT_REQUESTS, 1);
	if (topic) {
		if (message->qos > 0)
			topic->ack_group = l->ack.group;
		gw_mqtt_topics_emit(topic, &l->topics, message->payload,
			(size_t)message->payloadlen, age_of(l, topic, message), l->now_ns,
			l->emit);
	} else {
		unknown_topic(l, message->topic);
	}
	end_packet(l);
}

void gw_mqtt_link_set_callbacks(struct gw_mqtt_link *l)
{
	mosquitto_connect_v5_callback_set(l->m, on_connect);
	mosquitto_disconnect_v5_callback_set(l->m, on_disconnect);
	mosquitto_subscribe_v5_callback_set(l->m, on_subscribe);
	mosquitto_message_callback_set(l->m, on_message);
	mosquitto_log_callback_set(l->m, on_log);
	l->logging = true;
}

/* ---- the loop ---- */

enum gw_err gw_mqtt_link_error(struct gw_mqtt_link *l, int code, struct gw_error *err)
{
	int native = errno;

	if (l->why[0])
		return gw_fail(err, GW_ERR_LINK, code, "%s", l->why);
	if (code == MOSQ_ERR_ERRNO && native != EPROTO)
		return gw_fail(err, GW_ERR_LINK, native, "%s", gw_errno_text(native));
	if (code == MOSQ_ERR_EAI)
		return gw_fail(err, GW_ERR_LINK, code, "cannot look up %s", l->url.host);
	if (code == MOSQ_ERR_SUCCESS || code == MOSQ_ERR_NO_CONN ||
		code == MOSQ_ERR_CONN_LOST)
		return gw_fail(err, GW_ERR_LINK, code, "the broker closed the connection");
	return gw_fail(err, GW_ERR_LINK, code, "%s", mosquitto_strerror(code));
}

enum gw_err gw_mqtt_link_write(struct gw_mqtt_link *l, struct gw_error *err)
{
	int code;

	if (!mosquitto_want_write(l->m))
		return GW_OK;
	code = mosquitto_loop_write(l->m, 1);
	if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
		return gw_mqtt_link_error(l, code, err);
	return GW_OK;
}

/* The packet that was begun last has ended the link. If it is a message, the broker delivers it
 * again. */
static void note_poison(struct gw_mqtt_link *l)
{
	const struct gw_mqtt_head *h = &l->head;
	const char *topic = h->next == GW_MQTT_NEXT_MESSAGE ? h->topic : "";
	uint64_t hash = gw_hash(GW_HASH_START, &h->size, sizeof(h->size));

	if (h->next != GW_MQTT_NEXT_MESSAGE && h->next != GW_MQTT_NEXT_NO_TOPIC)
		return;
	hash = gw_hash(hash, topic, strlen(topic));
	l->poison_count = hash == l->poison_hash ? l->poison_count + 1 : 1;
	l->poison_hash = hash;
	snprintf(l->poison_text, sizeof(l->poison_text), "%zu bytes of \"%.64s\"", h->size,
		topic);
}

/* Whether libmosquitto could not parse what it read. */
static bool is_parse_error(int code)
{
	return code != MOSQ_ERR_SUCCESS && code != MOSQ_ERR_CONN_LOST &&
		code != MOSQ_ERR_ERRNO && code != MOSQ_ERR_NO_CONN &&
		code != MOSQ_ERR_TLS && code != MOSQ_ERR_KEEPALIVE;
}

/* Read one packet, or a part of one. The length of one that is no message has not been checked: the
 * link ends here, before libmosquitto has touched all the memory it allocated for that length. */
static enum gw_err read_packet(
	struct gw_mqtt_link *l, bool *ret_message, struct gw_error *err)
{
	uint64_t before = l->messages;
	int pending = 0, code;

	if (l->partial)
		ioctl(mosquitto_socket(l->m), FIONREAD, &pending);
	l->ended = false;
	errno = 0;
	code = mosquitto_loop_read(l->m, 1);
	if (is_parse_error(code))
		note_poison(l);
	if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
		return gw_mqtt_link_error(l, code, err);
	*ret_message = l->messages > before;
	l->partial = !l->ended && errno == EAGAIN;
	gw_mqtt_peek_skip(&l->window, &l->head, l->ended && *ret_message);
	if (!l->partial) {
		l->part_bytes = 0;
	} else if (pending > 0) { /* all of it went into a packet */
		l->part_bytes += pending;
		if (l->part_bytes > l->own->max_packet) {
			note_poison(l);
			return gw_fail(err, GW_ERR_LINK, 0,
				"a message longer than max_packet (%lld bytes)",
				(long long)l->own->max_packet);
		}
	}
	return GW_OK;
}

static void begin_oversize(struct gw_mqtt_link *l)
{
	gw_mqtt_oversize_begin(&l->oversize, &l->head);
	gw_mqtt_peek_skip(&l->window, &l->head, false);
	l->oversize_begin_ns = l->oversize_last_ns = l->ping_ns = l->now_ns;
}

static void end_oversize(struct gw_mqtt_link *l)
{
	struct gw_mqtt_topic *topic = gw_mqtt_topics_find(&l->topics, l->oversize.topic);

	gw_emit_count(l->emit, GW_COUNT_REQUESTS, 1);
	gw_emit_count(l->emit, GW_COUNT_TOO_LONG, 1);
	if (topic)
		gw_mqtt_topics_too_long(
			topic, &l->topics, l->head.size, l->now_ns, l->emit);
	else
		unknown_topic(l, l->oversize.topic);
	/* A ping sent before it may still be unanswered, and libmosquitto would time out on it. */
	gw_mqtt_oversize_ping(&l->oversize);
	l->loop_misc_ns = l->now_ns + l->own->keepalive_ns;
}

/* The next part of a message that is too long. */
static enum gw_err read_oversize(
	struct gw_mqtt_link *l, bool *ret_more, struct gw_error *err)
{
	size_t n;
	enum gw_err rc = gw_mqtt_oversize_read(&l->oversize, l->m, &n, err);

	if (rc == GW_ERR_PROTOCOL)
		note_poison(l);
	if (rc != GW_OK)
		return GW_ERR_LINK;
	if (n > 0)
		l->oversize_last_ns = l->now_ns;
	*ret_more = l->oversize.size == 0;
	if (l->oversize.size == 0)
		end_oversize(l);
	return GW_OK;
}

/* In place of mosquitto_loop_misc, which would time out: the answer to a ping comes only after the
 * long message. */
static enum gw_err keep_alive(struct gw_mqtt_link *l, int64_t now_ns, struct gw_error *err)
{
	if (now_ns - l->oversize_last_ns > 2 * l->own->keepalive_ns)
		return gw_fail(err, GW_ERR_LINK, 0, "no answer from the broker");
	if (l->oversize.n_out == 0 && now_ns - l->ping_ns > l->own->keepalive_ns / 2) {
		l->ping_ns = now_ns;
		gw_mqtt_oversize_ping(&l->oversize);
	}
	return GW_OK;
}

/* Whether the message that comes next must stay unread: see mqtt_ack.h. */
static bool must_wait(struct gw_mqtt_link *l)
{
	const struct gw_mqtt_topic *topic = NULL;
	uint64_t group = UINT64_MAX;

	if (l->head.next == GW_MQTT_NEXT_MESSAGE) {
		topic = gw_mqtt_topics_find(&l->topics, l->head.topic);
		group = topic ? topic->ack_group : 0;
	}
	return gw_mqtt_ack_must_wait(&l->ack, group, mosquitto_socket(l->m),
		mosquitto_want_write(l->m), l->now_ns);
}

/* Peek at the next packet before anything of it is read. Whether to read it. */
static bool peek_next(struct gw_mqtt_link *l)
{
	if (l->partial || l->oversize.size > 0)
		return true;
	/* Acknowledgements leave in the order of their messages. */
	l->blocked = l->ack.n >= GW_MQTT_UNACKED_MAX || l->oversize.n_out > 0;
	if (l->blocked)
		return false;
	gw_mqtt_peek(l->m, &l->window, &l->head);
	switch (l->head.next) {
	case GW_MQTT_NEXT_NOTHING: return false;
	case GW_MQTT_NEXT_HEAD: l->header_incomplete = true; return false;
	case GW_MQTT_NEXT_OTHER: return true;
	case GW_MQTT_NEXT_MESSAGE:
	case GW_MQTT_NEXT_NO_TOPIC: break;
	}
	if (l->head.size > (size_t)l->own->max_packet) {
		begin_oversize(l);
		return true;
	}
	l->blocked = must_wait(l);
	if (l->blocked && l->retained_until_ns > l->now_ns) /* it may be a retained one */
		l->retained_until_ns = l->now_ns + RETAINED_WAIT_NS;
	return !l->blocked;
}

/* What came together, up to a batch; while messages come fast, everything the socket has. */
static enum gw_err read_batch(struct gw_mqtt_link *l, struct gw_error *err)
{
	int64_t before_ns = l->now_ns;
	unsigned unacked = l->ack.n;
	bool more = true, fast;

	l->now_ns = gw_clock_boot_ns();
	/* A look that finds nothing more is wasted otherwise. */
	fast = l->now_ns - before_ns < BATCH_WITHIN_NS;
	l->blocked = l->header_incomplete = false;
	for (int i = 0; more && i < READ_BATCH && peek_next(l); i++) {
		enum gw_err rc = l->oversize.size > 0 ? read_oversize(l, &more, err)
						      : read_packet(l, &more, err);

		if (rc != GW_OK)
			return GW_ERR_LINK;
		more = more && (fast || gw_mqtt_peek_more(&l->window));
	}
	if (l->ack.n > unacked)
		gw_mqtt_ack_mark(&l->ack, unacked, l->now_ns, l->emit);
	if (l->logging &&
		(l->redelivery_over || l->now_ns - l->opened_ns > REDELIVERY_NS)) {
		/* Messages are new from now on, and the log costs a printf for each. */
		l->logging = false;
		mosquitto_log_callback_set(l->m, NULL);
	}
	return GW_OK;
}

/* libmosquitto writes each packet by itself. What is written while corked leaves in one segment. */
static void cork(const struct gw_mqtt_link *l, int on)
{
	int fd = mosquitto_socket(l->m);

	if (fd >= 0) /* a refusal costs segments, no more */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

/* The packets of libmosquitto, then those of mqtt_oversize.c between them. */
static enum gw_err write_all(struct gw_mqtt_link *l, struct gw_error *err)
{
	if (!l->oversize.partly_written && gw_mqtt_link_write(l, err) != GW_OK)
		return GW_ERR_LINK;
	if (l->oversize.partly_written || !mosquitto_want_write(l->m))
		return gw_mqtt_oversize_write(&l->oversize, l->m, err);
	return GW_OK;
}

/* Wait until there is something to read (whether there is), or to write. */
static bool wait_for(struct gw_mqtt_link *l, int64_t wait_ns, bool writing)
{
	struct pollfd fds[2] = {{.fd = mosquitto_socket(l->m), .events = POLLIN},
		{.fd = gw_emit_stop_fd(l->emit), .events = POLLIN}};
	bool buffered = gw_mqtt_peek_buffered(l->m);
	struct timespec ts;

	if (writing)
		fds[0].events |= POLLOUT;
	if (l->blocked || l->header_incomplete) {
		int64_t most_ns = l->blocked ? BLOCKED_POLL_NS : HEAD_NS;

		fds[0].fd = -1;        /* it would be readable all the time */
		if (wait_ns > most_ns) /* a message waits unread */
			wait_ns = most_ns;
	} else if (buffered) {
		wait_ns = 0;
	}
	ts = gw_timespec_from_ns(wait_ns);
	ppoll(fds, 2, &ts, NULL);
	return l->blocked || l->header_incomplete || buffered ||
		(fds[0].revents & ~POLLOUT);
}

static enum gw_err run_timers(struct gw_mqtt_link *l, int64_t now_ns, struct gw_error *err)
{
	int code;

	if (l->oversize.size > 0)
		return keep_alive(l, now_ns, err);
	if (now_ns - l->loop_misc_ns < LOOP_MISC_INTERVAL_NS)
		return GW_OK;
	l->loop_misc_ns = now_ns;
	if (now_ns - l->opened_ns > POISON_FORGET_NS)
		l->poison_count = 0;
	code = mosquitto_loop_misc(l->m);
	if (code == MOSQ_ERR_KEEPALIVE)
		return gw_fail(err, GW_ERR_LINK, code, "no answer from the broker");
	return code == MOSQ_ERR_SUCCESS ? GW_OK : gw_mqtt_link_error(l, code, err);
}

enum gw_err gw_mqtt_link_step(struct gw_mqtt_link *l, int64_t wait_ns, struct gw_error *err)
{
	int64_t now_ns = gw_clock_boot_ns();
	unsigned unacked = l->ack.n;
	bool writing = false;

	if (gw_mqtt_ack_may_leave(&l->ack, now_ns, l->emit)) {
		enum gw_err rc;

		if (unacked >= CORK_MIN)
			cork(l, 1);
		rc = write_all(l, err);
		if (unacked >= CORK_MIN)
			cork(l, 0);
		if (rc != GW_OK)
			return GW_ERR_LINK;
		writing = mosquitto_want_write(l->m) || l->oversize.n_out > 0;
	} else {
		int64_t most_ns = gw_mqtt_ack_wait_ns(&l->ack);

		if (wait_ns > most_ns)
			wait_ns = most_ns;
	}
	if (wait_for(l, wait_ns, writing) && read_batch(l, err) != GW_OK)
		return GW_ERR_LINK;
	if (l->retained_changed)
		gw_mqtt_link_save_retained(l, false);
	return run_timers(l, now_ns, err);
}

void gw_mqtt_link_save_retained(struct gw_mqtt_link *l, bool is_final)
{
	gw_emit_save_state(l->emit, l->retained_packed,
		gw_mqtt_retained_pack(l->retained, l->topics.n, l->retained_packed),
		is_final);
	l->retained_changed = false;
}

void gw_mqtt_link_close(struct gw_mqtt_link *l)
{
	if (!l->m)
		return;
	/* DISCONNECT would take the acknowledgements queued before it along. */
	if (l->connack == 0 && l->ack.n == 0 && mosquitto_socket(l->m) >= 0) {
		mosquitto_disconnect(l->m);
		mosquitto_loop_write(l->m, 1);
	}
	mosquitto_destroy(l->m);
	l->m = NULL;
}
