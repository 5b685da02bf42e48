/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_link.h"

#include "base/clock.h"
#include "base/pemkey.h"
#include "drivers/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSION_S       (7 * 24 * 3600) /* how long the broker keeps messages for us */
#define SUBSCRIBE_BATCH 64
/* How long after the last message or answer the broker must answer SUBSCRIBE; in all at most
 * OPEN_MAX_NS, and BATCH_NS for each further packet of topics. */
#define BACKLOG_NS  (3 * GW_NS_PER_SEC)
#define OPEN_MAX_NS (10 * GW_NS_PER_SEC)
#define BATCH_NS    GW_NS_PER_SEC
#define BEAT_NS     (GW_NS_PER_SEC / 2)

static enum gw_err read_password(
	const char *path, char *ret_text, size_t size, struct gw_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_text, size - 1);
	int native = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return gw_fail(
			err, GW_ERR_CONFIG, native, "%s: %s", path, gw_errno_text(native));
	ret_text[n] = '\0';
	ret_text[strcspn(ret_text, "\r\n")] = '\0';
	return GW_OK;
}

static enum gw_err set_user(struct gw_mqtt_link *l, struct gw_error *err)
{
	const char *file = l->own->password_file;
	bool secret = gw_setting_is_set(file);
	char password[256] = "";
	int code;

	if (secret && read_password(file, password, sizeof(password), err) != GW_OK)
		return GW_ERR_CONFIG;
	code = mosquitto_username_pw_set(l->m, l->own->user, secret ? password : NULL);
	explicit_bzero(password, sizeof(password));
	if (code != MOSQ_ERR_SUCCESS)
		return gw_fail(
			err, GW_ERR_CONFIG, code, "user: %s", mosquitto_strerror(code));
	return GW_OK;
}

/* OpenSSL would wait for a pass phrase on the terminal. */
static int no_pass_phrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* A new client object for each connection: an old one keeps trusting a CA that was removed. */
static enum gw_err new_client(
	struct gw_mqtt_link *l, int version, bool clean, struct gw_error *err)
{
	const struct gw_mqtt_source_opts *own = l->own;
	char id[300];
	bool own_cert;
	int code;

	snprintf(id, sizeof(id), "tocsin-%s", l->opts->name);
	l->m = mosquitto_new(
		gw_setting_is_set(own->client_id) ? own->client_id : id, clean, l);
	if (!l->m)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
	mosquitto_threaded_set(l->m, true); /* holds acknowledgements: see mqtt_ack.h */
	mosquitto_int_option(l->m, MOSQ_OPT_PROTOCOL_VERSION, version);
	mosquitto_int_option(l->m, MOSQ_OPT_TCP_NODELAY, 1);
	gw_mqtt_link_set_callbacks(l);
	if (gw_setting_is_set(own->user) && set_user(l, err) != GW_OK)
		return GW_ERR_CONFIG;
	if (!l->url.tls)
		return GW_OK;
	/* Never the system's CAs: with those 2.0.11 fails at the second connection. */
	own_cert = gw_setting_is_set(own->cert);
	if (own_cert && gw_pemkey_encrypted(own->key))
		return gw_fail(err, GW_ERR_CONFIG, 0, "%s: " GW_PEMKEY_ENCRYPTED, own->key);
	code = mosquitto_tls_set(l->m, own->ca, NULL, own_cert ? own->cert : NULL,
		own_cert ? own->key : NULL, no_pass_phrase);
	if (code != MOSQ_ERR_SUCCESS)
		return gw_fail(err, GW_ERR_CONFIG, code, "ca, cert or key: %s",
			code == MOSQ_ERR_INVAL ? "cannot be read"
					       : mosquitto_strerror(code));
	return GW_OK;
}

static enum gw_err begin_connect(struct gw_mqtt_link *l, int version, struct gw_error *err)
{
	int keepalive_s = (int)(l->own->keepalive_ns / GW_NS_PER_SEC);
	mosquitto_property *properties = NULL;
	int code;

	if (version == MQTT_PROTOCOL_V5) {
		mosquitto_property_add_int32(
			&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_S);
		mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
			(uint32_t)l->own->max_packet);
		mosquitto_property_add_int16(
			&properties, MQTT_PROP_RECEIVE_MAXIMUM, GW_MQTT_UNACKED_MAX);
		/* Only the call that blocks takes properties. It keeps them for the calls after
		 * it, and refuses this port before it touches the network. */
		mosquitto_connect_bind_v5(l->m, l->host, -1, keepalive_s, NULL, properties);
		mosquitto_property_free_all(&properties);
	}
	code = mosquitto_connect_async(l->m, l->host, l->url.port, keepalive_s);
	if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
		return gw_mqtt_link_error(l, code, err);
	return GW_OK;
}

