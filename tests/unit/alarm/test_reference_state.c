/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine against a slow and simple one that takes time a unit at a time and keeps
 * counts instead of dates: whether it is true, how long it has been so, whether anybody must still
 * acknowledge or reset, how long ago it was last raised.
 *
 * Looked at as the engine does, whenever it says that something is due; or, as after a sleep,
 * only when something is done to it.
 */
#include "state_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LOG_MAX 2048

/* ---- what happens ---- */

struct emitted {
	size_t n;
	struct log_entry {
		int64_t at; /* in units */
		int change; /* enum gw_change, or REFUSED; SEEN is what a reader sees */
		int state;
		bool unannounced, repeated, deferred, active, chattering;
	} at[LOG_MAX];
};

enum { REFUSED = 100, SEEN };

static struct log_entry *log_add(struct emitted *t, int64_t at, int change, int state)
{
	struct log_entry *s = &t->at[t->n++];

	assert_true(t->n < LOG_MAX);
	*s = (struct log_entry){.at = at, .change = change, .state = state};
	return s;
}

/* ---- the slow one ---- */

static struct slow {
	bool condition_true, active, needs_ack, needs_reset, shelved, design, service,
		chattering;
	bool raise_unannounced, needed_ack,
		needed_reset;   /* raised on the shelf; and needed before that */
	int64_t unchanged_for;  /* since truth turned */
	int64_t since_notified; /* since raised, acknowledged or off its shelf */
	int64_t shelf_left;
	int64_t raised_for[LOG_MAX]; /* each raise: so long ago */
	size_t n_raised;
	int64_t at;
	struct emitted *emitted;
} slow;

static enum gw_state slow_shown(void)
{
	if (slow.shelved)
		return GW_STATE_SHELVED;
	if (slow.service)
		return GW_STATE_OUT_OF_SERVICE;
	if (slow.design && (slow.condition_true || slow.active))
		return GW_STATE_SUPPRESSED;
	if (slow.active)
		return slow.needs_ack ? GW_STATE_ACTIVE_UNACKED : GW_STATE_ACTIVE_ACKED;
	if (slow.needs_reset)
		return slow.needs_ack ? GW_STATE_LATCHED_UNACKED : GW_STATE_LATCHED_ACKED;
	return slow.needs_ack ? GW_STATE_RETURNED_UNACKED : GW_STATE_NORMAL;
}

static struct log_entry *slow_log(int change)
{
	return log_add(slow.emitted, slow.at, change, (int)slow_shown());
}

static void slow_raise(void)
{
	int lately = 0;

	slow.raised_for[slow.n_raised++] = 0;
	for (size_t i = 0; i < slow.n_raised; i++)
		lately += slow.raised_for[i] < scenario.minute;
	slow.chattering |= lately >= 3;
	if (slow.shelved && !slow.raise_unannounced) {
		slow.raise_unannounced = true;
		slow.needed_ack = slow.needs_ack;
		slow.needed_reset = slow.needs_reset;
	}
	slow.active = slow.needs_ack = true;
	slow.needs_reset = scenario.latch;
	slow.since_notified = 0;
	slow_log(GW_CHANGE_RAISED)->unannounced = slow.shelved;
}

static void slow_delays(void)
{
	int64_t off_delay = scenario.off_delay;

	if (scenario.hold_while_chattering && slow.chattering &&
		off_delay < scenario.minute)
		off_delay = scenario.minute;
	if (slow.condition_true && !slow.active && !slow.design && !slow.service &&
		slow.unchanged_for >= scenario.on_delay) {
		slow_raise();
	} else if (!slow.condition_true && slow.active && slow.unchanged_for >= off_delay) {
		slow.active = false;
		slow_log(GW_CHANGE_CLEARED)->unannounced = slow.shelved;
	}
}

static void slow_unshelve(void)
{
	bool active = slow.active, latched = !active && slow.needs_reset;
	bool news = slow.raise_unannounced && (active || latched);

	slow.shelved = slow.raise_unannounced = false;
	slow.since_notified = 0;
	if (news) { /* it was not announced yet */
		slow.active = false;
		slow.needs_ack = slow.needed_ack;
		slow.needs_reset = slow.needed_reset;
	}
	slow_log(GW_CHANGE_UNSHELVED);
	if (!news || (active && (slow.design || slow.service)))
		return;
	slow.active = slow.needs_ack = true;
	slow.needs_reset = scenario.latch;
	slow_log(GW_CHANGE_RAISED)->deferred = true;
	if (latched) {
		slow.active = false;
		slow_log(GW_CHANGE_CLEARED);
	}
}

static void slow_repeat(void)
{
	if (scenario.re_alarm == 0 || slow.since_notified < scenario.re_alarm ||
		!slow.active || slow.shelved || slow.design || slow.service)
		return;
	slow.needs_ack = true;
	slow.since_notified = 0;
	slow_log(GW_CHANGE_RAISED)->repeated = true;
}

