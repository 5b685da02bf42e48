/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/inside.h"

#include <math.h>
#include <stdlib.h>

#define BATCH     256 /* samples taken from one ring at a time */
#define PREFETCH  8   /* samples from one step of fetching ahead to the next */
#define HOLD_BACK 64  /* most steps in a row that timers wait for samples */
/* An output that is full is tried again this often. */
#define OUTPUT_RETRY_NS (2 * GW_NS_PER_MS)

enum gw_err gw_engine_new(const struct gw_engine_opts *opts, struct gw_engine **ret_engine,
	struct gw_error *err)
{
	struct gw_engine *e = calloc(1, sizeof *e);
	enum gw_err kind;

	if (!e)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	e->opts = *opts;
	e->opts.n_inputs = opts->n_inputs ? opts->n_inputs : 1;
	kind = gw_tables_build(e, err);
	if (kind) {
		gw_engine_free(e);
		return kind;
	}
	*ret_engine = e;
	return GW_OK;
}

void gw_engine_free(struct gw_engine *e)
{
	if (!e)
		return;
	gw_tables_free(e);
	free(e);
}

void gw_engine_identity(
	struct gw_engine *e, uint32_t run, uint64_t last_seq, const char boot[GW_BOOT_ID])
{
	e->run = run;
	e->seq = last_seq;
	memcpy(e->boot, boot, GW_BOOT_ID);
	e->boot[GW_BOOT_ID - 1] = '\0';
	atomic_store_explicit(&e->last_seq, last_seq, memory_order_release);
}

enum gw_err gw_engine_attach(struct gw_engine *e, struct gw_ring *samples,
	uint32_t first_point, uint32_t n_points, struct gw_error *err)
{
	if (e->n_inputs == e->opts.n_inputs)
		return gw_fail(
			err, GW_ERR_FULL, 0, "more than %zu inputs", e->opts.n_inputs);
	e->inputs[e->n_inputs++] = (struct gw_input){
		.ring = samples, .first_point = first_point, .n_points = n_points};
	return GW_OK;
}

enum gw_err gw_engine_output(struct gw_engine *e, struct gw_ring *events,
	struct gw_wake *wake, struct gw_error *err)
{
	if (e->n_outputs == GW_ENGINE_OUTPUTS)
		return gw_fail(
			err, GW_ERR_FULL, 0, "more than %d outputs", GW_ENGINE_OUTPUTS);
	e->outputs[e->n_outputs++] = (struct gw_output){.ring = events,
		.wake = wake,
		.taken = e->logged,
		.pushed = gw_ring_head(events)};
	return GW_OK;
}

void gw_engine_commands(struct gw_engine *e, struct gw_ring *commands,
	struct gw_ring *replies, struct gw_wake *reply_wake)
{
	e->commands = commands;
	e->replies = replies;
	e->reply_wake = reply_wake;
}

/* The point has no usable value any more: histories that hold its last one are told. */
static void lose(struct gw_engine *e, uint32_t point, int64_t at_ns)
{
	const struct gw_listeners *l = &e->point_listeners;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		const struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member == GW_NO_MEMBER && a->opts->when.kind->lost)
			a->opts->when.kind->lost(&a->opts->when, a->memory, at_ns);
	}
}

/* A sample outside its point's calm band, or one that cannot be used. */
static void __attribute__((noinline)) heed(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, bool usable, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	uint32_t k = l->first[point], end = l->first[point + 1];

	gw_view_write_point(&e->view.points[point], sample, usable);
	if (!usable) {
		lose(e, point, sample->mono_ns);
		return;
	}
	if (k == end)
		return;
	for (; k < end; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER) {
			gw_alarms_hear(
				e, &l->at[k], sample->value != 0, sample->mono_ns, now);
			continue;
		}
		if (a->opts->when.kind->absorb)
			a->opts->when.kind->absorb(
				&a->opts->when, a->memory, sample, sample->mono_ns);
		gw_alarms_ask(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->mono_ns},
			now);
	}
	gw_alarms_calm(e, point);
}

