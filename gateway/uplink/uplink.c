/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/uplink.h"

#include "base/log.h"
#include "gw_build.h"
#include "uplink/credentials.h"
#include "uplink/refusal.h"
#include "uplink/uplink_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* for a certificate or token that was exchanged, while something waits for it */
#define CREDENTIALS_CHECK_NS (10 * GW_NS_PER_SEC)
#define UNTRIED_GAP_NS \
	(2 * GW_NS_PER_SEC) /* a new alarm is tried at once, this often at most */
#define IDLE_NS       (2 * GW_NS_PER_SEC) /* the thread beats at least that often */
#define LAST_TRY_NS   GW_NS_PER_SEC
#define DRAIN_BATCHES 16 /* of GW_UPLINK_DRAIN events, then something else has its turn */

/* ---- events in ---- */

/* When it arose on this boot's clock, whichever boot that was. */
static int64_t occurred_ns(const struct gw_uplink *u, const struct gw_event *e)
{
	int64_t age_ms;

	if (strcmp(e->boot, u->boot) == 0)
		return e->mono_ns;
	age_ms = gw_clock_wall_ms() - e->wall_ms;
	return gw_clock_mono_ns() - (age_ms > 0 ? age_ms : 0) * GW_NS_PER_MS;
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

	gw_text_init(&t, u->rendered, sizeof(u->rendered));
	u->payload->event(&t, e);
	if (t.cut)
		gw_delivery_park(u, e->seq, "its texts are too long for one event");
	else
		gw_outbox_add(&u->outbox, &item, t.at, t.used);
}

static void add_stored(void *arg, const struct gw_event *e)
{
	struct gw_uplink *u = arg;

	if (e->seq > u->ring_seq) /* the store was quicker: it comes from the engine, too */
		return;
	render_and_queue(u, e, e->seq <= gw_store_committed(u->store));
}

/* The store may open long after the start: only its first answer tells. */
static void on_parked_count(void *arg, uint64_t parked)
{
	struct gw_uplink *u = arg;

	u->status.parked = parked;
	gw_parked_retry_begin(u, 0);
}

static void on_query_reply(
	void *arg, enum gw_backlog_query query, const struct gw_batch *batch)
{
	if (query == GW_BACKLOG_QUERY_PARKED)
		gw_parked_retry_on_batch(arg, batch);
	else
		gw_resend_on_batch(arg, batch);
}

/* Bounded: a storm that comes as fast as it is rendered must not keep us from sending it. */
static void drain_ring(struct gw_uplink *u)
{
	size_t batches, n, i;

	for (batches = 0; batches < DRAIN_BATCHES; batches++) {
		n = gw_ring_pop(
			&u->events, u->drained, GW_UPLINK_DRAIN, sizeof(struct gw_event));
		for (i = 0; i < n; i++) {
			uint64_t seq = u->drained[i].seq;

			if (seq > u->ring_seq + 1)
				gw_outbox_note_missing(&u->outbox, seq - 1);
			u->ring_seq = seq > u->ring_seq ? seq : u->ring_seq;
			/* until it turns out that it must leave before its commit */
			u->drained[i].durable = true;
			render_and_queue(u, &u->drained[i], false);
			u->has_untried = true;
		}
		if (n < GW_UPLINK_DRAIN)
			return;
	}
	/* who pushed what is left may have poked already: do not sleep on it */
	if (gw_ring_count(&u->events) > 0)
		gw_wake_poke(&u->wake);
}

/* ---- credentials ---- */

static uint64_t credentials_of(const struct gw_uplink *u)
{
	const char *const paths[] = {
		u->opts.ca, u->opts.cert, u->opts.key, u->opts.token_file};

	return gw_credentials_fingerprint(paths, sizeof(paths) / sizeof(paths[0]));
}

void gw_uplink_check_credentials(struct gw_uplink *u, int64_t now)
{
	uint64_t is = credentials_of(u);

	u->credentials_ns = now + CREDENTIALS_CHECK_NS;
	if (is == u->credentials)
		return;
	u->credentials = is;
	gw_retry_timer_expire(&u->event_retry, now);
	if (u->failures > 0 || u->heartbeats_refused_ns != 0)
		u->heartbeat_ns = now;
	gw_parked_retry_begin(u, 0);
}

/* ---- one request ---- */

