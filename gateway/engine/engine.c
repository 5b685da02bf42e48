/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/alarm.h"
#include "engine/build.h"
#include "engine/ingest.h"
#include "engine/late_restore.h"
#include "engine/memory.h"
#include "engine/outputs.h"
#include "engine/startup.h"

#include <stdlib.h>

#define INPUT_BATCH         256 /* samples taken from one ring in a step, at most */
#define TIMERS_DEFERRED_MAX 64  /* steps in a row that timers wait for samples, at most */
/* An output that is full is tried again this often. */
#define OUTPUT_RETRY_NS (2 * GW_NS_PER_MS)

enum gw_err gw_engine_new(const struct gw_engine_opts *opts, struct gw_engine **ret_engine,
	struct gw_error *err)
{
	struct gw_engine *e = calloc(1, sizeof *e);
	enum gw_err rc;

	if (!e)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	e->opts = *opts;
	e->opts.n_inputs = opts->n_inputs ? opts->n_inputs : 1;
	rc = gw_build_tables(e, err);
	if (rc) {
		gw_engine_free(e);
		return rc;
	}
	*ret_engine = e;
	return GW_OK;
}

void gw_engine_free(struct gw_engine *e)
{
	if (!e)
		return;
	gw_build_free(e);
	free(e);
}

void gw_engine_set_identity(
	struct gw_engine *e, uint64_t run, uint64_t last_seq, const char boot[GW_BOOT_ID])
{
	e->run = run;
	e->seq = last_seq;
	memcpy(e->boot, boot, GW_BOOT_ID);
	e->boot[GW_BOOT_ID - 1] = '\0';
	atomic_store_explicit(&e->last_seq, last_seq, memory_order_release);
}

enum gw_err gw_engine_add_input(struct gw_engine *e, struct gw_ring *samples,
	uint32_t first_point, uint32_t n_points, struct gw_error *err)
{
	if (e->n_inputs == e->opts.n_inputs)
		return gw_fail(
			err, GW_ERR_FULL, 0, "more than %zu inputs", e->opts.n_inputs);
	e->inputs[e->n_inputs++] = (struct gw_engine_input){
		.ring = samples, .first_point = first_point, .n_points = n_points};
	return GW_OK;
}

enum gw_err gw_engine_add_output(struct gw_engine *e, struct gw_ring *events,
	struct gw_wake *wake, struct gw_error *err)
{
	if (e->n_outputs == GW_ENGINE_OUTPUTS)
		return gw_fail(
			err, GW_ERR_FULL, 0, "more than %d outputs", GW_ENGINE_OUTPUTS);
	e->outputs[e->n_outputs++] = (struct gw_engine_output){.ring = events,
		.wake = wake,
		.taken = e->unsent_end,
		.ring_head = gw_ring_head(events)};
	return GW_OK;
}

void gw_engine_set_commands(struct gw_engine *e, struct gw_ring *commands,
	struct gw_ring *replies, struct gw_wake *reply_wake)
{
	e->commands = commands;
	e->replies = replies;
	e->reply_wake = reply_wake;
}

void gw_engine_set_tap(struct gw_engine *e, struct gw_sample_tap *t)
{
	e->tap = t;
}

static void begin_step(struct gw_engine *e, const struct gw_time *now)
{
	if (!e->started) {
		e->started = true;
		e->synced = now->synced;
		gw_startup_run(e, now);
	}
	if (now->synced && !e->synced)
		gw_startup_amend(e, now);
	e->synced = now->synced;
}

static void run_due(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t ahead = 0; e->n_timers && e->timers[0].at_ns <= now->boot_ns; ahead--) {
		if (ahead == 0)
			ahead = gw_memory_prefetch_due(e, now->boot_ns);
		gw_alarm_run_due(e, &e->alarms[e->timers[0].alarm], now);
	}
}

void gw_engine_ingest(
	struct gw_engine *e, const struct gw_sample *samples, size_t n, struct gw_time now)
{
	begin_step(e, &now);
	gw_ingest(e, 0, (uint32_t)e->opts.n_points, samples, n, &now);
}

