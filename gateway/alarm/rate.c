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
 * Memory: 288 bytes an alarm, whatever the sampling rate.
 */
#include "alarm/kinds.h"

#include <math.h>

#define RATE_SLICES 24
#define RATE_HELD   ((UINT32_C(1) << RATE_SLICES) - 1)

struct rate {
	/* what every sample touches; values of falls have their sign turned: there it rises */
	double recent[2]; /* the last samples, newest last */
	double open;      /* lowest of the open slice */
	double closed;    /* lowest of the closed ones; infinite of none */
	int64_t last_ns;  /* of the last sample */
	int64_t turn_ns; /* when a slice ends or the oldest is too old; 0: closed is not known */
	double moved; /* by how much, from the lowest; >= 0 */
	double limit; /* of the options, here to be at hand */
	/* what a slice touches */
	int64_t window_ns; /* of the options, too */
	int64_t width_ns;  /* of a slice */
	int64_t open_end_ns;
	uint32_t held;   /* closed slices by age: bit 0 is the one before the open one */
	uint8_t newest;  /* place of the one that bit 0 stands for */
	uint8_t missing; /* samples until there is a median */
	bool begun;
	double value[RATE_SLICES]; /* of the closed slices, a circle */
};
static_assert(offsetof(struct rate, window_ns) == 64, "a sample touches one line");

static size_t rate_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct rate);
}

static double median3(double a, double b, double c)
{
	double lo = gw_lesser(a, b), hi = gw_greater(a, b);

	return gw_greater(lo, gw_lesser(hi, c));
}

/* Place of a closed slice. */
static inline unsigned place_of(const struct rate *m, int age)
{
	return (m->newest + RATE_SLICES - (unsigned)age) % RATE_SLICES;
}

static int64_t end_of(const struct rate *m, int age)
{
	return m->open_end_ns - (age + 1) * m->width_ns;
}

static int oldest(const struct rate *m)
{
	return 31 - __builtin_clz(m->held);
}

static double lowest_closed(const struct rate *m)
{
	double v = HUGE_VAL;

	for (uint32_t left = m->held; left; left &= left - 1)
		v = gw_lesser(v, m->value[place_of(m, __builtin_ctz(left))]);
	return v;
}

/* The next slice begins with v. The one that is over keeps its extreme; no gap is longer than
 * the window, which is less than there are places. */
static inline void begin_slice(struct rate *m, int64_t now_ns, double v)
{
	int64_t slices = 1;

	if (m->open_end_ns == 0) {
		m->open_end_ns = (now_ns / m->width_ns + 1) * m->width_ns;
		m->open = v;
		return;
	}
	if (now_ns - m->open_end_ns >= m->width_ns) /* less than 24: exact, and soon done */
		slices += (int64_t)((double)(now_ns - m->open_end_ns) /
			(double)m->width_ns);
	m->open_end_ns += slices * m->width_ns;
	m->value[(m->newest + 1u) % RATE_SLICES] = m->open;
	m->newest = (uint8_t)((m->newest + (unsigned)slices) % RATE_SLICES);
	m->held = (m->held << slices | UINT32_C(1) << (slices - 1)) & RATE_HELD;
	m->open = v;
}

/* A slice is over, or the oldest is too old, or which is the lowest is not known. */
static void turn(struct rate *m, int64_t now_ns, double v)
{
	bool known = m->turn_ns != 0;

	while (m->held && end_of(m, oldest(m)) < now_ns - m->window_ns) {
		known &= m->value[place_of(m, oldest(m))] > m->closed;
		m->held &= ~(UINT32_C(1) << oldest(m));
	}
	if (now_ns >= m->open_end_ns) {
		m->closed = gw_lesser(m->closed, m->open);
		begin_slice(m, now_ns, v);
	}
	if (!known)
		m->closed = lowest_closed(m);
	m->turn_ns = m->open_end_ns;
	if (m->held)
		m->turn_ns = gw_sooner(m->turn_ns, end_of(m, oldest(m)) + m->window_ns + 1);
}

static void begin_afresh(struct rate *m)
{
	m->missing = 3;
	m->held = 0;
	m->open_end_ns = 0;
	m->turn_ns = 0;
}

/* Takes the value among the last ones; whether they have a median, and which. */
static inline bool take(struct rate *m, double value, int64_t now_ns, double *ret_median)
{
	m->last_ns = now_ns;
	*ret_median = median3(m->recent[0], m->recent[1], value);
	m->recent[0] = m->recent[1];
	m->recent[1] = value;
	return !m->missing || --m->missing == 0;
}

static bool absorb(
	const struct gw_condition_opts *o, struct rate *m, double value, int64_t now_ns)
{
	double v;

	if (!m->begun) {
		m->begun = true;
		m->limit = o->limit;
		m->window_ns = o->window_ns;
		m->width_ns = o->window_ns / (RATE_SLICES - 2) + 1;
		begin_afresh(m);
	} else if (now_ns - m->last_ns > m->window_ns) {
		begin_afresh(m);
	}
	if (!take(m, value, now_ns, &v))
		return false;
	if (now_ns >= m->turn_ns)
		turn(m, now_ns, v);
	m->open = gw_lesser(m->open, v);
	m->moved = v - gw_lesser(m->open, m->closed);
	return m->moved >= m->limit;
}

/* As if each were absorbed, but for what only the last one needs to know: what is too old, and
 * the lowest. The next one absorbed finds it out. */
static inline void recall(struct rate *m, double sign, const struct gw_rested *run)
{
	for (size_t i = 0; i < run->n; i++) {
		int64_t now_ns = run->kept[i].mono_ns;
		double v;

		if (now_ns - m->last_ns > m->window_ns)
			begin_afresh(m);
		if (!take(m, sign * run->kept[i].value, now_ns, &v))
			continue;
		if (now_ns >= m->open_end_ns)
			begin_slice(m, now_ns, v);
		else
			m->open = gw_lesser(m->open, v);
	}
	m->turn_ns = 0;
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

static void recall_rises(void *memory, const struct gw_rested *run)
{
	recall(memory, 1, run);
}

static void recall_falls(void *memory, const struct gw_rested *run)
{
	recall(memory, -1, run);
}

/*
 * While all values stay in a band narrower than the limit, nothing in it can be the limit away
 * from anything else in it; what grows old only makes the lowest higher. So the rest has no end.
 * The band reaches from somewhat under the lowest to somewhat under the limit above it. The last
 * median lies in it, so of the two samples before the next one not both are over it, nor both
 * under it, and the next medians lie in it, too.
 */
static bool rest_rises(
	const struct gw_condition_opts *o, const void *memory, struct gw_rest *ret_rest)
{
	const struct rate *m = memory;
	double base = gw_lesser(m->open, m->closed), left = m->limit - m->moved;
	double lo = base - 0.4 * left, hi = base + m->limit - 0.5 * left;

	(void)o;
	ret_rest->lo = lo;
	ret_rest->hi = hi;
	return m->begun && !m->missing && m->turn_ns != 0 && hi - lo < m->limit;
}

static bool rest_falls(
	const struct gw_condition_opts *o, const void *memory, struct gw_rest *ret_rest)
{
	struct gw_rest turned = {0};
	bool rests = rest_rises(o, memory, &turned);

	ret_rest->lo = -turned.hi;
	ret_rest->hi = -turned.lo;
	return rests;
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
	.rest = rest_rises,
	.recall = recall_rises,
	.recalls_each = true,
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
	.rest = rest_falls,
	.recall = recall_falls,
	.recalls_each = true,
	.ask = ask_rate,
	.worse = gw_kind_less_worse,
	.describe = describe,
};
