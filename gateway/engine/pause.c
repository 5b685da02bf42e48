/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times in which the gateway did not run: it was stopped, its machine suspended or starved. The
 * engine's clock goes on meanwhile, so that delays, windows and dates stay those of the world.
 * What must not count such a time is only what concludes from hearing nothing: nobody listened.
 *
 * Nothing else leaves it out. A value that was past its limit before the pause is the last that is
 * known, and its on-delay goes on: to be early is right there. A rise or fall between a sample
 * before and one after happened within the time between them, whoever slept. A dose goes on with
 * the last known level, which is the safe side.
 */
#include "engine/engine_internal.h"

#include <string.h>

/* Two become one; a time between their ends counts as if it were before both of the pauses
 * that came after the first. Each is then silent somewhat later, none sooner. */
static void merge_oldest(struct gw_engine *e)
{
	struct gw_pause *p = e->pauses;

	p[0].last_end_ns = p[1].last_end_ns;
	p[0].others_ns += p[1].first_ns + p[1].others_ns;
	memmove(&p[1], &p[2], (e->n_pauses - 2) * sizeof p[0]);
	e->n_pauses--;
}

/* Conditions that count time without a change. */
static void exclude_pause(struct gw_engine *e, int64_t pause_ns)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];
		const struct gw_condition_kind *kind = a->opts->when.kind;

		if (!kind->paused)
			continue;
		/* with what was kept from before; that it need not look until then stays true */
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

/* Besides the pause itself, the first one that somebody slept through gives as long again, at most
 * the whole time anew: a link must be made again, and a device that speaks by itself every so
 * often may have spoken into the void. Only the first: a machine that is starved again and again
 * must still notice the dead. */
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