/* A sample inside the calm band of a point whose history somebody keeps. */
static void keep(struct gw_engine *e, uint32_t point, const struct gw_sample *sample,
	const struct gw_time *now)
{
	const struct gw_history *h = &e->histories[e->view.points[point].history];
	bool more;

	do {
		more = h->more;
		if (h->absorb(h->opts, h->memory, sample, sample->mono_ns))
			gw_alarms_ask(e, &e->alarms[h->alarm],
				(struct gw_condition_input){.sample = sample,
					.member = GW_NO_MEMBER,
					.now_ns = sample->mono_ns},
				now);
		h++;
	} while (more);
}

static inline void feed_one(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, const struct gw_time *now)
{
	struct gw_point_slot *s = &e->view.points[point];
	bool usable = gw_quality_usable(sample->quality);

	if (usable && sample->value >= s->lo && sample->value <= s->hi) {
		gw_view_write_point(s, sample, true);
		if (s->history)
			keep(e, point, sample, now);
		return;
	}
	if (usable && !isfinite(sample->value)) { /* a driver should have said so */
		struct gw_sample bad = *sample;

		bad.quality = GW_QUALITY_BAD_PAYLOAD;
		heed(e, point, &bad, false, now);
		return;
	}
	heed(e, point, sample, usable, now);
}

/* With many points nothing is in the cache: ask for the slot, then for what hangs on it. */
static inline void fetch_ahead(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n)
{
	struct gw_point_slot *slots = e->view.points + first_point;

	if (n > 3 * PREFETCH && samples[3 * PREFETCH].point < n_points)
		__builtin_prefetch(&slots[samples[3 * PREFETCH].point], 1);
	if (!e->keeps_history)
		return;
	if (n > 2 * PREFETCH && samples[2 * PREFETCH].point < n_points)
		__builtin_prefetch(
			&e->histories[slots[samples[2 * PREFETCH].point].history]);
	if (n > PREFETCH && samples[PREFETCH].point < n_points) {
		const struct gw_history *h =
			&e->histories[slots[samples[PREFETCH].point].history];

		__builtin_prefetch(h->memory, 1);
		__builtin_prefetch((const char *)h->memory + 64, 1);
		if (h->more)
			__builtin_prefetch(h[1].memory, 1);
	}
}

static void __attribute__((noinline)) tap(struct gw_tap *t, struct gw_ring *ring,
	uint32_t first_point, uint32_t n_points, const struct gw_sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct gw_sample s = samples[i];

		if (s.point >= n_points)
			continue;
		s.point += first_point;
		if (!gw_ring_push(ring, &s, 1, sizeof s))
			atomic_fetch_add_explicit(&t->lost, 1, memory_order_release);
	}
}

static void feed(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, const struct gw_time *now)
{
	struct gw_ring *tapped = e->tap
		? atomic_load_explicit(&e->tap->ring, memory_order_acquire)
		: NULL;

	if (tapped)
		tap(e->tap, tapped, first_point, n_points, samples, n);
	for (size_t i = 0; i < n; i++) {
		fetch_ahead(e, first_point, n_points, samples + i, n - i);
		if (samples[i].point >= n_points) {
			atomic_fetch_add_explicit(&e->stray, 1, memory_order_relaxed);
			continue;
		}
		feed_one(e, first_point + samples[i].point, &samples[i], now);
	}
}

void gw_engine_tap(struct gw_engine *e, struct gw_tap *t)
{
	e->tap = t;
}

static void ready(struct gw_engine *e, const struct gw_time *now)
{
	if (!e->started) {
		e->started = true;
		e->synced = now->synced;
		gw_alarms_start(e, now);
	}
	if (now->synced && !e->synced)
		gw_alarms_amend(e, now);
	e->synced = now->synced;
}

static void run_due(struct gw_engine *e, const struct gw_time *now)
{
	while (e->n_queue && e->queue[0]->due_ns <= now->mono_ns)
		gw_alarms_due(e, e->queue[0], now);
}

