/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_internal.h: the structs that the files of gateway/engine share.
 *
 * Owner: struct gw_engine. Thread: the engine's, but for the atomics of views, which any thread
 * reads (view.h).
 */
#ifndef GW_ENGINE_ENGINE_INTERNAL_H
#define GW_ENGINE_ENGINE_INTERNAL_H

#include "alarm/state.h"
#include "engine/engine.h"

#include <stdatomic.h>

/* ---- points ---- */

/* The only cache line that a sample in the quiet band touches, but for the sample buffer of a
 * point that has one. Fields that are not atomic are the engine's own. The atomic ones are written
 * under seqlock, except a quality that becomes silent. */
struct gw_point_state {
	double lo, hi; /* quiet band: values in [lo, hi] change no alarm */
	_Atomic double value;
	_Atomic int64_t boot_ns;
	double sum;               /* gw_buffered_run.sum of the buffered samples */
	int64_t since_ns;         /* gw_buffered_run.since_ns of the buffered samples */
	_Atomic uint32_t seqlock; /* 2 x samples so far; odd while one is written */
	uint32_t history_line;    /* its gw_point_history: cache lines into
				  * gw_engine.history_memory; 0: it has none */
	uint32_t quiet_until;     /* the band ends here, in units of 2^GW_QUIET_SHIFT ns */
	_Atomic uint8_t quality;  /* enum gw_quality, and GW_DEVICE_TIME */
	uint8_t n_buffered;       /* samples not yet absorbed by its histories */
	uint8_t capacity; /* n_buffered may reach it; 0 while a sample of the present block is
			   * deferred, so that later ones are deferred as well */
	bool buffers_each; /* each sample is buffered, not only their sum */
} __attribute__((aligned(GW_CACHE_LINE)));
static_assert(sizeof(struct gw_point_state) == GW_CACHE_LINE, "a point is one cache line");
#define GW_DEVICE_TIME 0x80 /* the last sample had a time of the device's own */
static_assert(GW_QUALITY_COUNT <= GW_DEVICE_TIME, "a quality leaves that bit free");

/* What few samples touch. */
struct gw_point_detail {
	_Atomic int64_t
		current_ns; /* of the last current sample; valid if the last one is not */
	_Atomic int64_t device_ns;
};

/* About 134 ms; 32 bits of it are 18 years. quiet_until is rounded down: a band that ends too early
 * costs an evaluation, nothing else. */
#define GW_QUIET_SHIFT    27
#define GW_BUFFER_SAMPLES 8
#define GW_BUFFER_LINES \
	(GW_BUFFER_SAMPLES * sizeof(struct gw_buffered_sample) / GW_CACHE_LINE)
#define GW_SUM_CAPACITY 255 /* samples, where only their sum is buffered */
static_assert(GW_BUFFER_SAMPLES * sizeof(struct gw_buffered_sample) % GW_CACHE_LINE == 0,
	"the buffer is whole cache lines, so that the history behind it begins with one");
static_assert(GW_SUM_CAPACITY <= UINT8_MAX, "n_buffered is a byte");

/*
 * Memory of a point whose alarms have a history, in gw_engine.history_memory:
 *
 *   sample buffer       GW_BUFFER_LINES lines, only if buffers_each
 *   gw_point_history    at history_line
 *   memory of each condition
 */
struct gw_point_history {
	double lo, hi; /* quiet band of the alarms without a history; lo > hi: empty */
	struct gw_history_entry {
		const struct gw_condition_kind *kind;
		void *memory;
		uint32_t alarm;
		bool has_next; /* the next entry is of the same point */
	} entry[];
};

/* ---- alarms ---- */

/* An alarm that depends on a point or on another alarm. */
struct gw_listener {
	uint32_t alarm;
	/* index of that member of its vote; from when.n_members on of its `unless`;
	 * GW_NO_MEMBER: the alarm is on the point */
	uint32_t member;
};

/* Listeners of i: at[first[i]] .. at[first[i + 1] - 1]. */
struct gw_listeners {
	size_t n;
	uint32_t *first;
	struct gw_listener *at;
};

