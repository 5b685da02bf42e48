/* SPDX-License-Identifier: Apache-2.0 */
/* suppression_fixture.h: an alarm that another one suppresses. */
#ifndef SUPPRESSION_FIXTURE_H
#define SUPPRESSION_FIXTURE_H

#include "engine_fixture.h"

static struct gw_member gate[4];

enum { GATE, HELD };

/* An alarm on point 0 holds back one on point `point`. */
static inline struct gw_alarm_opts *suppressed_on(int point)
{
	struct gw_alarm_opts *a;

	fixture_when(fixture_alarm("gate", 0, &gw_condition_above))->limit = 50;
	a = fixture_alarm("held", point, &gw_condition_above);
	fixture_when(a)->limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	return a;
}

static inline void reload(int64_t at_ns)
{
	struct gw_engine *next = fixture_engine();

	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns), NULL, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	fixture_pass(at_ns);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
