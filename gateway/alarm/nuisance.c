/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/nuisance.h"

#include "alarm/kinds.h"

#include <string.h>

/* ---- chattering: an alarm raised three times within a minute ---- */

struct chattering {
	uint64_t n;
};

static size_t chattering_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct chattering);
}

void gw_chattering_set(void *memory, uint32_t how_many)
{
	((struct chattering *)memory)->n = how_many;
}

uint32_t gw_chattering_get(const void *memory)
{
	return (uint32_t)((const struct chattering *)memory)->n;
}

static void ask_chattering(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_answer *answer)
{
	const struct chattering *m = memory;

	(void)o, (void)in;
	answer->truth = m->n > 0;
	answer->value = (double)m->n;
}

static void describe_chattering(const struct gw_condition_opts *o, struct gw_text *t)
{
	(void)o;
	gw_text_add(t, "3 activations within 1min");
}

static const struct gw_setting no_settings[] = {{0}};

const struct gw_condition_kind gw_chattering = {
	.key = "chattering",
	.settings = no_settings,
	.memory = chattering_memory,
	.ask = ask_chattering,
	.describe = describe_chattering,
};

/* ---- flood ---- */

struct flood {
	int64_t raised_ns[GW_FLOOD_MOST + 1]; /* newest first, each of another alarm */
	uint32_t alarm[GW_FLOOD_MOST + 1];
	uint32_t n; /* of them known */
	uint32_t held;
	bool lasts;
};

static size_t flood_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct flood);
}

static int64_t flood_end_ns(const struct flood *f)
{
	return f->raised_ns[GW_FLOOD_FEW - 1] + GW_FLOOD_NS;
}

bool gw_flood_raised(void *memory, uint32_t alarm, int64_t at_ns)
{
	struct flood *f = memory;
	uint32_t at = 0;

	if (f->lasts && flood_end_ns(f) <= at_ns)
		f->lasts = false;
	while (at < f->n && f->alarm[at] != alarm)
		at++;
	if (at == f->n && f->n <= GW_FLOOD_MOST)
		f->n++;
	if (at > GW_FLOOD_MOST)
		at = GW_FLOOD_MOST;
	memmove(&f->raised_ns[1], &f->raised_ns[0], at * sizeof f->raised_ns[0]);
	memmove(&f->alarm[1], &f->alarm[0], at * sizeof f->alarm[0]);
	f->raised_ns[0] = at_ns;
	f->alarm[0] = alarm;
	if (f->n > GW_FLOOD_MOST && at_ns - f->raised_ns[GW_FLOOD_MOST] < GW_FLOOD_NS)
		f->lasts = true;
	return f->lasts;
}

void gw_flood_held(void *memory)
{
	((struct flood *)memory)->held++;
}

bool gw_flood_lasts(const void *memory)
{
	return ((const struct flood *)memory)->lasts;
}

static void ask_flooding(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_answer *answer)
{
	struct flood *f = memory;

	(void)o;
	if (f->lasts && flood_end_ns(f) <= in->now_ns)
		f->lasts = false;
	answer->truth = f->lasts && f->held > 0;
	answer->value = (double)f->held;
	if (answer->truth)
		answer->due_ns = flood_end_ns(f);
	else
		f->held = 0;
}

static void describe_flooding(const struct gw_condition_opts *o, struct gw_text *t)
{
	(void)o;
	gw_text_addf(t, "more than %d alarms within 10min", GW_FLOOD_MOST);
}

const struct gw_condition_kind gw_flooding = {
	.key = "flood",
	.settings = no_settings,
	.memory = flood_memory,
	.ask = ask_flooding,
	.describe = describe_flooding,
};