struct gw_timer {
	int64_t at_ns;
	uint32_t alarm;
};

/*
 * All that an alarm needs while its condition was never true, no command named it and nothing
 * suppresses it. It costs these 48 bytes, 8 for each point and member it depends on, 4 + 16 for
 * its timer, and the memory of its condition. gw_alarm_detail and gw_alarm_published, 240 bytes
 * together, are reserved but not written: zero pages that are only read take no memory. The first
 * write may cost a page fault.
 */
struct gw_alarm {
	const struct gw_alarm_opts *opts;
	void *memory;        /* of its condition */
	int64_t last_ns;     /* of its last step; a later step is never dated before it */
	double value, limit; /* last result of the condition; NaN: none */
	bool condition_true; /* last result of the condition */
	bool has_input;      /* evaluated with a sample or member since the start */
	bool inactive; /* condition false and alarm not active: its quiet band applies */
	bool has_detail;
	uint8_t quality; /* enum gw_quality of value */
};
static_assert(sizeof(struct gw_alarm) <= 48, "the size that the comment above states");

/* Valid from the first transition, command or suppression of an alarm on (has_detail). */
struct gw_alarm_detail {
	struct gw_alarm_state state;
	int64_t condition_due_ns; /* the condition is to be evaluated then */
	int64_t unsuppress_ns; /* suppression by design ends then; INT64_MAX: it does not */
	int64_t silent_since_ns; /* gw_silence_waiting_since_ns of the engine before a reload;
				   * 0: none */
	double peak;
	int64_t eta_ms;
	int64_t onset_ns; /* 0: before this start */
	int64_t onset_ms, since_ms;
	uint64_t seq, raised;
	uint8_t occurrence[16];
	uint8_t announced_level;  /* by its last event */
	bool active_before_start; /* active when the daemon last stopped */
	bool in_occurrence;       /* between raised and normal */
	bool unsynced; /* an event of this occurrence was dated by an unsynced clock */
	bool occurrence_pending; /* raised under a shelf: occurrence is that of the last one */
	bool withheld;           /* raised in a flood: counted, no events */
	bool chattering;         /* as last counted for the chattering alarm */
};

/* What readers in other threads see of an alarm. Written only if it has a detail. */
struct gw_alarm_published {
	_Atomic uint32_t seqlock; /* 0: never written, nor is any other field */
	_Atomic uint8_t state;
	_Atomic uint8_t occurrence[16];
	_Atomic double value, limit, peak;
	_Atomic int64_t onset_ms, since_ms, shelved_until_ms;
	_Atomic uint64_t seq, raised;
};
static_assert(sizeof(struct gw_alarm_detail) + sizeof(struct gw_alarm_published) <= 240,
	"the size that the comment above states");

struct gw_view {
	struct gw_point_state *points;
	struct gw_point_detail *details; /* of points */
	struct gw_alarm_published *alarms;
	const struct gw_alarm_opts *opts; /* of the alarms */
	size_t n_points, n_alarms;
};

/* ---- rings ---- */

struct gw_engine_input {
	struct gw_ring *ring;
	uint32_t first_point, n_points;
	size_t n_taken; /* samples of this step */
};

struct gw_engine_output {
	struct gw_ring *ring;
	struct gw_wake *wake;
	uint64_t taken;        /* index of the next one to push, before the mask */
	uint64_t ring_head;    /* as this engine left it */
	_Atomic uint64_t lost; /* events that were overwritten before the ring had room */
};

/* A pause of the process, or several that were merged into one (pause.c). */
#define GW_PAUSES 16
struct gw_pause {
	int64_t first_ns, first_end_ns; /* length and end of the first one */
	int64_t others_ns;              /* length of the others together */
	int64_t last_end_ns;            /* end of the last one */
};

