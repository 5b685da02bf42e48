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
	double limit;          /* above, below; rises, falls: change per window; reaches */
	struct gw_table clear; /* above, below: 1 x 1 or empty */
	struct gw_table deadband; /* above, below, outside: 1 x 1 or empty */
	struct gw_table band;     /* outside: 1 x 2 */
	bool is;                  /* is */
	int64_t window_ns;        /* per, within, fit, stuck, silent */
	int64_t fit_ns;           /* reaches */
	struct gw_table rows;     /* dose */
	int64_t at_least;         /* at_least */
	struct gw_strings of;
	const struct gw_member *members;
	size_t n_members;
};

/* What a kind is asked with. */
struct gw_condition_input {
	const struct gw_sample *sample; /* usable quality; NULL for a tick or a member */
	uint32_t member;                /* votes: which member changed, with member_true */
	bool member_true;
	int64_t now_ns;
	int64_t last_good_ns; /* of the point or device, start of the engine if none yet */
};

/* What it answers. The kind fills only what it knows; the engine presets NaN and INT64_MAX. */
struct gw_condition_answer {
	bool truth;
	double value; /* what to show: the value, the rate, the number of members */
	double limit;
	int64_t due_ns; /* ask again (tick) at this time even if no sample comes */
	int64_t eta_ms; /* forecast; -1: none */
};

struct gw_condition_kind {
	const char *key; /* the key under `when:` that selects it */
	const struct gw_setting
		*settings; /* rows over struct gw_condition_opts, key's own first */
	bool on_points;    /* needs `on:` */
	bool on_devices;   /* `on:` may also name a device (source/device) */
	/* optional: what is wrong beyond the rows' limits */
	void (*check)(const struct gw_condition_opts *o, struct gw_report *report);
	/* Bytes of memory, a multiple of 8; zeroed before first use. Optional: none. */
	size_t (*memory)(const struct gw_condition_opts *o);
	/* Evaluate. *answer->truth holds the previous answer on entry. */
	void (*ask)(const struct gw_condition_opts *o, void *memory,
		const struct gw_condition_input *in, struct gw_condition_answer *answer);
	/* Values in [lo, hi] change nothing while the condition is false and need not be asked.
	 * Optional: none, every sample is asked. */
	void (*calm)(const struct gw_condition_opts *o, double *ret_lo, double *ret_hi);
	/* "above 50", "rises 8.3 per 1min": the `condition` field. */
	void (*describe)(const struct gw_condition_opts *o, struct gw_text *t);
};

extern const struct gw_condition_kind *const gw_condition_kinds[]; /* NULL-terminated */

#endif
