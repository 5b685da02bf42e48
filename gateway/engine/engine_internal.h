/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_internal.h: the engine's own structs, shared by the files of gateway/engine only.
 *
 * Owner: struct gw_engine. Thread: the engine's, but for the atomics of slots.
 */
#ifndef GW_ENGINE_ENGINE_INTERNAL_H
#define GW_ENGINE_ENGINE_INTERNAL_H

#include "alarm/state.h"
#include "engine/engine.h"

#include <stdatomic.h>

/* One cache line a point, and all that a calm sample touches; but one with a rate, or with two
 * forecasts, keeps each of them beside. What is not atomic is the engine's own; the rest is
 * written under lock for readers in other threads, but for a quality that says silent. */
struct gw_point_slot {
	double lo, hi; /* the calm band: values in [lo, hi] need no alarm asked */
	_Atomic double value;
	_Atomic int64_t mono_ns;
	double sum;       /* see gw_rested, of what its histories have not taken in yet */
	int64_t since_ns; /* when the value last changed among those; 0: not */
	_Atomic uint32_t seqlock; /* samples so far, twice; odd while one is written */
	uint32_t history_line; /* its struct gw_past, lines into gw_engine.pasts; 0: none */
	uint32_t quiet_until;  /* its histories rest before this, see GW_REST_SHIFT */
	_Atomic uint8_t quality; /* and GW_DEVICE_TIME */
	uint8_t n_buffered;      /* samples that its histories have not taken in yet */
	uint8_t capacity; /* for so many; 0: a sample of this block waits, so others must, too */
	bool buffers_each; /* a history wants to know each of them */
} __attribute__((aligned(GW_CACHE_LINE)));
static_assert(sizeof(struct gw_point_slot) == GW_CACHE_LINE, "a point is one cache line");
#define GW_DEVICE_TIME 0x80 /* the last sample had a time of the device's own */
static_assert(GW_QUALITY_COUNT <= GW_DEVICE_TIME, "a quality leaves that bit alone");

/* What few samples touch. */
struct gw_point_detail {
	_Atomic int64_t good_ns; /* of the last usable sample if the last one is not */
	_Atomic int64_t device_ns;
};

struct gw_alarm_slot {            /* for readers; written only if it has a story */
	_Atomic uint32_t seqlock; /* 0: never written, nor is anything else of it */
	_Atomic uint8_t state;
	_Atomic uint8_t occurrence[16];
	_Atomic double value, limit, peak;
	_Atomic int64_t onset_ms, since_ms, shelved_until_ms;
	_Atomic uint64_t seq, raised;
};

struct gw_view {
	struct gw_point_slot *points;
	struct gw_point_detail *details; /* of points */
	struct gw_alarm_slot *alarms;
	const struct gw_alarm_opts *opts; /* of the alarms */
	size_t n_points, n_alarms;
};

struct gw_listener { /* an alarm that hears a point or another alarm */
	uint32_t alarm;
	/* of that vote; from when.n_members on of its `unless`; or GW_NO_MEMBER */
	uint32_t member;
};

struct gw_listeners { /* who hears i: at[first[i]] .. at[first[i + 1] - 1] */
	size_t n;
	uint32_t *first;
	struct gw_listener *at;
};

/* Steps of time in which a rest ends, 134 ms: 32 bits of them are 18 years. Rounded down: a
 * history that is asked too early does no harm. */
#define GW_QUIET_SHIFT    27
#define GW_BUFFER_SAMPLES 8
#define GW_BUFFER_LINES \
	(GW_BUFFER_SAMPLES * sizeof(struct gw_buffered_sample) / GW_CACHE_LINE)
#define GW_SUM_CAPACITY 255 /* where only their sum is kept */
static_assert(GW_BUFFER_SAMPLES * sizeof(struct gw_buffered_sample) % GW_CACHE_LINE == 0,
	"what is kept is whole lines, so that what follows begins with one");
static_assert(GW_SUM_CAPACITY <= UINT8_MAX, "a slot counts what is kept in a byte");

/* What hangs on a point whose alarms have a history. Before it lies the room for GW_KEPT samples
 * if a history wants to know each, behind it the memory of those alarms. */
struct gw_point_history {
	double lo, hi; /* the calm band of the other alarms; empty if any is not calm */
	struct gw_history_entry {
		const struct gw_condition_kind *kind;
		void *memory;
		uint32_t alarm;
		bool has_next; /* the next entry is of the same point */
	} history[];
};

