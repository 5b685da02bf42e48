/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt.h"

#include "base/clock.h"
#include "base/hash.h"
#include "drivers/dns.h"
#include "drivers/mqtt_link.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_NS    (5 * GW_NS_PER_SEC)
#define RESOLVE_NS (3 * GW_NS_PER_SEC)
#define STOP_MS    50
/* The saved state may be of a configuration with this many topics more. */
#define MORE_TOPICS 4096

struct mqtt_source {
	struct gw_mqtt_link link;
	/* outlive close */
	bool refuses_v5;                /* the broker does not know MQTT 5 */
	struct gw_dns_address answered; /* last; len 0: none */
};

static void init_library(void)
{
	mosquitto_lib_init(); /* its own count of users is not thread-safe */
}

/* MQTT 5 first: it bounds what the broker may send. */
static enum gw_err open_any(struct mqtt_source *s, int64_t until_ns, struct gw_error *err)
{
	struct gw_mqtt_link *l = &s->link;
	enum gw_err rc;

	if (!s->refuses_v5) {
		rc = gw_mqtt_link_open(l, MQTT_PROTOCOL_V5, until_ns, err);
		s->refuses_v5 = l->connack == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION;
		/* A broker of before 5 may also just close the connection. */
		if (rc != GW_ERR_LINK || !(s->refuses_v5 || l->closed_by_broker))
			return rc;
	}
	return gw_mqtt_link_open(l, MQTT_PROTOCOL_V311, until_ns, err);
}

/* What is known of the retained messages from before a restart; loaded once. */
static enum gw_err load_retained(struct gw_mqtt_link *l, struct gw_error *err)
{
	size_t n = l->topics.n, size = GW_MQTT_RETAINED_PACKED * (n + MORE_TOPICS);
	bool is_final;

	if (l->retained)
		return GW_OK;
	l->retained = calloc(n + 1, sizeof(l->retained[0]));
	l->retained_packed = malloc(size);
	if (!l->retained || !l->retained_packed) {
		free(l->retained_packed);
		free(l->retained);
		l->retained_packed = NULL;
		l->retained = NULL;
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++)
		l->retained[i].topic = gw_hash(
			GW_HASH_START, l->topics.at[i].name, strlen(l->topics.at[i].name));
	size = gw_emit_load_state(l->emit, l->retained_packed, size, &is_final);
	gw_mqtt_retained_unpack(l->retained, n, l->retained_packed, size, is_final);
	return GW_OK;
}

/* Which of them answered last; 0: none of these. */
static size_t answered_last(
	const struct gw_dns_addresses *found, const struct mqtt_source *s)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->at[i].len == s->answered.len &&
			memcmp(&found->at[i].addr, &s->answered.addr, s->answered.len) == 0)
			return i;
	return 0;
}

/* One after the other, with equal shares of the time that is left, as a broker may have an address
 * to which no route leads. libmosquitto, given the name, waits for one only. It must be given the
 * name for TLS, which compares it with the certificate: there one that is silent is not passed
 * over. (It could be bound to a family, but bind is sealed: base/seal.h.) */
static enum gw_err open_each_address(struct mqtt_source *s,
	const struct gw_dns_addresses *found, int64_t until_ns, struct gw_error *err)
{
	struct gw_mqtt_link *l = &s->link;
	size_t n = l->url.tls ? 1 : found->n, first = answered_last(found, s);
	enum gw_err rc = GW_ERR_LINK;

	for (size_t i = 0; i < n && rc == GW_ERR_LINK; i++) {
		const struct gw_dns_address *a = &found->at[(first + i) % found->n];
		int64_t now_ns = gw_clock_boot_ns();
		char numeric[NI_MAXHOST];

		l->host = l->url.host;
		if (!l->url.tls &&
			getnameinfo((const struct sockaddr *)&a->addr, a->len, numeric,
				sizeof(numeric), NULL, 0, NI_NUMERICHOST) == 0)
			l->host = numeric;
		l->unreachable = true;
		l->connect_until_ns = now_ns + (until_ns - now_ns) / (int64_t)(n - i);
		rc = open_any(s, until_ns, err);
		l->host = NULL;
		if (!l->unreachable) {
			s->answered = *a;
			return rc;
		}
	}
	return rc;
}

static enum gw_err open_link(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct mqtt_source *s = state;
	struct gw_mqtt_link *l = &s->link;
	int64_t now_ns = gw_clock_boot_ns();
	struct gw_dns_addresses addresses;
	enum gw_err rc;

	pthread_once(&once, init_library);
	l->opts = opts;
	l->own = opts->driver;
	l->emit = emit;
	rc = gw_mqtt_opts_parse_url(l->own->url, &l->url, err);
	if (rc == GW_OK)
		rc = gw_mqtt_topics_init(&l->topics, opts, err);
	if (rc == GW_OK)
		rc = load_retained(l, err);
	/* With TLS libmosquitto looks the name up again, without a bound on the time and without
	 * a beat: so do it first here. A name server that dies between the two holds this thread
	 * until the resolver gives up. */
	if (rc == GW_OK)
		rc = gw_dns_resolve(l->url.host, (uint16_t)l->url.port, now_ns + RESOLVE_NS,
			emit, &addresses, err);
	return rc == GW_OK ? open_each_address(s, &addresses, now_ns + OPEN_NS, err) : rc;
}

static enum gw_err poll_link(
	void *state, int timeout_ms, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_mqtt_link *l = &((struct mqtt_source *)state)->link;

	l->emit = emit;
	if (!gw_emit_stopping(emit))
		return gw_mqtt_link_step(l, timeout_ms * GW_NS_PER_MS, err);
	if (l->ack.n > 0 && gw_emit_wait_committed(emit, STOP_MS))
		l->ack.n = 0; /* so close sends the acknowledgements */
	return gw_fail(err, GW_ERR_STOPPED, 0, "stopping");
}

static void close_link(void *state)
{
	struct mqtt_source *s = state;
	struct gw_mqtt_link *l = &s->link;

	if (l->m && l->retained && gw_emit_stopping(l->emit))
		gw_mqtt_link_save_retained(l, true);
	gw_mqtt_link_close(l);
	gw_mqtt_topics_fini(&l->topics);
}

static void release(void *state)
{
	struct mqtt_source *s = state;

	free(s->link.retained);
	free(s->link.retained_packed);
	s->link.retained = NULL;
	s->link.retained_packed = NULL;
}

const struct gw_driver gw_driver_mqtt = {
	.name = "mqtt",
	.summary = "devices that publish to an MQTT broker, plain or over TLS",
	.source_settings = gw_mqtt_source_settings,
	.device_settings = gw_mqtt_device_settings,
	.point_settings = gw_mqtt_point_settings,
	.source_opts_size = sizeof(struct gw_mqtt_source_opts),
	.device_opts_size = sizeof(struct gw_mqtt_device_opts),
	.point_opts_size = sizeof(struct gw_mqtt_point_opts),
	.reads_unit_of_measure = true,
	.saves_state = true,
	.pushed = true,
	.state_size = sizeof(struct mqtt_source),
	.descriptors = 3, /* the link and libmosquitto's pair of sockets */
	.threads = 1,     /* a look-up */
	.check = gw_mqtt_opts_check,
	.open = open_link,
	.poll = poll_link,
	.close = close_link,
	.release = release,
};