void gw_engine_feed(
	struct gw_engine *e, const struct gw_sample *samples, size_t n, struct gw_time now)
{
	ready(e, &now);
	feed(e, 0, (uint32_t)e->opts.n_points, samples, n, &now);
}

static void take_commands(struct gw_engine *e, const struct gw_time *now)
{
	struct gw_command c;

	while (e->commands && gw_ring_count(e->replies) < gw_ring_capacity(e->replies) &&
		gw_ring_pop(e->commands, &c, 1, sizeof c)) {
		struct gw_reply r = {.cookie = c.cookie, .why = "there is no such alarm"};

		if (c.alarm < e->opts.n_alarms) {
			r.why = gw_alarms_command(e, &c, now);
			r.done = r.why == NULL;
			r.state = (uint32_t)gw_state_shown(&e->alarms[c.alarm].state);
		}
		gw_ring_push(e->replies, &r, 1, sizeof r);
		if (e->reply_wake)
			gw_wake_poke(e->reply_wake);
	}
}

bool gw_engine_step(struct gw_engine *e, struct gw_time now)
{
	bool more = false;

	ready(e, &now);
	take_commands(e, &now);
	for (size_t i = 0; i < e->n_inputs; i++) {
		struct gw_input *in = &e->inputs[i];
		const void *at;
		size_t n;

		in->taken = 0;
		while (in->taken < BATCH &&
			(n = gw_ring_peek(in->ring, &at, BATCH - in->taken)) > 0) {
			feed(e, in->first_point, in->n_points, at, n, &now);
			gw_ring_drop(in->ring, n);
			in->taken += n;
			if (!gw_ring_at_seam(in->ring))
				break;
		}
		more |= in->taken == BATCH;
	}
	/* Samples that wait may take a timer back, so they go first; but not for ever. */
	if (!more || ++e->held_back == HOLD_BACK) {
		run_due(e, &now);
		e->held_back = 0;
	}
	atomic_store_explicit(&e->waiting, gw_out_deliver(e), memory_order_release);
	e->step_ns = now.mono_ns;
	atomic_store_explicit(&e->last_seq, e->seq, memory_order_release);
	if (e->publish_seq)
		atomic_store_explicit(e->publish_seq, e->seq, memory_order_release);
	for (size_t i = 0; i < e->n_inputs; i++)
		if (e->inputs[i].taken)
			gw_ring_step(e->inputs[i].ring, e->inputs[i].taken);
	return more;
}

bool gw_engine_pending(const struct gw_engine *e)
{
	if (e->commands && gw_ring_count(e->commands))
		return true;
	for (size_t i = 0; i < e->n_inputs; i++)
		if (gw_ring_count(e->inputs[i].ring))
			return true;
	return false;
}

int64_t gw_engine_next_ns(const struct gw_engine *e)
{
	int64_t next_ns = e->n_queue ? e->queue[0]->due_ns : INT64_MAX;

	if (atomic_load_explicit(&e->waiting, memory_order_relaxed) &&
		e->step_ns + OUTPUT_RETRY_NS < next_ns)
		next_ns = e->step_ns + OUTPUT_RETRY_NS;
	return next_ns;
}

uint64_t gw_engine_last_seq(const struct gw_engine *e)
{
	return atomic_load_explicit(&e->last_seq, memory_order_acquire);
}

void gw_engine_publish_seq(struct gw_engine *e, _Atomic uint64_t *seq)
{
	e->publish_seq = seq;
	atomic_store_explicit(seq, e->seq, memory_order_release);
}

bool gw_engine_waiting(const struct gw_engine *e)
{
	return atomic_load_explicit(&e->waiting, memory_order_acquire);
}

uint64_t gw_engine_stray(const struct gw_engine *e)
{
	return atomic_load_explicit(&e->stray, memory_order_relaxed);
}

struct gw_view *gw_engine_view(struct gw_engine *e)
{
	return &e->view;
}