struct gw_timer { /* an alarm in the queue, and when */
	int64_t at_ns;
	uint32_t alarm;
};

/*
 * All that an alarm is while its condition has never been true, nobody has spoken to it and
 * nothing holds it back. Such a one costs these 48 bytes, 8 for each point and member it hears,
 * 4 for its place and 16 in the queue where alarms wait for a time, and the memory of its
 * condition. Its story and its slot, 240 bytes together, are reserved and not written: fresh
 * pages that are only read take no memory. The first write of one may cost a page fault.
 */
struct gw_alarm {
	const struct gw_alarm_opts *opts;
	void *memory;        /* of its condition */
	int64_t last_ns;     /* its time never falls */
	double value, limit; /* as its condition said last; NaN: it did not */
	bool condition_true; /* the condition's last answer */
	bool has_input;      /* asked since start */
	bool inactive;       /* condition false and not active: its band counts */
	bool has_detail;     /* it has a story */
	uint8_t quality;     /* of value */
};
static_assert(sizeof(struct gw_alarm) <= 48, "what a calm alarm costs is promised above");

/* What there is to say of an alarm to which anything ever happened. */
struct gw_alarm_detail {
	struct gw_alarm_state state;
	int64_t condition_due_ns; /* its condition wants to be asked */
	int64_t unsuppress_ns;    /* what held it back has ended; INT64_MAX: nothing has */
	int64_t silent_since_ns; /* gw_silence_since_ns before a reload; 0: nothing of before counts */
	double peak;
	int64_t eta_ms;
	int64_t onset_ns; /* 0: not of this run */
	int64_t onset_ms, since_ms;
	uint64_t seq, raised;
	uint8_t occurrence[16];
	uint8_t announced_level;  /* by its last event */
	bool active_before_start; /* was active when the daemon last stopped */
	bool in_occurrence;       /* in a life from raised to normal */
	bool unsynced; /* an event of this life was dated by a clock not to be believed */
	bool occurrence_pending; /* this life began on a shelf: occurrence is that of the last one */
	bool withheld;           /* this life began in a flood: it is counted, not told */
	bool chattering; /* as last counted */
};
static_assert(sizeof(struct gw_alarm_detail) + sizeof(struct gw_alarm_slot) <= 240,
	"what one that moved costs more is promised above");

struct gw_engine_input {
	struct gw_ring *ring;
	uint32_t first_point, n_points;
	size_t n_taken; /* samples of this step */
};

struct gw_engine_output {
	struct gw_ring *ring;
	struct gw_wake *wake;
	uint64_t n_taken;      /* of gw_engine.logged */
	uint64_t ring_head;    /* head of the ring as this engine left it */
	_Atomic uint64_t lost; /* events this output was too slow for */
};

/* A time in which nobody ran, or several that are remembered as one (pause.c). */
#define GW_PAUSES 16
struct gw_pause {
	int64_t first_ns, first_end_ns; /* how long the first one took, and when it ended */
	int64_t others_ns;              /* how long the others took */
	int64_t last_end_ns;            /* when the last one ended */
};

struct gw_engine {
	struct gw_engine_opts opts;
	struct gw_view view;
	struct gw_alarm *alarms;
	struct gw_alarm_detail *alarm_details; /* by alarm; valid if moved */
	unsigned char *memory;                 /* of conditions without a history */
	unsigned char *
		history_memory; /* of all points that have one; before them room that nobody reads */
	struct gw_listeners point_listeners, alarm_listeners;
	uint32_t
		*points_by_key; /* point indexes likewise, or NULL: see gw_engine_prepare */
	uint32_t *
		alarms_by_key; /* alarm indexes in order of key, or NULL: see gw_tables_find */

	struct gw_timer *timers; /* a heap: the children of i are 4 * i + 1 .. 4 * i + 4 */
	struct gw_timer *timers_memory; /* GW_QUEUE_SKEW before it */
	uint32_t *timer_positions;      /* by alarm: 1 + where it is in the queue; 0: not */
	size_t n_timers;

	struct gw_engine_input *inputs;
	size_t n_inputs;
	struct gw_engine_output outputs[GW_ENGINE_OUTPUTS];
	size_t n_outputs;
	uint32_t noted_alarm; /* 1 + the alarm whose next raise has the note; 0: none */
	char raise_note[GW_NOTE_MAX];
	struct gw_ring *commands, *replies;
	struct gw_wake *reply_wake;
	_Atomic(struct gw_late_records *)
		late; /* handed over by main, see late_restore.c */

