/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/band.h"

#include "engine/history.h"
#include "engine/view.h"

#include <float.h>
#include <math.h>

void gw_band_update(struct gw_engine *e, size_t point)
{
	const struct gw_listeners *l = &e->point_listeners;
	struct gw_point_state *s = &e->view.points[point];
	double lo = -DBL_MAX, hi = DBL_MAX; /* an infinite value is never in the band */

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		const struct gw_alarm *a = &e->alarms[l->at[k].alarm];
		double from, to;

		if (l->at[k].member !=
			GW_NO_MEMBER) { /* votes and `unless` need changes only */
			from = to = atomic_load_explicit(&s->value, memory_order_relaxed);
			if (!gw_quality_usable(gw_view_quality(&e->view, point)))
				from = HUGE_VAL; /* the value of a bad sample did not reach them */
		} else if (a->inactive && a->has_input && a->opts->when->kind->quiet_band) {
			a->opts->when->kind->quiet_band(a->opts->when, &from, &to);
		} else if (a->inactive && a->has_input && a->opts->when->kind->absorb) {
			from = -HUGE_VAL;
			to = HUGE_VAL;
		} else {
			from = HUGE_VAL;
			to = -HUGE_VAL;
		}
		lo = fmax(lo, from);
		hi = fmin(hi, to);
	}
	/* The histories may not know the value that the view shows, so the next sample is
	 * absorbed. */
	if (!gw_quality_current(gw_view_quality(&e->view, point))) {
		lo = HUGE_VAL;
		hi = -HUGE_VAL;
	}
	gw_history_set_band(e, point, lo, hi);
}
