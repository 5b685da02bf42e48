/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition.h: when an alarm's condition is true. One kind is one const table in one file; a new
 * kind is a new file and one line in condition.c. Pure: no I/O, no allocation, time is an
 * argument. Memory a kind needs (a window of history) is fixed at load and owned by the engine.
 *
 * Thread: the engine's.
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

/* A member of a vote, resolved by the config reader. */
struct gw_member {
	bool is_alarm;
	uint32_t index;  /* into the alarm table or the point table */
	uint32_t device; /* members with the same number count once */
	const char *key; /* for confirmed_by */
};

/* What stands under `when:`. Fields belong to the kinds named beside them. */
struct gw_condition_opts {
	const struct gw_condition_kind *kind;
	int64_t window_ns;        /* per, within, stuck, silent, unreadable */
	double limit;             /* above, below, reaches; rises, falls: the change;
				   * flood: the highest enum gw_level that is held back */
	struct gw_table clear;    /* above, below: 1 x 1 or empty */
	struct gw_table deadband; /* above, below, outside, rises, falls: 1 x 1 or empty */
	struct gw_table band;     /* outside: 1 x 2 */
	bool is;                  /* is; unreadable: its device is polled */
	int64_t fit_ns;           /* reaches; 0: not given
				   * unreadable: never heard of for so long; 0: no matter */
	struct gw_table rows;     /* dose: n x 2, level and nanoseconds */
	int64_t at_least;         /* at_least */
	struct gw_strings of;
	const struct gw_member *members; /* resolved from `of` */
	size_t n_members;
};

#define GW_NO_MEMBER UINT32_MAX

/* What a kind is asked with. */
struct gw_condition_input {
	const struct gw_sample *sample; /* usable quality; NULL for a tick or a member */
	uint32_t member;                /* votes: which member changed, else GW_NO_MEMBER */
	bool member_true;
	int64_t now_ns;       /* not falling */
	int64_t last_good_ns; /* of the point or device; start of the engine if none yet */
	/* on_refusals only: the point's last sample, and what its device says beside it */
	enum gw_quality quality;
	int64_t last_sample_ns;      /* 0: none */
	int64_t device_last_good_ns; /* 0: none, or it is silent */
	int64_t device_recovered_ns; /* after it was silent; 0: it was not */
	bool never_good; /* no usable sample ever, of a device that has spoken for its time */
};

/* What it answers. Preset: truth as answered last, NaN, NaN, INT64_MAX, -1. */
struct gw_condition_result {
	bool condition_true;
	double value; /* what to show: the value, or the number of members */
	double limit;
	int64_t due_ns; /* ask again (tick) at this time even if no sample comes */
	int64_t eta_ms; /* forecast; -1: none */
};

/* What a history that may rest needs no sample for: values in [lo, hi] before until_ns. */
struct gw_quiet_band {
	double lo, hi;
	int64_t until_ns;
	double sum; /* kinds that sum: so far */
};
/* What it is preset to. */
#define GW_QUIET_BAND_UNLIMITED ((struct gw_quiet_band){-DBL_MAX, DBL_MAX, INT64_MAX, 0})

/* What a point went through meanwhile: usable samples that were not absorbed. */
struct gw_buffered_run {
	size_t n;         /* > 0 */
	double sum;       /* gw_rest.sum and all of them, added in their order */
	double value;     /* of the last one */
	int64_t since_ns; /* of the first in a row with that value; 0: it was so before them */
	const struct gw_buffered_sample {
		double value;
		int64_t mono_ns;
	} * samples; /* each of them; NULL: not known, and sum is. Not NULL: sum is not known */
};

struct gw_condition_kind {
	const char *key; /* the key under `when:` that selects it */
	const struct gw_setting
		*settings;   /* rows over gw_condition_opts, key's own first */
	bool on_points;      /* needs `on:` */
	bool on_devices;     /* `on:` may also name a device (source/device) */
	bool on_bad_samples; /* asked also when a sample of its point cannot be used */
	bool is_vote;        /* members instead of `on:` */
	bool numbers_only;   /* refuse discrete points */
	/* optional: what is wrong beyond the rows' limits */
	void (*check)(const struct gw_condition_opts *o, struct gw_report *report);
	/* Bytes of memory, a multiple of 8, zeroed before first use. Optional: none. */
	size_t (*memory)(const struct gw_condition_opts *o);
	/* Kinds with a history: take a usable sample into memory, once each, before any ask; says
	 * whether ask must look although the condition is false. Optional. */
	bool (*absorb)(const struct gw_condition_opts *o, void *memory,
		const struct gw_sample *sample, int64_t now_ns);
	/* A sample that cannot be used: nothing is known from now on until the next absorb. (No
	 * sample at all may mean that nothing changed.) Optional. */
	void (*value_lost)(const struct gw_condition_opts *o, void *memory, int64_t now_ns);
	/* Kinds with a history, while the condition is false: true if absorb says false of every
	 * sample in ret_rest, whatever others of them came first. They may wait and be taken in
	 * later by recall, all of them, before anything else. Optional, both or none: every sample
	 * is absorbed at once. */
	bool (*history_quiet_band)(const struct gw_condition_opts *o, const void *memory,
		struct gw_quiet_band *ret_rest);
	void (*absorb_buffered)(void *memory, const struct gw_buffered_run *run);
	bool needs_each_sample; /* recall must know each sample */
	bool needs_sum;         /* recall must know their sum, or each */
	void (*evaluate)(const struct gw_condition_opts *o, void *memory,
		const struct gw_condition_input *in, struct gw_condition_result *result);
	/* Kinds with a history: ask may name a due_ns. It is asked for it before anything later
	 * is taken in, however late that is. */
	bool has_timer;
	/* It was true before the start, as is known only now, after samples were taken in: its
	 * memory becomes what it would be if that had been known before the first. Optional. */
	void (*restore_active)(const struct gw_condition_opts *o, void *memory);
	/* Nobody looked for that long, and time without a change does not count it. What is true
	 * stays so. Optional. */
	void (*paused)(void *memory, int64_t pause_ns);
	/* Values in [lo, hi] change nothing while the condition is false and need not be asked.
	 * Optional: with absorb every value, else none. */
	void (*quiet_band)(
		const struct gw_condition_opts *o, double *ret_lo, double *ret_hi);
	/* Whether a is worse than b, for the peak. Optional: greater is worse. */
	bool (*worse)(const struct gw_condition_opts *o, double a, double b);
	/* "above 50", "rises 8.3 per 1min": the `condition` field. */
	void (*describe)(const struct gw_condition_opts *o, struct gw_text *t);
};

extern const struct gw_condition_kind *const gw_condition_kinds[]; /* NULL-terminated */

/* Bytes of memory it needs. */
size_t gw_condition_memory(const struct gw_condition_opts *o);

/* Votes only: the keys of the members that are true now (or less than window_ns ago), at most
 * one a device; returns how many were written. */
size_t gw_condition_true_members(const struct gw_condition_opts *o, const void *memory,
	int64_t now_ns, const char *ret_keys[], size_t max_keys);
/* Votes only, a reload: what was known of members that both have goes into the new memory. */
void gw_condition_adopt_members(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_opts *old_o, const void *old_memory);

#endif