	struct gw_sample_tap *tap; /* or NULL */
	struct gw_alarm *flood;    /* or NULL: floods are told one by one */

	struct gw_event *unsent; /* events waiting for the slowest output */
	uint64_t n_emitted;
	size_t unsent_mask;

	struct gw_pause pauses[GW_PAUSES]; /* oldest first */
	size_t n_pauses;

	bool started, synced;
	bool prefetch_histories;     /* so many histories that they must be fetched ahead */
	_Atomic bool output_blocked; /* an output was full at the last step */
	uint32_t timers_deferred;    /* steps that timers have waited for samples */
	int64_t last_step_ns;        /* of the last step */
	int64_t start_ns;            /* of the first one */
	uint64_t run;
	uint64_t seq;
	char boot[GW_BOOT_ID];
	_Atomic uint64_t last_seq;
	_Atomic uint64_t *shared_last_seq; /* a second place for it, or NULL */
	_Atomic uint64_t stray;            /* samples of no point */
};

/*
 * A sequence lock without fences: the odd count is stored before the release stores of the
 * fields, which are stored before the even count; the reader's acquire loads run the other way.
 */
#define VIEW_STORE(field, v) atomic_store_explicit(&(field), v, memory_order_release)

static inline uint32_t gw_view_begin_write(_Atomic uint32_t *seqlock)
{
	uint32_t count = atomic_load_explicit(seqlock, memory_order_relaxed);

	atomic_store_explicit(seqlock, count + 1, memory_order_relaxed);
	return count + 2;
}

static inline void gw_view_write_good(
	struct gw_view *v, struct gw_point_slot *s, const struct gw_sample *sample)
{
	uint32_t after = gw_view_begin_write(&s->seqlock);
	uint8_t quality = (uint8_t)sample->quality;

	if (__builtin_expect(sample->device_ns != 0, 0)) {
		quality |= GW_DEVICE_TIME;
		VIEW_STORE(v->details[s - v->points].device_ns, sample->device_ns);
	}
	VIEW_STORE(s->value, sample->value);
	VIEW_STORE(s->mono_ns, sample->mono_ns);
	VIEW_STORE(s->quality, quality);
	VIEW_STORE(s->seqlock, after);
}

/* view.c */
/* A sample that is no reading of now. */
void gw_view_write_bad(struct gw_view *v, size_t point, const struct gw_sample *sample);
void gw_view_write_quality(struct gw_view *v, size_t point, enum gw_quality quality);
enum gw_quality gw_view_quality(const struct gw_view *v, size_t point);
int64_t gw_view_good_ns(const struct gw_view *v, size_t point); /* 0: never */
void gw_view_write_alarm(struct gw_alarm_slot *s, const struct gw_alarm *a,
	const struct gw_alarm_detail *detail, int64_t shelved_until_ms);

/* alarm_detail.c: an alarm with a story, and one without. While it has none, the queue alone says when its
 * condition wants to be asked. */
extern const struct gw_alarm_detail gw_alarm_detail_none;
static inline uint32_t gw_alarm_index(const struct gw_engine *e, const struct gw_alarm *a)
{
	return (uint32_t)(a - e->alarms);
}
static inline const struct gw_alarm_detail *gw_alarm_detail_of(
	const struct gw_engine *e, const struct gw_alarm *a)
{
	return a->has_detail ? &e->alarm_details[gw_alarm_index(e, a)]
			     : &gw_alarm_detail_none;
}
static inline bool gw_alarm_active(const struct gw_engine *e, const struct gw_alarm *a)
{
	return gw_state_active(&gw_alarm_detail_of(e, a)->state);
}
/* To write into; it begins now if it has not. */
struct gw_alarm_detail *gw_alarm_detail_write(struct gw_engine *e, struct gw_alarm *a);
struct gw_state_rules gw_alarm_rules(const struct gw_alarm *a);
/* When its state wants time to pass. */
int64_t gw_alarm_state_due_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* When its condition wants to be asked. */
int64_t gw_alarm_evaluate_due_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* Its condition wants to be asked then; to be scheduled. */
void gw_alarm_evaluate_at(struct gw_engine *e, struct gw_alarm *a, int64_t due_ns);
/* Into the queue, by whatever is due first. */
void gw_alarm_schedule(struct gw_engine *e, struct gw_alarm *a);

