/* SPDX-License-Identifier: Apache-2.0 */
/* `stuck`: a value that has not changed at all although samples keep coming, a frozen
 * transmitter. */
#include "alarm/condition_internal.h"

#include <math.h>

struct stuck {
	double value;
	int64_t since_ns;    /* of the first sample with this value; 0: none yet */
	bool only_first;     /* evaluate was not called since the first sample */
	bool is_first_value; /* value is that of the first sample */
};

static size_t stuck_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct stuck);
}

static bool absorb_stuck(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	struct stuck *m = memory;

	if (m->since_ns == 0 || islessgreater(m->value, sample->value)) {
		m->only_first = m->is_first_value = m->since_ns == 0;
		m->value = sample->value;
		m->since_ns = now_ns;
	}
	return now_ns - m->since_ns >= o->window_ns;
}

static void absorb_buffered_stuck(void *memory, const struct gw_buffered_run *run)
{
	struct stuck *m = memory;

	if (run->since_ns == 0)
		return;
	m->only_first = m->is_first_value = false;
	m->value = run->value;
	m->since_ns = run->since_ns;
}

/* The value may have changed and come back during the pause. */
static void pause_stuck(void *memory, int64_t pause_ns)
{
	struct stuck *m = memory;

	if (m->since_ns)
		m->since_ns += pause_ns;
}

static bool quiet_band_stuck(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	const struct stuck *m = memory;

	ret_band->until_ns = m->since_ns + o->window_ns;
	return m->since_ns != 0;
}

/* Only a sample can make it true: a device without samples is silent, not stuck. */
static void evaluate_stuck(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct stuck *m = memory;

	if (!in->sample)
		return;
	/* Active before a restart: it stays so until the value changes. */
	if (m->only_first && result->condition_true)
		m->since_ns = in->now_ns - o->window_ns;
	m->only_first = false;
	result->value = in->sample->value;
	result->condition_true = in->now_ns - m->since_ns >= o->window_ns;
}

/* Active until the value changes. */
static void restore_active_stuck(const struct gw_condition_opts *o, void *memory)
{
	struct stuck *m = memory;

	if (m->is_first_value)
		m->since_ns -= o->window_ns;
}

static void describe_stuck(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "stuck ");
	gw_text_add_duration(t, o->window_ns);
}

static const struct gw_setting stuck_settings[] = {
	{.key = "stuck",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(window_ns),
		.required = true,
		.min = 1e9,
		.max = 366 * 86400e9,
		.help = "True when the value has not moved at all for this long."},
	{0},
};

const struct gw_condition_kind gw_condition_stuck = {
	.key = "stuck",
	.settings = stuck_settings,
	.on_points = true,
	.numbers_only = true,
	.memory = stuck_memory,
	.absorb = absorb_stuck,
	.history_quiet_band = quiet_band_stuck,
	.absorb_buffered = absorb_buffered_stuck,
	.paused = pause_stuck,
	.evaluate = evaluate_stuck,
	.restore_active = restore_active_stuck,
	.worse = gw_never_worse,
	.describe = describe_stuck,
};
