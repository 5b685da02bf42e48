/* SPDX-License-Identifier: Apache-2.0 */
/* state_fixture.h: one alarm state, the calls that tests make on it, and its last transitions. */
#ifndef STATE_FIXTURE_H
#define STATE_FIXTURE_H

#include "alarm/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static struct gw_alarm_state state;

static struct gw_state_opts state_opts;

static struct gw_transitions transitions;

static inline int setup(void **unused)
{
	(void)unused;
	state = (struct gw_alarm_state)GW_STATE_INIT;
	state_opts = (struct gw_state_opts){0};
	transitions = (struct gw_transitions){0};
	return 0;
}

static inline void condition_true(int64_t at_ns, bool is)
{
	transitions.n = 0;
	gw_state_set_condition(&state, &state_opts, at_ns, is, &transitions);
}

static inline void pass(int64_t at_ns)
{
	transitions.n = 0;
	gw_state_advance(&state, &state_opts, at_ns, &transitions);
}

static inline void expect(
	unsigned i, enum gw_change change, enum gw_state now, int64_t at_ns)
{
	assert_true(i < transitions.n);
	assert_int_equal(transitions.at[i].change, change);
	assert_int_equal(transitions.at[i].state, now);
	assert_int_equal(transitions.at[i].at_ns, at_ns);
}

static inline void suppress(int64_t at_ns, enum gw_suppressed_by why, bool on)
{
	transitions.n = 0;
	gw_state_set_suppressed(&state, &state_opts, at_ns, why, on, &transitions);
}

#endif