/* Called while the sink waits, too. */
static bool service(void *arg)
{
	struct gw_uplink *u = arg;
	int64_t now = gw_clock_mono_ns();

	gw_thread_beat(&u->thread, now);
	if (u->stop_ns == 0 && gw_thread_stopping(&u->thread))
		u->stop_ns = now + LAST_TRY_NS;
	drain_ring(u);
	if (now >= u->credentials_ns && (u->failures > 0 || u->status.parked > 0))
		gw_uplink_check_credentials(u, now);
	gw_resend_update(u);
	gw_parked_retry_update(u, now);
	gw_backlog_update(&u->backlog, now, u->blocked); /* asks what they want to know */
	gw_link_state_update(u, now);
	if (u->sending_parked && u->has_untried)
		return false;
	return u->stop_ns == 0 || now < u->stop_ns;
}

void gw_uplink_request(struct gw_uplink *u, size_t n, struct gw_sink_result *ret_result)
{
	int64_t timeout_ns = u->opts.timeout_ns, left_ns;

	if (u->stop_ns != 0) {
		left_ns = u->stop_ns - gw_clock_mono_ns();
		timeout_ns = left_ns < timeout_ns ? left_ns : timeout_ns;
	}
	*ret_result = (struct gw_sink_result){.verdict = GW_SINK_RETRY};
	gw_uplink_check_credentials(u, gw_clock_mono_ns());
	u->sent_credentials = u->credentials;
	u->sink->send(u->sink_state,
		&(struct gw_sink_request){.bodies = u->bodies,
			.n_bodies = n,
			.content_type = u->payload->content_type,
			.before = u->payload->before,
			.between = u->payload->between,
			.after = u->payload->after,
			.timeout_ns = timeout_ns > GW_NS_PER_MS ? timeout_ns : GW_NS_PER_MS,
			.wake = &u->wake,
			.turn = service,
			.arg = u},
		ret_result);
}

/* ---- the thread ---- */

static bool may_try_events(const struct gw_uplink *u, int64_t now)
{
	if (now < u->event_retry.hold_ns)
		return false;
	return gw_refusal_in_progress(&u->outbox) ||
		gw_retry_timer_ready(&u->event_retry, now) ||
		(u->has_untried && now >= u->last_try_ns + UNTRIED_GAP_NS);
}

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When to look again if nobody wakes us. */
static int64_t next_ns(const struct gw_uplink *u, uint64_t committed, int64_t now)
{
	int64_t next = now + IDLE_NS, t;

	if (gw_heartbeat_wanted(u))
		next = min_ns(next,
			u->heartbeat_ns > u->heartbeat_retry.hold_ns
				? u->heartbeat_ns
				: u->heartbeat_retry.hold_ns);
	if (u->outbox.n > 0 && !may_try_events(u, now)) {
		t = u->event_retry.backoff.next_ns;
		if (u->has_untried)
			t = min_ns(t, u->last_try_ns + UNTRIED_GAP_NS);
		next = min_ns(
			next, t > u->event_retry.hold_ns ? t : u->event_retry.hold_ns);
	} else if (u->outbox.n > 0) {
		t = gw_outbox_next_overdue(&u->outbox, committed);
		if (t != INT64_MAX && t + GW_UPLINK_COMMIT_WAIT_NS > now)
			next = min_ns(next, t + GW_UPLINK_COMMIT_WAIT_NS);
	}
	if (u->stop_ns != 0)
		next = min_ns(next, u->stop_ns);
	t = gw_parked_retry_next_ns(u);
	if (t > now) /* else it waits for something else */
		next = min_ns(next, t);
	return min_ns(next, gw_backlog_next_ns(&u->backlog, now));
}

enum action { ACTION_NONE, ACTION_EVENTS, ACTION_HEARTBEAT, ACTION_PARKED };

/* What is to be done first; the events are picked. */
static enum action next_action(struct gw_uplink *u, uint64_t committed, int64_t now)
{
	bool heartbeat_due = gw_heartbeat_wanted(u) && now >= u->heartbeat_ns &&
		now >= u->heartbeat_retry.hold_ns;

