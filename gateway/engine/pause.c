/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pause.h"

#include "engine/history.h"

#include <string.h>

/* The two oldest become one. A moment between their ends is then shifted by the later ones as well:
 * some device becomes silent later than without the merge, none sooner. */
static void merge_oldest(struct gw_engine *e)
{
	struct gw_pause *p = e->pauses;

	p[0].last_end_ns = p[1].last_end_ns;
	p[0].others_ns += p[1].first_ns + p[1].others_ns;
	memmove(&p[1], &p[2], (e->n_pauses - 2) * sizeof p[0]);
	e->n_pauses--;
}

/* For conditions that count time without a change. */
static void exclude_pause(struct gw_engine *e, int64_t pause_ns)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];
		const struct gw_condition_kind *kind = a->opts->when->kind;

		if (!kind->paused)
			continue;
		/* what was buffered before the pause belongs to the time before it */
		gw_history_flush(e, a->opts->first_point);
		kind->paused(a->memory, pause_ns);
	}
}

void gw_engine_paused(struct gw_engine *e, int64_t pause_ns, int64_t now_ns)
{
	if (!e->started)
		return;
	if (e->n_pauses == GW_PAUSES)
		merge_oldest(e);
	e->pauses[e->n_pauses++] = (struct gw_pause){
		.first_ns = pause_ns, .first_end_ns = now_ns, .last_end_ns = now_ns};
	exclude_pause(e, pause_ns);
}

/* The first pause after since_ns counts twice, but not beyond its end: links must be opened
 * again, and what a device published during the pause is lost. Only the first, so that a
 * machine that is starved again and again still finds dead devices. */
int64_t gw_pause_shift_ns(const struct gw_engine *e, int64_t since_ns)
{
	bool first = true;

	for (size_t i = 0; i < e->n_pauses; i++) {
		const struct gw_pause *p = &e->pauses[i];
		int64_t twice_ns = since_ns + 2 * p->first_ns;

		if (since_ns >= p->last_end_ns)
			continue;
		if (!first)
			since_ns += p->first_ns;
		else if (since_ns < p->first_end_ns)
			since_ns = twice_ns < p->first_end_ns ? twice_ns : p->first_end_ns;
		since_ns += p->others_ns;
		first = false;
	}
	return since_ns;
}

void gw_pause_adopt(struct gw_engine *e, const struct gw_engine *old)
{
	memcpy(e->pauses, old->pauses, sizeof e->pauses);
	e->n_pauses = old->n_pauses;
}
