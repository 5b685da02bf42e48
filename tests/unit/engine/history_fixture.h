/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_fixture.h: random histories and random walks of a value, for the tests of quiet bands.
 */
#ifndef HISTORY_FIXTURE_H
#define HISTORY_FIXTURE_H

#include "engine_fixture.h"
#include "reference_random.h"

static const double rows[] = {6, 40e9, 9, 10e9};

static const struct gw_condition_kind *const kinds[] = {&gw_condition_rises,
	&gw_condition_falls, &gw_condition_reaches, &gw_condition_stuck,
	&gw_condition_dose};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct gw_condition_opts random_opts(const struct gw_condition_kind *kind)
{
	/* A forecast is quiet only where its limit is far away. */
	static const double far[] = {12, 120, 400, 1000};

	return (struct gw_condition_opts){.kind = kind,
		.limit = kind == &gw_condition_reaches ? far[chance(4)] : 1 + chance(6),
		.window_ns = (int64_t)(4 + chance(40)) * S,
		.fit_ns = (int64_t)(20 + chance(60)) * S,
		.rows = {2, 2, rows}};
}

/* Where a step of 1 is the least there is. */
#define COARSE 4503599627370496.0

/* Flats, steps, ramps and noise, now and then a pause. */
struct walk {
	int64_t now_ns;
	double value, step, offset;
	unsigned noise;
};

static double next(struct walk *w)
{
	if (chance(20) == 0)
		w->step = (chance(5) - 2.0) / 4;
	if (chance(40) == 0)
		w->noise = chance(3);
	if (chance(60) == 0)
		w->value = chance(14);
	if (w->value < 0 || w->value > 14)
		w->step = -w->step;
	w->value += w->step;
	w->now_ns += chance(60) ? (int64_t)chance(4) * S / 2 : (int64_t)chance(60) * S;
	return w->offset + w->value + (w->noise ? chance(w->noise + 1) / 10.0 : 0);
}

#endif
