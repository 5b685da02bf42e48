/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dose: [[level, time], ...]: true when for any row the value was over the level for the time
 * (carbon monoxide, EN 50291: 50 ppm 60-90 min, 100 ppm 10-40 min, 300 ppm within 3 min). Time
 * over a level adds up; time under it is subtracted at the same rate, so one low reading does not
 * restart it. Between samples the last value holds. From a sample that is not usable (the link is
 * broken) to the next usable one, nothing is added or subtracted.
 *
 * False again once every row has run down to half its time. After a restart the times are not
 * known: an alarm that was active stays so while the value is over any level.
 * Memory: 24 + 8 bytes a row.
 */
#include "alarm/condition_internal.h"

#include <math.h>

struct dose {
	int64_t last_ns; /* 0: no sample yet */
	double value;
	bool only_first;   /* evaluate was not called since the first sample */
	bool value_lost;   /* the value is unknown since the last sample */
	int64_t over_ns[]; /* one a row, 0 .. the row's time */
};

static double level(const struct gw_condition_opts *o, size_t row)
{
	return o->rows.cells[row * 2];
}

static int64_t time_ns(const struct gw_condition_opts *o, size_t row)
{
	return (int64_t)o->rows.cells[row * 2 + 1];
}

static bool over_any_level(const struct gw_condition_opts *o, double value)
{
	for (size_t i = 0; i < o->rows.rows; i++)
		if (value > level(o, i))
			return true;
	return false;
}

static size_t dose_memory(const struct gw_condition_opts *o)
{
	return sizeof(struct dose) + o->rows.rows * sizeof(int64_t);
}

/* Applies the last value up to now. */
static void advance(const struct gw_condition_opts *o, struct dose *m, int64_t now_ns)
{
	int64_t by_ns = now_ns - m->last_ns;

	if (by_ns <= 0) /* a late sample subtracts nothing */
		return;
	m->last_ns = now_ns;
	if (m->value_lost)
		return;
	for (size_t i = 0; i < o->rows.rows; i++) {
		if (m->value > level(o, i))
			m->over_ns[i] += gw_min_ns(by_ns, time_ns(o, i) - m->over_ns[i]);
		else
			m->over_ns[i] -= gw_min_ns(by_ns, m->over_ns[i]);
	}
}

static void value_lost(const struct gw_condition_opts *o, void *memory, int64_t now_ns)
{
	struct dose *m = memory;

	if (m->last_ns)
		advance(o, m, now_ns);
	m->value_lost = true;
}

static bool absorb(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	struct dose *m = memory;
	bool was_over = m->last_ns && over_any_level(o, m->value);

	if (m->last_ns) {
		advance(o, m, now_ns);
	} else {
		m->only_first = true;
		m->last_ns = now_ns;
	}
	m->value = sample->value;
	m->value_lost = false;
	return was_over ||
		over_any_level(
			o, sample->value); /* evaluate sets due_ns, or finds it false */
}

/* Under all levels the rows only run down, by the time that has passed. */
static bool history_quiet_band(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	const struct dose *m = memory;

	for (size_t i = 0; i < o->rows.rows; i++)
		ret_band->hi = gw_min(ret_band->hi, level(o, i));
	return !m->value_lost && m->value <= ret_band->hi;
}

static void absorb_buffered(void *memory, const struct gw_buffered_run *run)
{
	struct dose *m = memory;

	m->value = run->value;
}

/* The alarm was active before the start: rows that are over now count as full. */
static void restore_active(const struct gw_condition_opts *o, void *memory)
{
	struct dose *m = memory;

	for (size_t i = 0; i < o->rows.rows; i++)
		if (m->value > level(o, i))
			m->over_ns[i] = time_ns(o, i);
}

static void evaluate_dose(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct dose *m = memory;
	bool full = false, low = true;

	if (m->last_ns == 0)
		return;
	if (m->only_first && result->condition_true)
		restore_active(o, m);
	m->only_first = false;
	advance(o, m, in->now_ns);
	result->value = m->value;
	for (size_t i = 0; i < o->rows.rows; i++) {
		int64_t left_ns = time_ns(o, i) - m->over_ns[i];

		if (left_ns == 0) {
			full = true;
			result->limit = level(o, i);
		} else if (m->value > level(o, i) && !m->value_lost) {
			result->due_ns = gw_min_ns(result->due_ns, in->now_ns + left_ns);
		}
		low &= m->over_ns[i] <= time_ns(o, i) / 2;
	}
	if (full)
		result->condition_true = true;
	else if (low)
		result->condition_true = false;
	if (result->condition_true &&
		!m->value_lost) /* evaluate again when the longest row may be half empty */
		for (size_t i = 0; i < o->rows.rows; i++)
			if (m->value <= level(o, i) && m->over_ns[i] > time_ns(o, i) / 2)
				result->due_ns = gw_min_ns(result->due_ns,
					in->now_ns + m->over_ns[i] - time_ns(o, i) / 2);
}

static void check_dose(const struct gw_condition_opts *o, struct gw_report *report)
{
	if (o->rows.columns != 2 || o->rows.rows > 16) {
		gw_report(report, &o->rows, "dose needs 1 to 16 rows of [level, time]");
		return;
	}
	for (size_t i = 0; i < o->rows.rows; i++)
		if (time_ns(o, i) < 1000000000)
			gw_report(report, &o->rows,
				"row %zu: the time needs a unit and must be at least 1s",
				i + 1);
}

static void describe(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "dose ");
	for (size_t i = 0; i < o->rows.rows; i++) {
		gw_text_add(t, i ? ", " : "");
		gw_text_add_double(t, level(o, i));
		gw_text_add(t, " for ");
		gw_text_add_duration(t, time_ns(o, i));
	}
}

static const struct gw_setting settings[] = {
	{.key = "dose",
		.type = GW_SET_TABLE,
		.offset = GW_CONDITION_FIELD(rows),
		.required = true,
		.max = 2,
		.help = "Rows of [level, time]: true when any level was exceeded for its time."},
	{0},
};

const struct gw_condition_kind gw_condition_dose = {
	.key = "dose",
	.settings = settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_dose,
	.memory = dose_memory,
	.absorb = absorb,
	.value_lost = value_lost,
	.history_quiet_band = history_quiet_band,
	.absorb_buffered = absorb_buffered,
	.evaluate = evaluate_dose,
	.has_timer = true,
	.restore_active = restore_active,
	.describe = describe,
};
