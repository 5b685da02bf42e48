/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h: drains the sample rings, evaluates conditions, steps alarm states, emits events.
 *
 * Pure: the same samples and the same times yield the same events, byte for byte. A step
 * allocates nothing, locks nothing, does no I/O and formats no text. Memory that was reserved at
 * new may cost a page fault when an alarm is raised for the first time. prepare_adopt and adopt
 * may allocate; no engine thread runs this engine then.
 *
 * The calls below are in engine.c, but gw_engine_paused in pause.c, gw_engine_restore and
 * gw_engine_clear_unconfigured in restore.c, gw_engine_restore_late and _done in late_restore.c,
 * gw_engine_prepare_adopt and gw_engine_adopt in adopt.c.
 *
 * Owner: app/. Thread: while no thread runs it, main calls everything; while one does, the engine
 * thread calls step and what else is marked, and main what is marked "main". The view (view.h) is
 * for any thread.
 * Life: new, add_input..., add_output..., restore..., step..., free: an event of a restore
 * goes to the outputs there are.
 */
#ifndef GW_ENGINE_ENGINE_H
#define GW_ENGINE_ENGINE_H

#include "alarm/alarm_opts.h"
#include "base/clock.h"
#include "base/wake.h"
#include "engine/view.h"
#include "flow/alarm_record.h"
#include "flow/event.h"
#include "flow/ring.h"
#include "flow/sample.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* What the engine works on; made by the config reader, immutable, outlives the engine. */
struct gw_engine_opts {
	const struct gw_site_info *site;
	const struct gw_point_info *points; /* of all sources, one block per source */
	size_t n_points;
	const struct gw_alarm_opts *alarms; /* members of votes and of unless come first */
	size_t n_alarms;
	size_t n_inputs; /* sources that may be added, at most */
};

struct gw_engine;

enum gw_err gw_engine_new(const struct gw_engine_opts *opts, struct gw_engine **ret_engine,
	struct gw_error *err);
void gw_engine_free(struct gw_engine *e); /* NULL is fine */

/* What event ids are made of: run of this start, the last seq that was given, this boot's id. The
 * first event has last_seq + 1; seq has no gap from there on. A caller that does not know the last
 * seq yet gives any greater number below 2^63: that leaves a gap but keeps the order. */
void gw_engine_set_identity(
	struct gw_engine *e, uint64_t run, uint64_t last_seq, const char boot[GW_BOOT_ID]);

/* ---- inputs and outputs ---- */

/* Samples of one source; point 0 of its samples is first_point in opts->points. */
enum gw_err gw_engine_add_input(struct gw_engine *e, struct gw_ring *samples,
	uint32_t first_point, uint32_t n_points, struct gw_error *err);

/* Every event goes to every output; one whose ring is full delays only itself. wake is poked after
 * something went in. At most GW_ENGINE_OUTPUTS. */
#define GW_ENGINE_OUTPUTS 12
enum gw_err gw_engine_add_output(struct gw_engine *e, struct gw_ring *events,
	struct gw_wake *wake, struct gw_error *err);

/* Commands of persons in, replies out (struct gw_alarm_command, struct gw_alarm_reply). */
enum gw_alarm_command_kind {
	GW_COMMAND_ACK,
	GW_COMMAND_RESET,
	GW_COMMAND_SHELVE,
	GW_COMMAND_UNSHELVE,
	GW_COMMAND_NOTE_RAISE, /* no reply; note goes into the next raise of alarm */
};

struct gw_alarm_command {
	uint64_t cookie;     /* comes back in the reply */
	uint32_t alarm;      /* index into opts->alarms */
	uint32_t kind;       /* enum gw_alarm_command_kind */
	int64_t duration_ns; /* shelve: > 0 */
	char note[GW_NOTE_MAX];
};

struct gw_alarm_reply {
	uint64_t cookie;
	uint32_t done;   /* 1: applied; 0: refused, see why */
	uint32_t state;  /* enum gw_state afterwards */
	const char *why; /* static text in plain English, NULL if done */
};

void gw_engine_set_commands(struct gw_engine *e, struct gw_ring *commands,
	struct gw_ring *replies, struct gw_wake *reply_wake);

/* A copy of every sample that enters, for `tocsin record`; point is an index into opts->points.
 * ring NULL costs one load a batch. What does not fit into the ring is counted, never waited for.
 * tap outlives the engine and may be given to the next one. */
