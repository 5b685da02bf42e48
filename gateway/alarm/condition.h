/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition.h: when an alarm's condition is true. One kind is one const table. Kinds that share
 * code share a file, as the list at the end says; a new kind is a new file, its options below and
 * one line in condition.c. `chattering` and `flood`, which no configuration can name, are in
 * chatter_flood.h. Pure: no I/O, no allocation, time is an argument. Memory of a kind (a window of
 * samples) has a fixed size and is owned by the engine.
 *
 * Thread: the engine's.
 *
 * What the engine does with a usable sample of a point, for each alarm on it:
 *
 *   absorb            kinds with a history: the sample enters the kind's memory.
 *   evaluate          says whether the condition is true, or when to ask again.
 *
 * Most samples change nothing, so a kind says which ones need neither while it is false:
 *
 *   quiet_band           from the options alone: no value in [lo, hi] makes it true.
 *                        `above: 50` returns [-inf, 50].
 *   history_quiet_band   from the memory: no value in [lo, hi] that comes before until_ns makes it
 *                        true, whatever others in the band came first. The engine may buffer
 *                        such samples.
 *   absorb_buffered      takes all buffered samples at once. Memory is then as if each had been
 *                        absorbed. Called before anything else touches the memory.
 *
 * Example: `stuck: 10min` on a point that is read once a second, 20.0 at first, 20.1 from 5 s on
 * (tests/unit/engine/test_condition_example.c plays it).
 *
 *     0 s   absorb(20.0)         memory {value 20.0, since 0 s}
 *           evaluate             a point has no band before its first sample; false
 *           history_quiet_band   any value, until 600 s
 *   1..255  buffered             the point's state notes the last value and that it changed at 5 s;
 *                                the memory of the kind is not touched
 *   255 s   absorb_buffered      the buffer is full: {n 255, value 20.1, since 5 s};
 *                                memory {value 20.1, since 5 s}
 *   510 s   absorb_buffered      full again: {n 255, value 20.1, since 0: before the first of them}
 *   600 s   absorb_buffered      past until_ns, so first what is buffered (511 s to 599 s)
 *           absorb(20.1)         false is returned: no evaluate
 *           history_quiet_band   any value, until 605 s
 *   605 s   absorb_buffered      601 s to 604 s
 *           absorb(20.1)         true is returned
 *           evaluate             sets condition_true
 */
#ifndef GW_ALARM_CONDITION_H
#define GW_ALARM_CONDITION_H

#include "base/setting.h"
#include "base/text.h"
#include "flow/sample.h"

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member of a vote or of `unless`, resolved by the config reader. */
struct gw_member {
	bool is_alarm;
	uint32_t index;  /* into the alarm table or the point table */
	uint32_t device; /* members with the same number count once */
	const char *key; /* for confirmed_by */
};

/* What stands under `when:`. Each field names the kinds that use it. */
struct gw_condition_opts {
	const struct gw_condition_kind *kind;
	int64_t window_ns;        /* rises, falls: per; reaches, at_least: within; stuck,
				   * silent, unreadable */
	double limit;             /* above, below, reaches; rises, falls: the change */
	struct gw_table clear;    /* above, below: 1 x 1 or empty */
	struct gw_table deadband; /* above, below, outside, rises, falls: 1 x 1 or empty */
	struct gw_table band;     /* outside: 1 x 2 */
	bool is;                  /* is */
	int64_t fit_ns;           /* reaches: time a trend is looked for in; 0: not given */
	struct gw_table rows;     /* dose: n x 2, level and nanoseconds */
	int64_t at_least;         /* at_least */
	struct gw_strings of;     /* at_least, as written */
	const struct gw_member *members; /* at_least, resolved from `of` */
	size_t n_members;
	bool polled;              /* unreadable: the device is polled */
	int64_t never_current_ns; /* unreadable: true after this long if the point never had a
				* current sample; 0: such a point is not reported */
	int max_withheld_level; /* flood: highest enum gw_level that is withheld; -1: none */
};

#define GW_NO_MEMBER UINT32_MAX

/* Why evaluate is called: with a sample, for a member, or (neither) because time has passed or a
 * sample came that is not usable (on_bad_samples). */
struct gw_condition_input {
	const struct gw_sample *sample; /* usable quality, or NULL */
	uint32_t member;                /* votes: which member changed, else GW_NO_MEMBER */
	bool member_true;
	int64_t now_ns; /* never falls from call to call */
	/* Of the last current sample of the point or device; before that the start. */
	int64_t last_current_ns;
	/* on_bad_samples only: the point's last sample, and its device */
	enum gw_quality quality;
	int64_t last_sample_ns;         /* 0: none */
	int64_t device_last_current_ns; /* 0: none, or the device is silent */
	int64_t device_recovered_ns;    /* end of its last silence; 0: it was not silent */
	/* No current sample since the start, though its device was heard for its silence time. */
	bool never_current;
};

/* Preset: condition_true as in the last result, NaN, NaN, INT64_MAX, -1. */
struct gw_condition_result {
	bool condition_true;
	double value;   /* to be shown: the point's value, or a number of members */
	double limit;   /* to be shown */
	int64_t due_ns; /* evaluate again at this time even if no sample comes */
	int64_t eta_ms; /* reaches: time left to the limit; -1: none */
};

/* Values in [lo, hi] before until_ns cannot make the condition true. */
struct gw_quiet_band {
	double lo, hi;
	int64_t until_ns;
	double sum; /* needs_sum: of the samples so far, to which buffered ones are added */
};
/* What history_quiet_band finds in ret_band. */
#define GW_QUIET_BAND_UNLIMITED ((struct gw_quiet_band){-DBL_MAX, DBL_MAX, INT64_MAX, 0})