	u->n_picked = 0;
	u->blocked = false;
	if (may_try_events(u, now) && !(heartbeat_due && u->heartbeat_turn)) {
		u->n_picked = gw_delivery_pick(u, committed, now);
		if (u->n_picked > 0)
			return ACTION_EVENTS;
		if (gw_delivery_needs_heartbeat(u))
			return ACTION_HEARTBEAT;
		if (gw_refusal_in_progress(&u->outbox))
			gw_delivery_give_up(u);
		else
			u->blocked = u->outbox.n > 0;
	}
	if (heartbeat_due)
		return ACTION_HEARTBEAT;
	return gw_parked_retry_ready(u, now) ? ACTION_PARKED : ACTION_NONE;
}

static bool finished(struct gw_uplink *u, int64_t now)
{
	if (u->stop_ns == 0)
		return false;
	return now >= u->stop_ns || u->gave_up || !may_try_events(u, now) ||
		(u->outbox.n == 0 && u->backlog.n_marks == 0 &&
			gw_ring_count(&u->events) == 0);
}

static void *run(void *arg)
{
	struct gw_uplink *u = arg;
	struct gw_error err;
	int64_t now, next;
	uint64_t committed;
	enum action action;

	if (u->sink->open(u->sink_state, &u->opts, "tocsin/" GW_VERSION, &err) != GW_OK)
		gw_log(GW_LOG_ERR, "%s: %s", u->opts.name, err.text);
	for (;;) {
		gw_wake_prepare(&u->wake);
		service(u);
		now = gw_clock_mono_ns();
		if (finished(u, now))
			break;
		committed = gw_store_committed(u->store);
		action = next_action(u, committed, now);
		if (action == ACTION_NONE) {
			if (u->blocked) /* what may leave must come from the store */
				gw_backlog_update(&u->backlog, now, true);
			next = next_ns(u, committed, now);
			gw_wake_wait(&u->wake, next > now ? next - now : 0);
			continue;
		}
		gw_wake_finish(&u->wake); /* a sink that waits announces it by itself */
		if (action == ACTION_EVENTS)
			gw_delivery_send(u, committed);
		else if (action == ACTION_HEARTBEAT)
			gw_heartbeat_run(u);
		else
			gw_parked_retry_send(u);
	}
	gw_wake_finish(&u->wake);
	gw_link_state_update(u, now);
	u->sink->close(u->sink_state);
	return NULL;
}

/* ---- life ---- */

static const char *copy(char **at, const char *text)
{
	const char *from = *at;

	*at = stpcpy(*at, text ? text : "") + 1;
	return from;
}

static bool copy_opts(struct gw_uplink *u, const struct gw_uplink_opts *o)
{
	const char *texts[] = {o->name, o->url, o->ca, o->cert, o->key, o->token_file};
	size_t n = o->accept.n * sizeof(struct gw_setting_pair), i;
	struct gw_setting_pair *pairs;
	char *at;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		n += strlen(texts[i] ? texts[i] : "") + 1;
	for (i = 0; i < o->accept.n; i++)
		n += strlen(o->accept.at[i].key) + strlen(o->accept.at[i].value) + 2;
	u->copies = pairs = malloc(n);
	if (pairs == NULL)
		return false;
	at = (char *)(pairs + o->accept.n);
	u->opts = *o;
	u->opts.name = copy(&at, o->name);
	u->opts.url = copy(&at, o->url);
	u->opts.ca = copy(&at, o->ca);
	u->opts.cert = copy(&at, o->cert);
	u->opts.key = copy(&at, o->key);
	u->opts.token_file = copy(&at, o->token_file);
	u->opts.accept.at = pairs;
	for (i = 0; i < o->accept.n; i++) {
		pairs[i].key = copy(&at, o->accept.at[i].key);
		pairs[i].value = copy(&at, o->accept.at[i].value);
		pairs[i].quoted = o->accept.at[i].quoted;
	}
	if (u->opts.batch < 1)
		u->opts.batch = 1;
	if (u->opts.batch > GW_UPLINK_BATCH_MAX)
		u->opts.batch = GW_UPLINK_BATCH_MAX;
	return true;
}

enum gw_err gw_uplink_new(const struct gw_uplink_opts *opts, size_t slot,
	struct gw_store *store, const struct gw_uplink_health *health, size_t ring_capacity,
	struct gw_uplink **ret_uplink, struct gw_error *err)
{
	struct gw_uplink *u = calloc(1, sizeof(*u));
	enum gw_err rc = GW_ERR_SYSTEM;

