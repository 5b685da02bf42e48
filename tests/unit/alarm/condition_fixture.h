/* SPDX-License-Identifier: Apache-2.0 */
/* condition_fixture.h: one condition evaluated by itself, without an engine. */
#ifndef CONDITION_FIXTURE_H
#define CONDITION_FIXTURE_H

#include "alarm/condition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gw_condition_opts o;

static struct gw_condition_result result;

static void *memory; /* just as long as the kind asks for */

static bool condition_true, more;

static inline void begin(const struct gw_condition_kind *kind)
{
	size_t size;

	o.kind = kind;
	size = kind->memory ? kind->memory(&o) : 0;
	free(memory);
	memory = size ? calloc(1, size) : NULL;
	condition_true = false;
}

static inline int setup(void **unused)
{
	(void)unused;
	memset(&o, 0, sizeof o);
	return 0;
}

static inline int teardown(void **unused)
{
	(void)unused;
	free(memory);
	memory = NULL;
	return 0;
}

static inline bool evaluate(struct gw_condition_input in)
{
	result = (struct gw_condition_result){.condition_true = condition_true,
		.value = (double)NAN,
		.limit = (double)NAN,
		.due_ns = INT64_MAX,
		.eta_ms = -1};
	o.kind->evaluate(&o, memory, &in, &result);
	return condition_true = result.condition_true;
}

static inline bool feed(int64_t now_ns, double value)
{
	const struct gw_sample s = {
		.quality = GW_QUALITY_GOOD, .boot_ns = now_ns, .value = value};

	more = o.kind->absorb && o.kind->absorb(&o, memory, &s, now_ns);
	return evaluate((struct gw_condition_input){
		.sample = &s, .member = GW_NO_MEMBER, .now_ns = now_ns});
}

static inline bool tick(int64_t now_ns)
{
	return evaluate(
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = now_ns});
}

static inline struct gw_table number(const double *cell)
{
	return (struct gw_table){1, 1, cell};
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