/* Buffered samples, oldest first. Either each of them is known, or their sum. */
struct gw_buffered_run {
	size_t n;     /* > 0 */
	double sum;   /* gw_quiet_band.sum plus all of them in their order; if !samples */
	double value; /* of the last one */
	int64_t since_ns; /* when the value changed to that; 0: before the first of them */
	const struct gw_buffered_sample {
		double value;
		int64_t boot_ns;
	} * samples; /* n of them, or NULL */
};

struct gw_condition_kind {
	const char *key; /* the key under `when:` that selects it */
	const struct gw_setting
		*settings; /* rows over gw_condition_opts, its own key first */
	/* rows of fields that the config reader works out and nobody writes. Optional. */
	const struct gw_setting *derived;
	bool on_points;      /* needs `on:` */
	bool on_devices;     /* `on:` may also name a device (source/device) */
	bool on_bad_samples; /* evaluated also when a sample of its point is not usable */
	bool is_vote;        /* has members instead of `on:` */
	bool numbers_only;   /* refuses discrete points */
	bool has_timer;      /* sets due_ns. It is evaluated for it before anything later is
				 * absorbed, however late the engine is */
	bool needs_each_sample; /* absorb_buffered must be given samples */
	bool needs_sum;         /* absorb_buffered must be given sum, or samples */

	/* Reports what is wrong beyond the rows' limits. Optional. */
	void (*check)(const struct gw_condition_opts *o, struct gw_report *report);
	/* "above 50", "rises 8.3 per 1min": the `condition` field of an event. */
	void (*describe)(const struct gw_condition_opts *o, struct gw_text *t);
	/* Whether a is worse than b, for the peak. Optional: greater is worse. */
	bool (*worse)(const struct gw_condition_opts *o, double a, double b);

	void (*evaluate)(const struct gw_condition_opts *o, void *memory,
		const struct gw_condition_input *in, struct gw_condition_result *result);
	/* Optional. Without it every value is in the band if absorb is set, else none. */
	void (*quiet_band)(
		const struct gw_condition_opts *o, double *ret_lo, double *ret_hi);

	/* Kinds with a history. */

	/* Bytes of memory, a multiple of 8; zeroed before the first use. Optional: none. */
	size_t (*memory)(const struct gw_condition_opts *o);
	/* A usable sample, once each, before evaluate. Returns whether evaluate must be called
	 * although the condition is false. Optional. */
	bool (*absorb)(const struct gw_condition_opts *o, void *memory,
		const struct gw_sample *sample, int64_t now_ns);
	/* Returns false if the next sample must be absorbed whatever it is. Called only while the
	 * condition is false. Optional, both or neither. */
	bool (*history_quiet_band)(const struct gw_condition_opts *o, const void *memory,
		struct gw_quiet_band *ret_band);
	void (*absorb_buffered)(void *memory, const struct gw_buffered_run *run);
	/* A sample that is not usable: the value is unknown until the next absorb. (No sample at
	 * all may mean that nothing changed.) Optional. */
	void (*value_lost)(const struct gw_condition_opts *o, void *memory, int64_t now_ns);
	/* The store says, after samples were absorbed, that the alarm was active before the
	 * start. Memory becomes what it would be if that had been known first. Optional. */
	void (*restore_active)(const struct gw_condition_opts *o, void *memory);
	/* The process did not run for pause_ns, and time without a change does not count it. What
	 * is true stays true. Optional. */
	void (*paused)(void *memory, int64_t pause_ns);
};

extern const struct gw_condition_kind gw_condition_above, gw_condition_below,
	gw_condition_outside, gw_condition_is; /* condition_limit.c */
extern const struct gw_condition_kind gw_condition_rises,
	gw_condition_falls;                                    /* condition_rate.c */
extern const struct gw_condition_kind gw_condition_reaches;    /* condition_forecast.c */
extern const struct gw_condition_kind gw_condition_dose;       /* condition_dose.c */
extern const struct gw_condition_kind gw_condition_stuck;      /* condition_stuck.c */
extern const struct gw_condition_kind gw_condition_silent;     /* condition_silent.c */
extern const struct gw_condition_kind gw_condition_unreadable; /* condition_unreadable.c */
extern const struct gw_condition_kind gw_condition_at_least;   /* condition_vote.c */

/* Those that may stand under `when:`; NULL-terminated. */
extern const struct gw_condition_kind *const gw_condition_kinds[];
/* The kind of a key; NULL: there is none. */
const struct gw_condition_kind *gw_condition_find(const char *key);

/* Bytes of memory a condition needs. */
size_t gw_condition_memory(const struct gw_condition_opts *o);

/* Whether the memory of one is valid for the other: same kind and same settings. Not for votes,
 * see gw_condition_adopt_members. */
bool gw_condition_equal(
	const struct gw_condition_opts *a, const struct gw_condition_opts *b);

/* Votes only (condition_vote.c): keys of the members that are true now, or were less than window_ns
 * ago; at most one a device. Returns how many were written. */
size_t gw_condition_true_members(const struct gw_condition_opts *o, const void *memory,
	int64_t now_ns, const char *ret_keys[], size_t max_keys);
/* Votes only (condition_vote.c), at a reload: what is known of members that both have enters
 * memory. */
void gw_condition_adopt_members(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_opts *old_o, const void *old_memory);

#endif
