/* SPDX-License-Identifier: Apache-2.0 */
/* The condition `reaches` of this tree. */
#include "candidate.h"

#include "alarm/condition.h"

#include <math.h>
#include <stdlib.h>

struct tocsin {
	struct gw_condition_opts o;
	void *memory;
	bool condition_true;
};

static void start(void *memory, const struct job *job)
{
	struct tocsin *m = memory;

	m->o = (struct gw_condition_opts){.kind = &gw_condition_reaches,
		.limit = job->limit,
		.window_ns = (int64_t)(job->within_s * 1e9),
		.fit_ns = (int64_t)(job->fit_s * 1e9)};
	m->memory = calloc(1, gw_condition_memory(&m->o));
}

static bool sample(void *memory, double t_s, double value)
{
	struct tocsin *m = memory;
	int64_t now_ns = (llround(t_s * 1000) + 1000) * 1000000;
	struct gw_sample s = {
		.quality = GW_QUALITY_GOOD, .value = value, .boot_ns = now_ns};
	struct gw_condition_result result = {
		.condition_true = m->condition_true, .eta_ms = -1};
	struct gw_condition_input in = {
		.sample = &s, .member = GW_NO_MEMBER, .now_ns = now_ns};

	if (m->o.kind->absorb(&m->o, m->memory, &s, now_ns) || m->condition_true) {
		m->o.kind->evaluate(&m->o, m->memory, &in, &result);
		m->condition_true = result.condition_true;
	}
	return m->condition_true;
}

const struct candidate candidate_tocsin = {"tocsin", sizeof(struct tocsin), start, sample};