struct gw_sample_tap {
	_Atomic(struct gw_ring *) ring; /* of struct gw_sample; set by its consumer */
	_Atomic uint64_t lost;          /* samples, ever */
};
void gw_engine_set_tap(struct gw_engine *e, struct gw_sample_tap *tap);

/* ---- steps: the engine thread ---- */

/* Takes what the rings hold (bounded per call), runs timers due by now. Returns whether there is
 * more to do at once. */
bool gw_engine_step(struct gw_engine *e, struct gw_time now);
/* The process, its sources included, did not run for pause_ns until now_ns (engine/pause.h). Before
 * the step at now_ns. An input like samples: it is part of what a replay must repeat. */
void gw_engine_paused(struct gw_engine *e, int64_t pause_ns, int64_t now_ns);
/* Samples without a ring, for replay and tests; point is an index into opts->points. */
void gw_engine_ingest(
	struct gw_engine *e, const struct gw_sample *samples, size_t n, struct gw_time now);
/* Whether a sample, a command or a batch of late records waits for a step. */
bool gw_engine_has_input(const struct gw_engine *e);
/* CLOCK_BOOTTIME of the next timer, INT64_MAX if there is none. */
int64_t gw_engine_next_timer_ns(const struct gw_engine *e);

/* ---- restore and reload ---- */

/* Before the first step: the record of an alarm that was not normal when the daemon last stopped.
 * Returns false if no alarm has this key; the caller then clears it
 * (gw_engine_clear_unconfigured). */
bool gw_engine_restore(
	struct gw_engine *e, const struct gw_alarm_record *record, struct gw_time now);

/*
 * Records that could not be read before the thread began. One step applies all of them.
 *   - An alarm without an announced occurrence since the start continues as if it had been
 *     restored before the first step; what its condition has found since then counts.
 *   - An alarm that was raised anew keeps the new occurrence, for somebody may act on it. The old
 *     occurrence is cleared right before an `amended` of the new one, so that the last event of
 *     the alarm says that it is active. Shelf and latch of the record apply, its acknowledge not.
 *   - A record of no configured alarm is cleared (gw_engine_clear_unconfigured).
 * Main, whether or not the thread runs; then poke it. Returns false: the last batch is not done.
 * The batch is the engine's until gw_engine_restore_done returns true. gw_engine_adopt applies it
 * before anything else, so it is done then, too.
 */
bool gw_engine_restore_late(struct gw_engine *e, struct gw_late_records *batch);
bool gw_engine_restore_done(const struct gw_engine *e); /* any thread */

/* Optional, before adopt and while the older engine runs: makes the indexes that adopt needs, so
 * that 10,000 points that are all renamed are adopted in milliseconds, not in a second. */
void gw_engine_prepare_adopt(struct gw_engine *e);
/* Takes over alarm states by alarm key, last values by point key, and undelivered events for rings
 * that both engines have. After add_output. Returns how many alarms in an occurrence (active,
 * latched or unacknowledged) or shelved are not configured any more;
 * on_unconfigured(arg, record, info) is called for each. */
size_t gw_engine_adopt(struct gw_engine *e, struct gw_engine *old, struct gw_time now,
	void (*on_unconfigured)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg);
/* Emits "cleared, normal" for an alarm that is not configured any more. info outlives the event. */
void gw_engine_clear_unconfigured(struct gw_engine *e, const struct gw_alarm_record *record,
	const struct gw_alarm_info *info, struct gw_time now);

/* ---- what others may know: any thread ---- */

/* seq of the last event. It is stored before the input rings' processed count, so whoever saw its
 * samples processed sees here every event they caused. */
uint64_t gw_engine_last_seq(const struct gw_engine *e);
/* Stores it there as well: a place that outlives this engine, for readers that do not know when it
 * is exchanged. Before the first step, by main. */
void gw_engine_publish_seq(struct gw_engine *e, _Atomic uint64_t *seq);
/* Whether events wait for an output that was full. */
bool gw_engine_output_blocked(const struct gw_engine *e);
/* Events lost because the output of this ring was too slow, in this engine and in those it adopted,
 * approximately; 0: it has no such output. */
uint64_t gw_engine_lost_events(const struct gw_engine *e, const struct gw_ring *events);
/* Last values and alarm states. */
struct gw_view *gw_engine_view(struct gw_engine *e);

#endif