/* timers.c: alarms by the time they are due for any reason; INT64_MAX: never */
#define GW_TIMERS_SKEW 3 /* entries before the first, so that four children are one line */
int64_t gw_timers_due_ns(const struct gw_engine *e, uint32_t alarm);
void gw_timers_set(struct gw_engine *e, uint32_t alarm, int64_t due_ns);

/* alarm.c: one alarm steps */
int64_t gw_alarm_wall_ms(const struct gw_time *now, int64_t at_ns);
void gw_alarm_evaluate(struct gw_engine *e, struct gw_alarm *a,
	struct gw_condition_input in, const struct gw_time *now);
void gw_alarm_run_due(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
const char *gw_alarm_run_command(
	struct gw_engine *e, const struct gw_alarm_command *c, const struct gw_time *now);
/* A point or alarm it listens to turned, or may have. */
void gw_alarm_on_member(struct gw_engine *e, const struct gw_listener *l,
	bool condition_true, int64_t at_ns, const struct gw_time *now);
/* Something else than a move of its state is told of it. */
void gw_alarm_emit(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	const char *note, int64_t at_ns, const struct gw_time *now);
/* A hold begins or ends, if it is not so already. */
void gw_alarm_set_suppressed(struct gw_engine *e, struct gw_alarm *a,
	enum gw_suppressed_by why, bool on, int64_t at_ns, const struct gw_time *now);
void gw_alarm_publish(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* Votes that count it and alarms that it holds back hear whether it is active. */
void gw_alarm_notify_listeners(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* After something that may change whether values matter: the band of each of its points. */
void gw_alarm_update_band(struct gw_engine *e, size_t point);

/* suppression.c: what stands under `unless` */
enum gw_evidence {
	GW_EVIDENCE_NONE,    /* nothing holds */
	GW_EVIDENCE_LOST,    /* it was true when it was last read */
	GW_EVIDENCE_AWAITED, /* it was true before the start */
	GW_EVIDENCE_READ,
};
/* It holds from now on if something does, or goes on for a while if that can no longer be known.
 * False: nothing holds, and it is as it was. */
bool gw_suppression_update(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* Something of it turned, or may have; a hold ends with the timers. */
void gw_suppression_on_member(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* A point can be read no more, or again. Whether anything may be held back by it. */
bool gw_suppression_on_point(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now);
/* Whether something was true when it was last read. */
bool gw_suppression_lost(const struct gw_engine *e, const struct gw_alarm *a);

/* silence.c: an alarm on devices that say nothing */
/* The last usable sample of its points as this engine knows them; 0: none. */
int64_t gw_silence_last_good_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* Or of those it had before a reload; when it began to wait if there was none. */
int64_t gw_silence_since_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* The same for its condition, which finds silent what was so when the daemon last stopped. */
int64_t gw_silence_input_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* A dead device never keeps its last good value. */
void gw_silence_mark_points(struct gw_engine *e, const struct gw_alarm *a, int64_t at_ns,
	const struct gw_time *now);
/* Of what happens to a silent alarm most of all, in short: at the end of its time its points have
 * spoken meanwhile, and it waits anew. Whether that is so. */
bool gw_silence_postpone(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);

/* unreadable.c: an alarm on a point that is refused while its device speaks */
/* What its condition wants to know. */
void gw_unreadable_fill_input(
	const struct gw_engine *e, const struct gw_alarm *a, struct gw_condition_input *in);
/* A sample of its point cannot be used. */
void gw_unreadable_on_bad_sample(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* The device of a silent alarm has spoken for the time of it: of which points was nothing heard
 * since the start? */
void gw_unreadable_check_never_good(struct gw_engine *e, const struct gw_alarm *silent,
	int64_t at_ns, const struct gw_time *now);

/* restore.c: one memory into an alarm in which nothing stands that anybody was told of. What its
 * condition has said since the start stays; since_ns is that start. */
void gw_restore_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_record *memory, int64_t since_ns, const struct gw_time *now);
/* Whether it went on the shelf now; a newer shelf stays. */
bool gw_restore_shelf(struct gw_alarm_detail *detail, const struct gw_alarm_record *memory,
	const struct gw_time *now);
/* Emit "cleared, normal" for the occurrence in memory. */
void gw_restore_clear_occurrence(struct gw_engine *e, const struct gw_alarm_record *memory,
	const struct gw_alarm_info *info, const char *note, const struct gw_time *now);

/* late_restore.c: the batch that main handed over, if any, all of it */
void gw_late_restore_run(struct gw_engine *e, const struct gw_time *now);

/* pause.c: times in which nobody ran */
/* since_ns later by those, for what counts how long nothing was heard. */
int64_t gw_pause_shift_ns(const struct gw_engine *e, int64_t since_ns);
void gw_pause_adopt(struct gw_engine *e, const struct gw_engine *old);

/* startup.c: what is told at the first step, and when the clock becomes right */
void gw_startup_run(struct gw_engine *e, const struct gw_time *now);
/* What holds each alarm back, by design or by its configuration, as it is now. */
void gw_startup_suppress(struct gw_engine *e, const struct gw_time *now);
/* The condition looks at the usable value its point has, or at nothing without one. */
void gw_startup_evaluate_value(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* A vote looks at each of its members. */
void gw_startup_evaluate_members(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* Its condition is asked without a sample. */
void gw_startup_evaluate_tick(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* Tell that it stands with another level than those who heard of it know. */
void gw_startup_emit_level(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
void gw_startup_amend(struct gw_engine *e, const struct gw_time *now);

/* flood.c: chattering and floods */
/* An alarm raised; sets withheld if it is not to be told. */
void gw_flood_on_raise(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* It began or stopped to chatter. */
void gw_flood_on_chatter(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* Tell one that was held back. */
void gw_flood_release(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* The flood is over: tell all that still stand. */
void gw_flood_end(struct gw_engine *e, const struct gw_time *now);
void gw_flood_start(struct gw_engine *e, const struct gw_time *now);
/* Keys of the alarms that report their chattering to a; how many were written. */
size_t gw_flood_chattering_keys(const struct gw_engine *e, const struct gw_alarm *a,
	const char *ret_keys[], size_t most);

/* retained.c: a sample of unknown age */
/* Whether an alarm may be asked of a value of this quality. */
static inline bool gw_retained_may_evaluate(const struct gw_alarm *a, unsigned quality)
{
	return quality != GW_QUALITY_RETAINED || !a->condition_true ||
		a->quality == GW_QUALITY_RETAINED;
}
void gw_retained_process(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, const struct gw_time *now);

/* history.c: alarms that take every sample of their point into their memory, some of them late */
static inline struct gw_point_history *gw_history_of(
	const struct gw_engine *e, const struct gw_point_slot *s)
{
	return (struct gw_point_history *)(void *)(e->history_memory +
		(size_t)s->history_line * GW_CACHE_LINE);
}
/* Where the next sample of a point is kept; for one that keeps none a place that nobody reads. */
static inline struct gw_buffered_sample *gw_history_buffer_slot(
	unsigned char *history_memory, const struct gw_point_slot *s)
{
	size_t line = (s->history_line - GW_BUFFER_LINES) & (0 - (size_t)s->buffers_each);

	return (struct gw_buffered_sample *)(void *)(history_memory +
		       line * GW_CACHE_LINE) +
		s->n_buffered % GW_BUFFER_SAMPLES;
}
/* A sample inside the other alarms' calm band, written already. The point has a past. */
void gw_history_absorb(struct gw_engine *e, size_t point, const struct gw_sample *sample,
	const struct gw_time *now);
/* What a condition waited for has come before at_ns, when its point has something new, and the
 * engine is late: it happens first. */
void gw_history_run_timers(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* Let the histories take in what was kept, if anything. */
void gw_history_flush(struct gw_engine *e, size_t point);
/* The point's calm band anew: [lo, hi] of the other alarms, less where a history needs to look. */
void gw_history_update_band(struct gw_engine *e, size_t point, double lo, double hi);

/* ingest.c: samples on their way in; point 0 of theirs is first_point */
void gw_ingest(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, const struct gw_time *now);
/* A point that was usable is no more, as its view says already. */
void gw_ingest_unusable(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now);

/* outputs.c: events on their way out */
void gw_outputs_append(struct gw_engine *e, const struct gw_event *event);
/* Hand what waits to the rings; true if any output still has some to take. */
bool gw_outputs_deliver(struct gw_engine *e);
/* A reload: what waits in the old engine waits in this one. */
void gw_outputs_adopt(struct gw_engine *e, const struct gw_engine *old);

/* build.c: everything that is fixed at load */
enum gw_err gw_build_tables(struct gw_engine *e, struct gw_error *err);
void gw_build_free(struct gw_engine *e);
/* By its key, or NULL. Makes an index at the first call; until it is forgotten. */
struct gw_alarm *gw_key_index_find_alarm(struct gw_engine *e, const char *key);
void gw_key_index_free(struct gw_engine *e);

#endif
