/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine samples/s over 1k, 10k, 100k and 1M points in random order, beside the floor of the
 * same run: a lookup, two compares and one state write over the same samples. One JSON line a
 * figure. Alarms: four a point (two limits, a band, silence), all calm; and with rate and
 * forecast on every point.
 */
#include "alarm/kinds.h"
#include "base/clock.h"
#include "engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES 2000000
#define ROUNDS  5

static const struct gw_site_info site = {"bench", "", "", ""};

struct floor_slot {
	double lo, hi, value;
	int64_t mono_ns;
	uint32_t state;
	char pad[28];
};

static struct gw_sample *samples;

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double floor_pass(struct floor_slot *slots)
{
	int64_t begin_ns = gw_clock_mono_ns();

	for (size_t i = 0; i < SAMPLES; i++) {
		const struct gw_sample *s = &samples[i];
		struct floor_slot *f = &slots[s->point];

		if (i + 8 < SAMPLES)
			__builtin_prefetch(&slots[samples[i + 8].point], 1);
		if (s->value > f->hi)
			f->state = 1;
		else if (s->value < f->lo)
			f->state = 0;
		f->value = s->value;
		f->mono_ns = s->mono_ns;
	}
	return SAMPLES * 1e3 / (double)(gw_clock_mono_ns() - begin_ns);
}

static double engine_pass(struct gw_engine *e, int64_t now_ns)
{
	const struct gw_time now = {.mono_ns = now_ns, .wall_ms = 1, .synced = true};
	int64_t begin_ns = gw_clock_mono_ns();

	for (size_t i = 0; i < SAMPLES; i += 256)
		gw_engine_feed(e, samples + i, SAMPLES - i < 256 ? SAMPLES - i : 256, now);
	return SAMPLES * 1e3 / (double)(gw_clock_mono_ns() - begin_ns);
}

static void alarm(struct gw_alarm_opts *a, uint32_t point, const char *key,
	const struct gw_condition_kind *kind)
{
	static const double band[] = {-40, 200};

	*a = (struct gw_alarm_opts){
		.info = {.key = key,
			.name = "",
			.subject = "",
			.condition = "",
			.text = "",
			.point = "",
			.source = "",
			.device = "",
			.unit_of_measure = "",
			.place = {"", "", ""},
			.site = &site},
		.when = {.kind = kind,
			.limit = 90,
			.band = {1, 2, band},
			.window_ns = 600 * GW_NS_PER_SEC},
		.first_point = point,
		.n_points = 1,
	};
}

static int by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
		(*(const double *)a < *(const double *)b);
}

static void run(uint32_t n, bool history)
{
	static const struct gw_condition_kind *const calm[] = {
		&gw_above, &gw_above, &gw_outside, &gw_silent};
	static const struct gw_condition_kind *const full[] = {
		&gw_above, &gw_outside, &gw_silent, &gw_rises, &gw_reaches};
	size_t each = history ? 5 : 4;
	struct gw_point_info *points = calloc(n, sizeof *points);
	struct gw_alarm_opts *alarms = calloc(n * each, sizeof *alarms);
	char(*keys)[16] = calloc(n * each, sizeof *keys);
	struct floor_slot *slots = aligned_alloc(64, n * sizeof *slots);
	double floors[ROUNDS], figures[ROUNDS], ratios[ROUNDS];
	struct gw_engine *e;
	int64_t now_ns = GW_NS_PER_SEC * 1000;

	for (uint32_t i = 0; i < n; i++) {
		points[i].key = "p";
		slots[i] = (struct floor_slot){.lo = 10, .hi = 90};
		for (size_t k = 0; k < each; k++) {
			snprintf(keys[i * each + k], sizeof *keys, "%08zx", i * each + k);
			alarm(&alarms[i * each + k], i, keys[i * each + k],
				history ? full[k] : calm[k]);
		}
	}
	if (gw_engine_new(&(struct gw_engine_opts){.site = &site,
				  .points = points,
				  .n_points = n,
				  .alarms = alarms,
				  .n_alarms = n * each,
				  .n_inputs = 1},
		    &e, NULL))
		exit(1);
	for (int r = -1; r < ROUNDS; r++) {
		for (size_t i = 0; i < SAMPLES; i++)
			samples[i] = (struct gw_sample){
				.point = (uint32_t)(random_next() % n),
				.quality = GW_QUALITY_GOOD,
				.mono_ns = now_ns + (int64_t)i,
				.value = 20 + (double)(random_next() % 100) / 20};
		if (r < 0) { /* warm both */
			floor_pass(slots);
			engine_pass(e, now_ns);
		} else {
			floors[r] = floor_pass(slots);
			figures[r] = engine_pass(e, now_ns);
			ratios[r] = figures[r] / floors[r];
		}
		now_ns += GW_NS_PER_SEC;
	}
	qsort(floors, ROUNDS, sizeof *floors, by_value);
	qsort(figures, ROUNDS, sizeof *figures, by_value);
	qsort(ratios, ROUNDS, sizeof *ratios, by_value);
	printf("{\"bench\":\"engine\",\"points\":%u,\"alarms_per_point\":%zu,\"history\":%"
	       "s,"
	       "\"msamples_per_s\":%.1f,\"floor\":%.1f,\"ratio\":%.2f}\n",
		n, each, history ? "true" : "false", figures[ROUNDS / 2],
		floors[ROUNDS / 2], ratios[ROUNDS / 2]);
	fflush(stdout);
	gw_engine_free(e);
	free(points);
	free(alarms);
	free(keys);
	free(slots);
}

int main(void)
{
	samples = aligned_alloc(64, SAMPLES * sizeof *samples);
	for (int history = 0; history < 2; history++)
		for (uint32_t n = 1000; n <= (history ? 100000u : 1000000u); n *= 10)
			run(n, history);
	free(samples);
	return 0;
}
