/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/silence_filter.h"

#include <errno.h>
#include <stdlib.h>

/* A copy of the kind and of the options for each alarm: evaluate gets no more than the options,
 * which lead to the kind. */
struct gw_silence_filter {
	struct gw_condition_kind kind; /* first: the options point at it */
	struct gw_condition_opts when; /* the alarm points at it */
	const struct gw_condition_kind *real;
	const bool *occurs;
	uint32_t n_points;
};

static bool any(const struct gw_silence_filter *f)
{
	for (uint32_t i = 0; i < f->n_points; i++)
		if (f->occurs[i])
			return true;
	return false;
}

/* A usable reading causes an evaluation; a device whose first reading is bad waits for the
 * next timer. The intervals grow, so that ninety days without a device cost little. */
static void evaluate(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	const struct gw_silence_filter *f = (const struct gw_silence_filter *)(const void *)
						    o->kind;
	int64_t wait_ns = (in->now_ns - in->last_current_ns) / 16;

	if (f->real->on_bad_samples) { /* what was refused is in the files; the rest may not be */
		struct gw_condition_input known = *in;

		known.never_current = false;
		f->real->evaluate(o, memory, &known, result);
		return;
	}
	if (any(f)) {
		f->real->evaluate(o, memory, in, result);
		return;
	}
	if (wait_ns < o->window_ns)
		wait_ns = o->window_ns;
	result->condition_true = false;
	result->due_ns = in->now_ns + wait_ns;
}

/* Kinds that are true without readings. */
static bool needs_filter(const struct gw_condition_kind *kind)
{
	return kind->on_devices || kind->on_bad_samples;
}

enum gw_err gw_silence_filter_open(struct gw_silence_filters *f,
	struct gw_alarm_opts *alarms, size_t n_alarms, size_t n_points,
	struct gw_error *err)
{
	struct gw_silence_filter *at;
	size_t n = 0;

	for (size_t i = 0; i < n_alarms; i++)
		n += needs_filter(alarms[i].when->kind);
	f->occurs = calloc(n_points + 1, sizeof(*f->occurs));
	f->at = at = calloc(n + 1, sizeof(*at));
	if (!f->occurs || !at)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	for (size_t i = 0; i < n_alarms; i++) {
		const struct gw_condition_opts *when = alarms[i].when;

		if (!needs_filter(when->kind))
			continue;
		*at = (struct gw_silence_filter){.kind = *when->kind,
			.when = *when,
			.real = when->kind,
			.occurs = f->occurs + alarms[i].first_point,
			.n_points = alarms[i].n_points};
		at->kind.evaluate = evaluate;
		at->when.kind = &at->kind;
		alarms[i].when = &at->when;
		at++;
	}
	return GW_OK;
}

void gw_silence_filter_close(struct gw_silence_filters *f)
{
	free(f->occurs);
	free(f->at);
	*f = (struct gw_silence_filters){0};
}