/* Whether the stream has ended; libmosquitto takes that for "not yet" in a TLS handshake. */
static bool at_end(struct gw_mqtt_link *l)
{
	char byte;

	return recv(mosquitto_socket(l->m), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The socket is ready: one step of the TCP, TLS or MQTT handshake. */
static enum gw_err step_handshake(struct gw_mqtt_link *l, short revents, int version,
	int64_t until_ns, bool *connected, struct gw_error *err)
{
	int native = 0, code;
	socklen_t size = sizeof(native);

	if (!*connected) {
		getsockopt(mosquitto_socket(l->m), SOL_SOCKET, SO_ERROR, &native, &size);
		if (native != 0)
			return gw_fail(
				err, GW_ERR_LINK, native, "%s", gw_errno_text(native));
		*connected = true;
		l->unreachable = false;
		l->connect_until_ns = until_ns; /* it may have to connect again */
	}
	if ((revents & POLLIN) && at_end(l)) {
		l->closed_by_broker = true;
		return gw_mqtt_link_error(l, MOSQ_ERR_CONN_LOST, err);
	}
	l->now_ns = gw_clock_boot_ns();
	code = mosquitto_loop_read(l->m, 1); /* while TLS is not up this is its handshake */
	/* A broker of before 5 refuses in its own version, without properties: libmosquitto 2.0.21
	 * finds that malformed, where 2.0.11 made it this reason. */
	if (code == MOSQ_ERR_MALFORMED_PACKET && version == MQTT_PROTOCOL_V5 &&
		l->connack < 0)
		l->connack = MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION;
	if (l->connack > 0)
		return gw_fail(err, GW_ERR_LINK, l->connack, "the broker says: %s",
			version == MQTT_PROTOCOL_V5 ? mosquitto_reason_string(l->connack)
						    : mosquitto_connack_string(l->connack));
	if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
		return gw_mqtt_link_error(l, code, err);
	return l->connack == 0 ? GW_OK : gw_mqtt_link_write(l, err);
}

/* Up to the broker's answer to CONNECT. */
static enum gw_err handshake(
	struct gw_mqtt_link *l, int version, int64_t until_ns, struct gw_error *err)
{
	bool connected = false;
	enum gw_err rc = GW_OK;

	while (rc == GW_OK && l->connack != 0) {
		short events = POLLIN, revents;

		if (!connected || mosquitto_want_write(l->m))
			events |= POLLOUT;
		rc = gw_wait_ready(mosquitto_socket(l->m), events,
			connected ? until_ns : l->connect_until_ns, l->emit, &revents);
		if (rc == GW_ERR_TIMEOUT)
			return gw_fail(err, GW_ERR_LINK, 0, "%s",
				connected ? "no answer from the broker"
					  : "connection timed out");
		if (rc == GW_ERR_STOPPED)
			return gw_fail(err, GW_ERR_STOPPED, 0, "stopping");
		if (rc != GW_OK)
			return gw_fail(err, rc, errno, "poll: %s", gw_errno_text(errno));
		rc = step_handshake(l, revents, version, until_ns, &connected, err);
	}
	return rc;
}

/* The next packet of topics, once the one before it was answered. */
static enum gw_err subscribe(struct gw_mqtt_link *l, struct gw_error *err)
{
	char *names[SUBSCRIBE_BATCH];
	size_t n = l->topics.n - l->sub_first;
	int code;

	if (l->sub_mid >= 0)
		return GW_OK;
	l->sub_n = n < SUBSCRIBE_BATCH ? n : SUBSCRIBE_BATCH;
	for (size_t i = 0; i < l->sub_n; i++)
		memcpy(&names[i], &l->topics.at[l->sub_first + i].name, sizeof(names[i]));
	code = mosquitto_subscribe_multiple(l->m, &l->sub_mid, (int)l->sub_n, names, 1,
		l->v5 ? MQTT_SUB_OPT_RETAIN_AS_PUBLISHED : 0, NULL);
	return code == MOSQ_ERR_SUCCESS ? GW_OK : gw_mqtt_link_error(l, code, err);
}

static void reset(struct gw_mqtt_link *l)
{
	gw_mqtt_link_close(l);
	l->connack = l->sub_mid = -1;
	l->closed_by_broker = l->redelivery_over = l->partial = false;
	l->blocked = l->header_incomplete = false;
	l->window.at = l->window.n = 0;
	l->oversize = (struct gw_mqtt_oversize){0};
	for (size_t i = 0; i < l->topics.n; i++)
		gw_mqtt_retained_new_link(&l->retained[i]);
	l->subscribed = l->topics.n == 0;
	l->sub_first = l->sub_n = l->unsubscribes = 0;
	l->why[0] = '\0';
	l->part_bytes = 0;
	gw_mqtt_ack_reset(&l->ack);
	l->opened_ns = l->loop_misc_ns = gw_clock_boot_ns();
}

/* Until the broker has answered for every topic. The messages queued in the session come first; a
 * broker that only sends messages and never answers is given up. */
static enum gw_err subscribe_all(
	struct gw_mqtt_link *l, int64_t until_ns, struct gw_error *err)
{
	int64_t batches = (int64_t)(l->topics.n / SUBSCRIBE_BATCH);
	int64_t last_ns = gw_clock_boot_ns() + OPEN_MAX_NS + batches * BATCH_NS;
	uint64_t seen = l->messages + l->sub_first;
	enum gw_err rc = GW_OK;

	while (rc == GW_OK && !l->subscribed) {
		int64_t now_ns = gw_clock_boot_ns();

		gw_emit_beat(l->emit);
		if (l->messages + l->sub_first > seen && until_ns < now_ns + BACKLOG_NS)
			until_ns = now_ns + BACKLOG_NS;
		seen = l->messages + l->sub_first;
		if (until_ns > last_ns)
			until_ns = last_ns;
		if (gw_emit_stopping(l->emit))
			return gw_fail(err, GW_ERR_STOPPED, 0, "stopping");
		if (now_ns >= until_ns)
			return gw_fail(err, GW_ERR_LINK, 0,
				"the broker does not answer SUBSCRIBE");
		rc = subscribe(l, err);
		if (rc == GW_OK)
			rc = gw_mqtt_link_step(l,
				until_ns - now_ns < BEAT_NS ? until_ns - now_ns : BEAT_NS,
				err);
		gw_emit_flush(l->emit);
	}
	return rc;
}

/* Up to the broker's answer to CONNECT; clean: the broker discards the session. */
static enum gw_err connect_to(struct gw_mqtt_link *l, int version, bool clean,
	int64_t until_ns, struct gw_error *err)
{
	enum gw_err rc;

	reset(l);
	l->v5 = version == MQTT_PROTOCOL_V5;
	rc = new_client(l, version, clean, err);
	if (rc == GW_OK)
		rc = begin_connect(l, version, err);
	return rc == GW_OK ? handshake(l, version, until_ns, err) : rc;
}

/* Before MQTT 5 a session that begins clean also ends with its connection: so this is a connection
 * of its own, and the next one has a session that lasts. */
static enum gw_err drop_session(
	struct gw_mqtt_link *l, int version, int64_t until_ns, struct gw_error *err)
{
	char text[300];

	if (connect_to(l, version, true, until_ns, err) != GW_OK)
		return GW_ERR_LINK;
	snprintf(text, sizeof(text),
		"a message (%s) ended the link %u times: the session at the broker is given up, and what it had queued for this source is lost",
		l->poison_text, l->poison_count);
	l->poison_count = 0;
	gw_emit_count(l->emit, GW_COUNT_SESSIONS, 1);
	gw_emit_warn(l->emit, text);
	return GW_OK;
}

enum gw_err gw_mqtt_link_open(
	struct gw_mqtt_link *l, int version, int64_t until_ns, struct gw_error *err)
{
	enum gw_err rc = GW_OK;

	if (l->poison_count >= GW_MQTT_POISON_MAX)
		rc = drop_session(l, version, until_ns, err);
	if (rc == GW_OK)
		rc = connect_to(l, version, false, until_ns, err);
	if (l->ack.n > 0) /* in the same TLS record as the broker's answer */
		gw_mqtt_ack_mark(&l->ack, 0, l->now_ns, l->emit);
	return rc == GW_OK ? subscribe_all(l, until_ns, err) : rc;
}
