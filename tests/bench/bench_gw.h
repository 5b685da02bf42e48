/* SPDX-License-Identifier: Apache-2.0 */
/* bench_gw.h: what benchmarks of the gateway's own parts share. Thread: main. */
#ifndef BENCH_GW_H
#define BENCH_GW_H

#include "base/text.h"
#include "engine/engine.h"

#define BENCH_LIMITS 1024

/* An engine over that many points, each with one alarm above the limit, which clears at *clear
 * (NULL: at the limit itself). Aborts without memory. */
struct gw_engine *bench_limits(double limit, const double *clear);

/* LABEL_UNIT, millions a second, from the nanoseconds of one in each round; unless ratio is NULL
 * LABEL_ratio and, if it is not 0, LABEL_goal. Sorts both. */
void bench_put(struct gw_text *t, const char *label, const char *unit, double *ns,
	double *ratio, size_t rounds, double goal);

#endif