static void run_commands(struct gw_engine *e, const struct gw_time *now)
{
	struct gw_alarm_command c;

	while (e->commands && gw_ring_count(e->replies) < gw_ring_capacity(e->replies) &&
		gw_ring_pop(e->commands, &c, 1, sizeof c)) {
		struct gw_alarm_reply r = {
			.cookie = c.cookie, .why = "there is no such alarm"};

		if (c.kind == GW_COMMAND_NOTE_RAISE) {
			e->noted_alarm = c.alarm + 1;
			memcpy(e->raise_note, c.note, sizeof e->raise_note);
			continue;
		}
		if (c.alarm < e->opts.n_alarms) {
			r.why = gw_alarm_run_command(e, &c, now);
			r.done = r.why == NULL;
			r.state = (uint32_t)gw_state_shown(
				&e->alarm_details[c.alarm].state);
		}
		gw_ring_push(e->replies, &r, 1, sizeof r);
		if (e->reply_wake)
			gw_wake_poke(e->reply_wake);
	}
}

bool gw_engine_step(struct gw_engine *e, struct gw_time now)
{
	bool more = false;

	begin_step(e, &now);
	gw_late_restore_run(e, &now);
	run_commands(e, &now);
	for (size_t i = 0; i < e->n_inputs; i++) {
		struct gw_engine_input *in = &e->inputs[i];
		const void *at;
		size_t n;

		in->n_taken = 0;
		while (in->n_taken < INPUT_BATCH &&
			(n = gw_ring_peek(in->ring, &at, INPUT_BATCH - in->n_taken)) > 0) {
			gw_ingest(e, in->first_point, in->n_points, at, n, &now);
			gw_ring_drop(in->ring, n);
			in->n_taken += n;
			if (!gw_ring_at_wrap(in->ring))
				break;
		}
		more |= in->n_taken == INPUT_BATCH;
	}
	/* Samples may cancel a timer, so they go first; but not for ever. */
	if (!more || ++e->timers_deferred == TIMERS_DEFERRED_MAX) {
		run_due(e, &now);
		e->timers_deferred = 0;
	}
	atomic_store_explicit(
		&e->output_blocked, gw_outputs_deliver(e), memory_order_release);
	e->last_step_ns = now.boot_ns;
	atomic_store_explicit(&e->last_seq, e->seq, memory_order_release);
	if (e->shared_last_seq)
		atomic_store_explicit(e->shared_last_seq, e->seq, memory_order_release);
	for (size_t i = 0; i < e->n_inputs; i++)
		if (e->inputs[i].n_taken)
			gw_ring_set_processed(e->inputs[i].ring, e->inputs[i].n_taken);
	return more;
}

bool gw_engine_has_input(const struct gw_engine *e)
{
	if (e->commands && gw_ring_count(e->commands))
		return true;
	if (!gw_engine_restore_done(e))
		return true;
	for (size_t i = 0; i < e->n_inputs; i++)
		if (gw_ring_count(e->inputs[i].ring))
			return true;
	return false;
}

int64_t gw_engine_next_timer_ns(const struct gw_engine *e)
{
	int64_t next_ns = e->n_timers ? e->timers[0].at_ns : INT64_MAX;

	if (atomic_load_explicit(&e->output_blocked, memory_order_relaxed) &&
		e->last_step_ns + OUTPUT_RETRY_NS < next_ns)
		next_ns = e->last_step_ns + OUTPUT_RETRY_NS;
	return next_ns;
}

uint64_t gw_engine_last_seq(const struct gw_engine *e)
{
	return atomic_load_explicit(&e->last_seq, memory_order_acquire);
}

void gw_engine_publish_seq(struct gw_engine *e, _Atomic uint64_t *seq)
{
	e->shared_last_seq = seq;
	atomic_store_explicit(seq, e->seq, memory_order_release);
}

bool gw_engine_output_blocked(const struct gw_engine *e)
{
	return atomic_load_explicit(&e->output_blocked, memory_order_acquire);
}

uint64_t gw_engine_lost_events(const struct gw_engine *e, const struct gw_ring *events)
{
	for (size_t i = 0; i < e->n_outputs; i++)
		if (e->outputs[i].ring == events)
			return atomic_load_explicit(
				&e->outputs[i].lost, memory_order_relaxed);
	return 0;
}

struct gw_view *gw_engine_view(struct gw_engine *e)
{
	return &e->view;
}
