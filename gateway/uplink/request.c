/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/request.h"

#include "uplink/credentials.h"
#include "uplink/uplink_internal.h"

#include <string.h>

#define CREDENTIALS_CHECK_NS (10 * GW_NS_PER_SEC) /* while something waits for new ones */
#define LAST_TRY_NS          GW_NS_PER_SEC        /* to stop in */
#define DRAIN_BATCHES        16                   /* of GW_REQUEST_DRAIN_MAX events */

/* ---- events ---- */

/* When it occurred on this boot's clock, whichever boot it was of. */
static int64_t occurred_ns(const struct gw_uplink *u, const struct gw_event *e)
{
	int64_t age_ms;

	if (strcmp(e->boot, u->boot) == 0)
		return e->boot_ns;
	age_ms = gw_clock_wall_ms() - e->wall_ms;
	return gw_clock_boot_ns() - (age_ms > 0 ? age_ms : 0) * GW_NS_PER_MS;
}

static void render_and_queue(struct gw_uplink *u, const struct gw_event *e, bool stored)
{
	struct gw_outbox_item item = {.seq = e->seq,
		.alarm = gw_outbox_alarm_hash(e->info->key),
		.occurred_ns = occurred_ns(u, e),
		.level = e->level <= GW_LEVEL_RED ? e->level : GW_LEVEL_RED,
		.stored = stored,
		.durable = e->durable};
	struct gw_text t;

	gw_text_init(&t, u->request.rendered, sizeof(u->request.rendered));
	item.durable_at = u->payload->event(u->opts.payload_opts, &t, e);
	if (t.cut)
		gw_delivery_park(u, e->seq, "its texts are too long for one event");
	else
		gw_outbox_add(&u->outbox, &item, t.at, t.used);
}

void gw_request_add_stored(void *arg, const struct gw_event *e, uint64_t newer)
{
	struct gw_uplink *u = arg;

	if (newer > 0)
		gw_latest_note(&u->latest, gw_outbox_alarm_hash(e->info->key), newer);
	if (e->seq > u->ring_seq) /* still in the ring: it comes from the engine, too */
		return;
	render_and_queue(u, e, e->seq <= gw_store_committed(u->store));
}

/* Bounded: a storm that comes as fast as it is rendered must not delay the sending. */
static void drain_ring(struct gw_uplink *u)
{
	struct gw_event *drained = u->request.drained;
	size_t batches, n, i;

	for (batches = 0; batches < DRAIN_BATCHES; batches++) {
		n = gw_ring_pop(
			&u->events, drained, GW_REQUEST_DRAIN_MAX, sizeof(struct gw_event));
		for (i = 0; i < n; i++) {
			if (drained[i].seq > u->ring_seq + 1)
				gw_outbox_note_missing(&u->outbox, drained[i].seq - 1);
			if (drained[i].seq > u->ring_seq)
				u->ring_seq = drained[i].seq;
			/* prepare_bodies clears it if the event leaves before its commit */
			drained[i].durable = true;
			render_and_queue(u, &drained[i], false);
			u->delivery.has_untried = true;
		}
		if (n < GW_REQUEST_DRAIN_MAX)
			return;
	}
	/* The poke for what is left may have come already: do not sleep now. */
	if (gw_ring_count(&u->events) > 0)
		gw_wake_poke(&u->wake);
}

/* ---- credentials ---- */

static uint64_t fingerprint(const struct gw_uplink *u)
{
	const char *const paths[] = {
		u->opts.ca, u->opts.cert, u->opts.key, u->opts.token_file};

	return gw_credentials_fingerprint(paths, sizeof(paths) / sizeof(paths[0]));
}

void gw_request_init(struct gw_uplink *u)
{
	u->request.credentials = fingerprint(u);
}

void gw_request_check_credentials(struct gw_uplink *u, int64_t now)
{
	uint64_t found = fingerprint(u);

	u->request.credentials_check_ns = now + CREDENTIALS_CHECK_NS;
	if (found == u->request.credentials)
		return;
	u->request.credentials = found;
	gw_retry_timer_expire(&u->delivery.retry, now);
	if (u->link.failures > 0 || u->heartbeats.refused_ns != 0)
		u->heartbeats.next_ns = now;
	gw_parked_retry_begin(u, 0);
}

/* ---- one request ---- */

bool gw_request_service(struct gw_uplink *u)
{
	int64_t now = gw_clock_boot_ns();

	gw_thread_beat(&u->thread, now);
	if (u->stop_ns == 0 && gw_thread_stopping(&u->thread))
		u->stop_ns = now + LAST_TRY_NS;
	drain_ring(u);
	if (now >= u->request.credentials_check_ns &&
		(u->link.failures > 0 || u->status.parked > 0))
		gw_request_check_credentials(u, now);
	gw_resend_update(u);
	gw_parked_retry_update(u, now);
	gw_backlog_update(&u->backlog, now, u->delivery.blocked); /* after what asks it */
	gw_link_state_update(u, now);
	if (u->parked_retry.sending && u->delivery.has_untried)
		return false;
	return u->stop_ns == 0 || now < u->stop_ns;
}

static bool service(void *arg)
{
	return gw_request_service(arg);
}

void gw_request_send(struct gw_uplink *u, size_t n, struct gw_sink_result *ret_result)
{
	int64_t timeout_ns = u->opts.timeout_ns, left_ns;

	if (u->stop_ns != 0) {
		left_ns = u->stop_ns - gw_clock_boot_ns();
		timeout_ns = left_ns < timeout_ns ? left_ns : timeout_ns;
	}
	*ret_result = (struct gw_sink_result){.verdict = GW_SINK_RETRY};
	gw_request_check_credentials(u, gw_clock_boot_ns());
	u->request.sent_credentials = u->request.credentials;
	u->sink->send(u->sink_state,
		&(struct gw_sink_request){.bodies = u->request.bodies,
			.n_bodies = n,
			.content_type = u->payload->content_type,
			.before = u->payload->before,
			.between = u->payload->between,
			.after = u->payload->after,
			.timeout_ns = timeout_ns > GW_NS_PER_MS ? timeout_ns : GW_NS_PER_MS,
			.wake = &u->wake,
			.service = service,
			.arg = u},
		ret_result);
}