static void slow_run_due(void)
{
	slow_delays();
	if (slow.shelved && slow.shelf_left <= 0)
		slow_unshelve();
	if (slow.unchanged_for >= scenario.minute)
		slow.chattering = false;
	if (scenario.live)
		slow_repeat();
}

static void slow_tick(void)
{
	slow_run_due(); /* all samples of this moment have been heard */
	slow.at++;
	slow.unchanged_for++;
	slow.since_notified++;
	slow.shelf_left--;
	for (size_t i = 0; i < slow.n_raised; i++)
		slow.raised_for[i]++;
}

static void slow_service(bool on)
{
	bool stood = slow.raise_unannounced
		? slow.needed_ack || slow.needed_reset
		: slow.active || slow.needs_ack || slow.needs_reset;
	bool shelved = slow.shelved;

	slow.service = on;
	if (!on)
		return;
	slow.active = slow.needs_ack = slow.needs_reset = false;
	slow.shelved = slow.chattering = slow.raise_unannounced = false;
	if (stood || shelved)
		slow_log(stood ? GW_CHANGE_CLEARED : GW_CHANGE_UNSHELVED);
}

/* A command; false: refused. */
static bool slow_command(const struct action *a)
{
	if (a->kind == UNSHELVE) {
		if (slow.shelved)
			slow_unshelve();
		else
			return false;
	} else if (slow.service) {
		return false;
	} else if (a->kind == SHELVE) {
		if (a->by <= 0)
			return false;
		slow.shelved = true;
		slow.shelf_left = a->by;
		slow_log(GW_CHANGE_SHELVED);
	} else if (slow.shelved) {
		return false;
	} else if (a->kind == ACK) {
		if (!slow.needs_ack)
			return false;
		slow.needs_ack = false;
		slow.since_notified = 0;
		slow_log(GW_CHANGE_ACKED);
	} else {
		if (slow.active || slow.needs_ack || !slow.needs_reset)
			return false;
		slow.needs_reset = false;
		slow_log(GW_CHANGE_RESET);
	}
	return true;
}

static void slow_run(const struct action *a)
{
	/* a delay of no length ends at once, and so does one that suppression kept waiting */
	bool turns = a->kind == CONDITION ? a->on != slow.condition_true
					  : !comes_with_samples(a) || !a->on;

	if (!comes_with_samples(a))
		slow_run_due();
	if (!comes_with_samples(a) || slow.since_notified > scenario.re_alarm)
		slow_repeat();
	switch (a->kind) {
	case CONDITION:
		if (a->on != slow.condition_true)
			slow.unchanged_for = 0;
		slow.condition_true = a->on;
		break;
	case DESIGN: slow.design = a->on; break;
	case SERVICE: slow_service(a->on); break;
	case ACK:
	case RESET:
	case SHELVE:
	case UNSHELVE:
		if (!slow_command(a))
			slow_log(REFUSED);
		break;
	case LOOK: break;
	}
	if (turns)
		slow_delays();
	if (scenario.live && last_of_its_moment(a))
		slow_run_due();
}

static void slow_view(void)
{
	struct log_entry *s = slow_log(SEEN);

	s->active = slow.active;
	s->chattering = slow.chattering;
}

static void run_scenario_slow(struct emitted *t)
{
	memset(&slow, 0, offsetof(struct slow, raised_for));
	slow.n_raised = 0;
	slow.at = 0;
	slow.emitted = t;
	t->n = 0;
	for (size_t i = 0; i < scenario.n; i++) {
		while (slow.at < scenario.action[i].at)
			slow_tick();
		slow_run(&scenario.action[i]);
		slow_view();
	}
}

/* ---- the one that is used ---- */

static struct {
	struct gw_alarm_state state;
	struct gw_state_opts state_opts;
	int64_t last_ns; /* looked at */
	struct emitted *emitted;
} quick;

static void fast_log(const struct gw_transitions *transitions)
{
	for (unsigned i = 0; i < transitions->n; i++) {
		const struct gw_transition *m = &transitions->at[i];
		struct log_entry *s = log_add(
			quick.emitted, m->at_ns / scenario.unit_ns, m->change, m->state);

		assert_int_equal(m->at_ns % scenario.unit_ns, 0);
		s->unannounced = m->unannounced;
		s->repeated = m->repeated;
		s->deferred = m->deferred;
	}
}

/* Something happens whenever it says so, and then; what was suppressed, at its end. */
static void fast_run_due(int64_t now_ns)
{
	for (int64_t due_ns;
		(due_ns = gw_state_due_ns(&quick.state, &quick.state_opts)) <= now_ns;) {
		bool chattering = quick.state.chattering;
		struct gw_transitions transitions = {0};

		if (due_ns < quick.last_ns)
			due_ns = quick.last_ns;
		quick.last_ns = due_ns;
		gw_state_advance(&quick.state, &quick.state_opts, due_ns, &transitions);
		assert_true(transitions.n || quick.state.chattering != chattering);
		for (unsigned i = 0; i < transitions.n; i++)
			assert_int_equal(transitions.at[i].at_ns, due_ns);
		fast_log(&transitions);
	}
}

