/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rises X per T, falls X per T: the value has moved by X within at most the last T. Answers as
 * soon as X is reached, so 10 °C per 1min answers a 30 °C/min fire after 20 s: the lower limits
 * of the response-time table of EN 54-5 for class A1.
 *
 * Robust to one spike: what is compared is the median of the last three samples. Robust to
 * irregular sampling: the window is held as slices of time, of T / 22 each, not as a number of
 * samples; what lies in a slice counts until all of it has left the window. A gap longer than T
 * leaves nothing to compare with, so the rate starts afresh.
 *
 * Memory: 512 bytes an alarm, whatever the sampling rate.
 */
#include "alarm/kinds.h"

#include <math.h>

#define RATE_SLICES 24

struct rate {
	/* what every sample touches; values of falls have their sign turned: there it rises */
	double recent[3];    /* the last samples, newest last */
	double open;         /* lowest of the open slice */
	double closed;       /* lowest of the closed ones; infinite of none */
	int64_t last_ns;     /* of the last sample */
	int64_t open_end_ns; /* when the open slice is over */
	int64_t oldest_ns; /* when the oldest closed slice ended; INT64_MAX: there is none */
	double moved;      /* by how much, from the lowest; >= 0 */
	double limit;      /* of the options, here to be at hand */
	int64_t window_ns; /* the same */
	uint16_t head, n;
	uint8_t missing; /* samples until there is a median */
	bool begun;
	struct {
		int64_t end_ns;
		double value;
	} slice[RATE_SLICES]; /* the closed ones, a circle: oldest at head */
};

static size_t rate_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct rate);
}

static double median3(const double v[3])
{
	double lo = gw_lesser(v[0], v[1]), hi = gw_greater(v[0], v[1]);

	return gw_greater(lo, gw_lesser(hi, v[2]));
}

/* After a slice was closed or dropped. */
static void look_back(struct rate *m)
{
	m->oldest_ns = m->n ? m->slice[m->head].end_ns : INT64_MAX;
	m->closed = HUGE_VAL;
	for (uint32_t i = 0; i < m->n; i++)
		m->closed = gw_lesser(
			m->closed, m->slice[(m->head + i) % RATE_SLICES].value);
}

static void drop_oldest(struct rate *m)
{
	m->head = (uint16_t)((m->head + 1) % RATE_SLICES);
	m->n--;
}

static void forget_old(struct rate *m, int64_t before_ns)
{
	while (m->n && m->slice[m->head].end_ns < before_ns)
		drop_oldest(m);
	look_back(m);
}

/* The open slice is over: keep its extreme, and begin one with v. */
static void turn_slice(
	const struct gw_condition_opts *o, struct rate *m, int64_t now_ns, double v)
{
	int64_t width_ns = o->window_ns / (RATE_SLICES - 2) + 1;
	int at;

	if (m->open_end_ns) {
		if (m->n == RATE_SLICES)
			drop_oldest(m);
		at = (m->head + m->n++) % RATE_SLICES;
		m->slice[at].end_ns = m->open_end_ns;
		m->slice[at].value = m->open;
	}
	m->open = v;
	m->open_end_ns = (now_ns / width_ns + 1) * width_ns;
	forget_old(m, now_ns - o->window_ns);
}

static void begin_afresh(const struct gw_condition_opts *o, struct rate *m)
{
	m->limit = o->limit;
	m->window_ns = o->window_ns;
	m->begun = true;
	m->missing = 3;
	m->n = 0;
	m->open_end_ns = 0;
	m->oldest_ns = INT64_MAX;
}

static bool absorb(
	const struct gw_condition_opts *o, struct rate *m, double value, int64_t now_ns)
{
	double v;

	if (!m->begun || now_ns - m->last_ns > m->window_ns)
		begin_afresh(o, m);
	m->last_ns = now_ns;
	m->recent[0] = m->recent[1];
	m->recent[1] = m->recent[2];
	m->recent[2] = value;
	if (m->missing && --m->missing)
		return false;
	v = median3(m->recent);
	if (now_ns >= m->open_end_ns)
		turn_slice(o, m, now_ns, v);
	else if (m->oldest_ns < now_ns - m->window_ns)
		forget_old(m, now_ns - m->window_ns);
	m->open = gw_lesser(m->open, v);
	m->moved = v - gw_lesser(m->open, m->closed);
	return m->moved >= m->limit;
}

static bool absorb_rises(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	return absorb(o, memory, sample->value, now_ns);
}

static bool absorb_falls(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	return absorb(o, memory, -sample->value, now_ns);
}

static void ask_rate(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_answer *answer)
{
	const struct rate *m = memory;

	answer->limit = o->limit;
	if (!in->sample)
		return;
	answer->value = in->sample->value;
	if (m->missing)
		return;
	if (m->moved >= o->limit)
		answer->truth = true;
	else if (m->moved < o->limit - gw_table_number(&o->deadband, o->limit / 10))
		answer->truth = false;
}

static void check_rate(const struct gw_condition_opts *o, struct gw_report *report)
{
	double deadband = gw_table_number(&o->deadband, 0);

	if (!(o->limit > 0))
		gw_report(report, &o->limit, "the change must be greater than 0");
	if (deadband < 0 || deadband > o->limit)
		gw_report(report, &o->deadband,
			"a deadband must be between 0 and the change");
}

static void describe(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_addf(t, "%s ", o->kind->key);
	gw_text_add_double(t, o->limit);
	gw_text_add(t, " per ");
	gw_text_add_duration(t, o->window_ns);
}

#define RATE_ROWS(word) \
	{.key = word, \
		.type = GW_SET_DOUBLE, \
		.offset = GW_CONDITION_FIELD(limit), \
		.required = true, \
		.help = "By how much, in the point's unit."}, \
		{.key = "per", \
			.type = GW_SET_DURATION, \
			.offset = GW_CONDITION_FIELD(window_ns), \
			.required = true, \
			.min = 1e9, \
			.max = 86400e9, \
			.help = "Within how long."}, \
		{.key = "deadband", \
			.type = GW_SET_TABLE, \
			.offset = GW_CONDITION_FIELD(deadband), \
			.max = 1, \
			.help = "False again once the change is this much under it; " \
				"default a " \
				"tenth of it."}, \
	{ \
		0 \
	}

static const struct gw_setting rises_settings[] = {RATE_ROWS("rises")};
static const struct gw_setting falls_settings[] = {RATE_ROWS("falls")};

const struct gw_condition_kind gw_rises = {
	.key = "rises",
	.settings = rises_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_rate,
	.memory = rate_memory,
	.absorb = absorb_rises,
	.ask = ask_rate,
	.describe = describe,
};

const struct gw_condition_kind gw_falls = {
	.key = "falls",
	.settings = falls_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_rate,
	.memory = rate_memory,
	.absorb = absorb_falls,
	.ask = ask_rate,
	.worse = gw_kind_less_worse,
	.describe = describe,
};
