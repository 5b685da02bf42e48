/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_gw.h"

#include "alarm/condition.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

struct gw_engine *bench_limits(double limit, const double *clear)
{
	static const struct gw_site_info site = {"bench", "", "", ""};
	static struct gw_point_info points[BENCH_LIMITS];
	static struct gw_alarm_opts alarms[BENCH_LIMITS];
	static char keys[BENCH_LIMITS][16];
	static struct gw_condition_opts when;
	struct gw_engine *e;

	when = (struct gw_condition_opts){.kind = &gw_condition_above, .limit = limit};
	if (clear)
		when.clear = (struct gw_table){1, 1, clear};
	for (uint32_t i = 0; i < BENCH_LIMITS; i++) {
		snprintf(keys[i], sizeof keys[i], "s/d/p%u", i);
		points[i].key = keys[i];
		alarms[i] = (struct gw_alarm_opts){
			.info = {.key = keys[i],
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
			.when = &when,
			.first_point = i,
			.n_points = 1,
		};
	}
	if (gw_engine_new(&(struct gw_engine_opts){.site = &site,
				  .points = points,
				  .n_points = BENCH_LIMITS,
				  .alarms = alarms,
				  .n_alarms = BENCH_LIMITS,
				  .n_inputs = 1},
		    &e, NULL))
		abort();
	return e;
}

void bench_put(struct gw_text *t, const char *label, const char *unit, double *ns,
	double *ratio, size_t rounds, double goal)
{
	char key[48];

	snprintf(key, sizeof key, "%s_%s", label, unit);
	gw_json_double(t, key, bench_two_digits(1e3 / bench_median(ns, rounds)));
	if (!ratio)
		return;
	snprintf(key, sizeof key, "%s_ratio", label);
	gw_json_double(t, key, bench_two_digits(bench_median(ratio, rounds)));
	snprintf(key, sizeof key, "%s_goal", label);
	if (goal > 0)
		gw_json_double(t, key, goal);
}
