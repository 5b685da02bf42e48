/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/chatter_flood.h"

#include "alarm/condition_internal.h"

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

void gw_chatter_set_count(void *memory, uint32_t n)
{
	((struct chattering *)memory)->n = n;
}

uint32_t gw_chatter_count(const void *memory)
{
	return (uint32_t)((const struct chattering *)memory)->n;
}

static void evaluate_chattering(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	const struct chattering *m = memory;

	(void)o, (void)in;
	result->condition_true = m->n > 0;
	result->value = (double)m->n;
}

static void describe_chattering(const struct gw_condition_opts *o, struct gw_text *t)
{
	(void)o;
	gw_text_add(t, "3 activations within 1min");
}

static const struct gw_setting no_settings[] = {{0}};

const struct gw_condition_kind gw_condition_chattering = {
	.key = "chattering",
	.settings = no_settings,
	.memory = chattering_memory,
	.evaluate = evaluate_chattering,
	.describe = describe_chattering,
};

/* ---- flood ---- */

struct flood {
	/* newest first, each of another alarm */
	int64_t raised_ns[GW_FLOOD_BEGINS_ABOVE + 1];
	uint32_t alarm[GW_FLOOD_BEGINS_ABOVE + 1];
	uint32_t n; /* entries of both */
	uint32_t n_withheld;
	bool active;
};

static size_t flood_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct flood);
}

static int64_t flood_end_ns(const struct flood *f)
{
	return f->raised_ns[GW_FLOOD_ENDS_BELOW - 1] + GW_FLOOD_WINDOW_NS;
}

bool gw_flood_detector_raise(void *memory, uint32_t alarm, int64_t at_ns)
{
	struct flood *f = memory;
	uint32_t at = 0;

	if (f->active && flood_end_ns(f) <= at_ns)
		f->active = false;
	while (at < f->n && f->alarm[at] != alarm)
		at++;
	if (at == f->n && f->n <= GW_FLOOD_BEGINS_ABOVE)
		f->n++;
	if (at > GW_FLOOD_BEGINS_ABOVE)
		at = GW_FLOOD_BEGINS_ABOVE;
	memmove(&f->raised_ns[1], &f->raised_ns[0], at * sizeof f->raised_ns[0]);
	memmove(&f->alarm[1], &f->alarm[0], at * sizeof f->alarm[0]);
	f->raised_ns[0] = at_ns;
	f->alarm[0] = alarm;
	if (f->n > GW_FLOOD_BEGINS_ABOVE &&
		at_ns - f->raised_ns[GW_FLOOD_BEGINS_ABOVE] < GW_FLOOD_WINDOW_NS)
		f->active = true;
	return f->active;
}

void gw_flood_detector_withhold(void *memory)
{
	((struct flood *)memory)->n_withheld++;
}

bool gw_flood_detector_active(const void *memory)
{
	return ((const struct flood *)memory)->active;
}

static void evaluate_flood(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct flood *f = memory;

	(void)o;
	if (f->active && flood_end_ns(f) <= in->now_ns)
		f->active = false;
	result->condition_true = f->active && f->n_withheld > 0;
	result->value = (double)f->n_withheld;
	if (result->condition_true)
		result->due_ns = flood_end_ns(f);
	else
		f->n_withheld = 0;
}

static void describe_flood(const struct gw_condition_opts *o, struct gw_text *t)
{
	(void)o;
	gw_text_addf(t, "more than %d alarms within 10min", GW_FLOOD_BEGINS_ABOVE);
}

static const struct gw_setting flood_derived[] = {
	{.key = "level",
		.type = GW_SET_CHOICE,
		.offset = GW_CONDITION_FIELD(max_withheld_level)},
	{.key = NULL},
};

const struct gw_condition_kind gw_condition_flood = {
	.key = "flood",
	.settings = no_settings,
	.derived = flood_derived,
	.memory = flood_memory,
	.evaluate = evaluate_flood,
	.describe = describe_flood,
};