	if (u == NULL)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory for an uplink");
	pthread_mutex_init(&u->lock, NULL);
	u->slot = slot;
	u->store = store;
	if (health != NULL)
		u->health = *health;
	u->sink = strncasecmp(opts->url, "file:", 5) == 0 ? &gw_sink_file : &gw_sink_https;
	u->payload = gw_payload_of((enum gw_format)opts->format);
	u->sink_state = calloc(1, u->sink->state_size);
	if (u->sink_state == NULL || !copy_opts(u, opts)) {
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory for uplink %s", opts->name);
		goto out;
	}
	rc = gw_outbox_init(&u->outbox, GW_UPLINK_MAX_EVENTS, GW_UPLINK_MAX_BYTES, err);
	if (rc == GW_OK)
		rc = gw_ring_init(&u->events, ring_capacity, sizeof(struct gw_event), err);
	if (rc == GW_OK)
		rc = gw_wake_init(&u->wake, err);
	if (rc != GW_OK)
		goto out;
	gw_backlog_init(&u->backlog, store, slot, &u->outbox, add_stored, u);
	u->backlog.on_query_reply = on_query_reply;
	u->backlog.on_parked_count = on_parked_count;
	gw_parked_retry_init(&u->parked_retry);
	gw_clock_boot_id(u->boot);
	gw_store_attach_uplink(store, slot, &u->wake);
	*ret_uplink = u;
	return GW_OK;
out:
	gw_uplink_free(u);
	return rc;
}

void gw_uplink_begin_after(struct gw_uplink *u, uint64_t seq, uint64_t parked)
{
	u->ring_seq = seq;
	u->status.parked = parked;
}

enum gw_err gw_uplink_start(struct gw_uplink *u, struct gw_error *err)
{
	int64_t now = gw_clock_mono_ns();
	size_t i;

	/* two boxes that lost power together must not come back in step */
	gw_retry_timer_init(&u->event_retry, gw_outbox_alarm_hash(u->boot) ^ (uint64_t)now);
	gw_retry_timer_init(
		&u->heartbeat_retry, gw_outbox_alarm_hash(u->opts.name) ^ (uint64_t)now);
	u->credentials = credentials_of(u);
	u->heartbeat_ns = u->success_ns = now;
	for (i = 0; i < GW_UPLINK_POINTS; i++)
		u->fault_sent[i] = -1;
	u->ring_seq = gw_store_last_seq(u->store);
	u->status.since_ns = now;
	gw_link_state_update(u, now);
	return gw_thread_start(&u->thread, u->opts.name, run, u, err);
}

void gw_uplink_request_stop(struct gw_uplink *u)
{
	gw_thread_request_stop(&u->thread);
	gw_wake_poke(&u->wake);
}

void gw_uplink_join(struct gw_uplink *u)
{
	gw_thread_join(&u->thread);
}

void gw_uplink_free(struct gw_uplink *u)
{
	if (u == NULL)
		return;
	if (u->thread.running) {
		gw_uplink_request_stop(u);
		gw_uplink_join(u);
	}
	gw_backlog_fini(&u->backlog);
	gw_parked_retry_fini(&u->parked_retry);
	gw_outbox_fini(&u->outbox);
	gw_ring_fini(&u->events);
	gw_ring_fini(&u->faults);
	gw_wake_fini(&u->wake);
	pthread_mutex_destroy(&u->lock);
	free(u->sink_state);
	free(u->copies);
	free(u);
}

struct gw_thread *gw_uplink_thread(struct gw_uplink *u)
{
	return &u->thread;
}

struct gw_ring *gw_uplink_events(struct gw_uplink *u)
{
	return &u->events;
}

struct gw_wake *gw_uplink_wake(struct gw_uplink *u)
{
	return &u->wake;
}

enum gw_err gw_uplink_fault_ring(struct gw_uplink *u, struct gw_wake *engine_wake,
	struct gw_ring **ret_ring, struct gw_error *err)
{
	enum gw_err rc = gw_ring_init(&u->faults, 16, sizeof(struct gw_sample), err);

	if (rc != GW_OK)
		return rc;
	u->engine_wake = engine_wake;
	*ret_ring = &u->faults;
	return GW_OK;
}