static const char *fast_command(
	const struct action *a, int64_t now_ns, struct gw_transitions *transitions)
{
	switch (a->kind) {
	case ACK: return gw_state_ack(&quick.state, now_ns, transitions);
	case RESET: return gw_state_reset(&quick.state, now_ns, transitions);
	case SHELVE:
		return gw_state_shelve(
			&quick.state, now_ns, a->by * scenario.unit_ns, transitions);
	case UNSHELVE: return gw_state_unshelve(&quick.state, now_ns, transitions);
	case CONDITION:
	case DESIGN:
	case SERVICE:
	case LOOK: break;
	}
	return NULL;
}

static void fast_run(const struct action *a)
{
	int64_t now_ns = a->at * scenario.unit_ns;
	struct gw_transitions transitions = {0};

	quick.last_ns = now_ns;
	if (a->kind == CONDITION) { /* they look at the time themselves */
		gw_state_set_condition(
			&quick.state, &quick.state_opts, now_ns, a->on, &transitions);
	} else if (a->kind == DESIGN || a->kind == SERVICE) {
		gw_state_set_suppressed(&quick.state, &quick.state_opts, now_ns,
			a->kind == DESIGN ? GW_SUPPRESSED_BY_DESIGN
					  : GW_SUPPRESSED_BY_SERVICE,
			a->on, &transitions);
	} else {
		gw_state_advance(&quick.state, &quick.state_opts, now_ns, &transitions);
		fast_log(&transitions);
		transitions.n = 0;
		if (fast_command(a, now_ns, &transitions))
			log_add(quick.emitted, a->at, REFUSED,
				(int)gw_state_shown(&quick.state));
	}
	fast_log(&transitions);
}

static void run_scenario_fast(struct emitted *t)
{
	quick.state_opts = (struct gw_state_opts){
		.on_delay_ns = scenario.on_delay * scenario.unit_ns,
		.off_delay_ns = scenario.off_delay * scenario.unit_ns,
		.re_alarm_ns = scenario.re_alarm * scenario.unit_ns,
		.latch = scenario.latch,
		.hold_while_chattering = scenario.hold_while_chattering,
	};
	quick.state = (struct gw_alarm_state)GW_STATE_INIT;
	quick.last_ns = 0;
	quick.emitted = t;
	t->n = 0;
	for (size_t i = 0; i < scenario.n; i++) {
		const struct action *a = &scenario.action[i];
		struct log_entry *s;

		if (scenario.live)
			fast_run_due(a->at * scenario.unit_ns - 1);
		fast_run(a);
		if (scenario.live && last_of_its_moment(a))
			fast_run_due(a->at * scenario.unit_ns);
		s = log_add(t, a->at, SEEN, (int)gw_state_shown(&quick.state));
		s->active = gw_state_active(&quick.state);
		s->chattering = quick.state.chattering;
	}
}

/* ---- both ---- */

static struct {
	unsigned long raised, repeated, deferred, unannounced, cleared, refused, chattering,
		suppressed;
} seen;

static void count(const struct log_entry *s)
{
	seen.raised += s->change == GW_CHANGE_RAISED && !s->repeated;
	seen.repeated += s->repeated;
	seen.deferred += s->deferred;
	seen.unannounced += s->unannounced;
	seen.cleared += s->change == GW_CHANGE_CLEARED;
	seen.refused += s->change == REFUSED;
	seen.chattering += s->chattering;
	seen.suppressed += s->state == GW_STATE_SUPPRESSED;
}

static void the_state_machine_agrees_with_the_reference(void **unused)
{
	static struct emitted must, is;
	unsigned long some = reference_sequences() / 10;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		random_scenario();
		run_scenario_slow(&must);
		run_scenario_fast(&is);
		for (size_t k = 0; k < must.n; k++) {
			const struct log_entry *a = &must.at[k], *b = &is.at[k];

			assert_true(k < is.n);
			assert_int_equal(a->at, b->at);
			assert_int_equal(a->change, b->change);
			assert_int_equal(a->state, b->state);
			assert_int_equal(a->unannounced, b->unannounced);
			assert_int_equal(a->repeated, b->repeated);
			assert_int_equal(a->deferred, b->deferred);
			assert_int_equal(a->active, b->active);
			assert_int_equal(a->chattering, b->chattering);
			count(a);
		}
		assert_int_equal(must.n, is.n);
	}
	assert_true(seen.raised > some && seen.repeated > some && seen.unannounced > some);
	assert_true(seen.deferred > some / 4);
	assert_true(seen.cleared > some && seen.refused > some);
	assert_true(seen.chattering > some && seen.suppressed > some);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_machine_agrees_with_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