struct gw_engine {
	struct gw_engine_opts opts;
	struct gw_view view;
	struct gw_alarm *alarms;
	struct gw_alarm_detail *alarm_details; /* by alarm; valid if has_detail */
	unsigned char *memory;                 /* of conditions without a history */
	unsigned char
		*history_memory; /* of all gw_point_history; in front of them a buffer that
					* is written and never read */
	struct gw_listeners point_listeners, alarm_listeners;

	uint32_t *alarms_by_key; /* alarm indexes in order of key, or NULL (key_index.c) */
	uint32_t *points_by_key; /* point indexes likewise */

	struct gw_timer *timers; /* a heap: children of i are 4 * i + 1 .. 4 * i + 4 */
	struct gw_timer *timers_memory; /* GW_TIMERS_SKEW entries before it */
	uint32_t *timer_positions;      /* by alarm: 1 + index into timers; 0: no timer */
	size_t n_timers;

	struct gw_engine_input *inputs;
	size_t n_inputs;
	struct gw_engine_output outputs[GW_ENGINE_OUTPUTS];
	size_t n_outputs;
	struct gw_ring *commands, *replies;
	struct gw_wake *reply_wake;
	uint32_t noted_alarm; /* 1 + the alarm whose next raise has raise_note; 0: none */
	char raise_note[GW_NOTE_MAX];
	_Atomic(struct gw_late_records *) late; /* handed over by main (late_restore.c) */
	struct gw_sample_tap *tap;              /* or NULL */

	struct gw_alarm *flood; /* or NULL: nothing is withheld */

	struct gw_event *unsent; /* circular: events that some output has not taken */
	size_t unsent_mask;
	uint64_t unsent_end; /* index of the next event, before the mask */

	struct gw_pause pauses[GW_PAUSES]; /* oldest first */
	size_t n_pauses;

	bool started, synced;
	bool prefetch_histories;     /* history_memory does not fit into the cache */
	_Atomic bool output_blocked; /* an output was full at the last step */
	uint32_t timers_deferred;    /* steps in a row in which timers waited for samples */
	int64_t last_step_ns;
	int64_t start_ns; /* of the first step */
	uint64_t run;
	uint64_t seq;
	char boot[GW_BOOT_ID];
	_Atomic uint64_t last_seq;
	_Atomic uint64_t *shared_last_seq; /* a second place for it, or NULL */
	_Atomic uint64_t unknown_samples;  /* samples of no point */
};

/* ---- sequence lock ---- */

/*
 * Without fences: the writer stores the odd count before the release stores of the fields, and the
 * even count after them. A reader loads the count, the fields and the count again, all but the
 * last with acquire. If it read a field of a later write, the acquire load of that field makes the
 * odd count visible, and the last load of the count cannot return the first value.
 */
#define GW_VIEW_STORE(field, v) atomic_store_explicit(&(field), v, memory_order_release)
#define GW_VIEW_LOAD(field)     atomic_load_explicit(&(field), memory_order_acquire)

/* Returns the count to be stored at the end. */
static inline uint32_t gw_view_begin_write(_Atomic uint32_t *seqlock)
{
	/* relaxed: only this thread writes it */
	uint32_t count = atomic_load_explicit(seqlock, memory_order_relaxed);

	/* relaxed: the release stores of the fields that follow order it */
	atomic_store_explicit(seqlock, count + 1, memory_order_relaxed);
	return count + 2;
}

/* A current sample. Inline: it is most of what a sample in the quiet band costs. */
static inline void gw_view_write_current(
	struct gw_view *v, struct gw_point_state *s, const struct gw_sample *sample)
{
	uint32_t after = gw_view_begin_write(&s->seqlock);
	uint8_t quality = (uint8_t)sample->quality;

	if (__builtin_expect(sample->device_ns != 0, 0)) {
		quality |= GW_DEVICE_TIME;
		GW_VIEW_STORE(v->details[s - v->points].device_ns, sample->device_ns);
	}
	GW_VIEW_STORE(s->value, sample->value);
	GW_VIEW_STORE(s->boot_ns, sample->boot_ns);
	GW_VIEW_STORE(s->quality, quality);
	GW_VIEW_STORE(s->seqlock, after);
}

#endif
