/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine beside a slow and obvious one that takes time a unit at a time and keeps
 * counts instead of dates: whether it is true, how long it has been so, whether anybody must still
 * acknowledge or reset, how long ago it was last raised.
 *
 * Looked at as the engine does, whenever it says that something is due; or, as after a sleep,
 * only when something is done to it.
 */
#include "alarm/state.h"

#include "reference_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ACTS_MOST 32
#define TOLD_MOST 2048
#define S         INT64_C(1000000000)

/* ---- what is done to it ---- */

enum act_kind { TRUTH, DESIGN, SERVICE, ACK, RESET, SHELVE, UNSHELVE, LOOK };

struct act {
	int64_t at; /* in units, not falling */
	enum act_kind kind;
	bool on;    /* TRUTH, DESIGN, SERVICE */
	int64_t by; /* SHELVE: for so many units */
};

static struct {
	int64_t unit_ns;
	int64_t minute; /* in units, like all below */
	int64_t on_delay, off_delay, re_alarm;
	bool latch, hold_chatter;
	bool live; /* looked at whenever something is due */
	struct act act[ACTS_MOST];
	size_t n;
} story;

static void random_act(struct act *a, bool restless)
{
	a->kind = pick(restless ? 4 : 2) ? TRUTH : (enum act_kind)pick(LOOK + 1);
	a->on = pick(2);
	a->by = pick(16) ? 1 + pick(10) : pick(3) - 1;
}

static void random_story(void)
{
	static const int64_t units_s[] = {10, 20, 60};
	bool restless = pick(2), long_delays = pick(4) == 0;
	int64_t at = 0;

	story.unit_ns = units_s[pick(3)] * S;
	story.minute = 60 * S / story.unit_ns;
	story.on_delay = pick(2) ? pick(long_delays ? 12 : 4) : 0;
	story.off_delay = pick(2) ? pick(long_delays ? 12 : 4) : 0;
	story.re_alarm = pick(2) ? 1 + pick(8) : 0;
	story.latch = pick(3) == 0;
	story.hold_chatter = pick(2);
	story.live = pick(2);
	story.n = (size_t)(1 + pick(ACTS_MOST));
	for (size_t i = 0; i < story.n; i++) {
		at += pick(8) ? pick(3) : pick(16);
		story.act[i].at = at;
		random_act(&story.act[i], restless);
		if (story.act[i].kind == TRUTH && restless && pick(4)) /* it turns */
			story.act[i].on = i % 2 == 0;
	}
	story.act[story.n - 1].kind = LOOK;
}

/* ---- what is told of it ---- */

struct told {
	size_t n;
	struct saying {
		int64_t at; /* in units */
		int change; /* enum gw_change, or REFUSED; SEEN is what a reader sees */
		int state;
		bool silent, again, deferred, active, chattering;
	} at[TOLD_MOST];
};

enum { REFUSED = 100, SEEN };

static struct saying *say(struct told *t, int64_t at, int change, int state)
{
	struct saying *s = &t->at[t->n++];

	assert_true(t->n < TOLD_MOST);
	*s = (struct saying){.at = at, .change = change, .state = state};
	return s;
}

/* ---- the slow one ---- */

static struct slow {
	bool truth, active, needs_ack, needs_reset, shelved, design, service, chattering;
	bool untold, knew_ack, knew_reset; /* raised on the shelf; and needed before that */
	int64_t as_it_is_for;              /* since truth turned */
	int64_t unsaid_for;                /* since raised, acknowledged or off its shelf */
	int64_t shelf_left;
	int64_t raised_for[TOLD_MOST]; /* each raise: so long ago */
	size_t n_raised;
	int64_t at;
	struct told *told;
} slow;

static enum gw_state slow_shown(void)
{
	if (slow.shelved)
		return GW_STATE_SHELVED;
	if (slow.service)
		return GW_STATE_OUT_OF_SERVICE;
	if (slow.design && (slow.truth || slow.active))
		return GW_STATE_SUPPRESSED;
	if (slow.active)
		return slow.needs_ack ? GW_STATE_ACTIVE_UNACKED : GW_STATE_ACTIVE_ACKED;
	if (slow.needs_reset)
		return slow.needs_ack ? GW_STATE_LATCHED_UNACKED : GW_STATE_LATCHED_ACKED;
	return slow.needs_ack ? GW_STATE_RETURNED_UNACKED : GW_STATE_NORMAL;
}

static struct saying *slow_say(int change)
{
	return say(slow.told, slow.at, change, (int)slow_shown());
}

static void slow_raise(void)
{
	int lately = 0;

	slow.raised_for[slow.n_raised++] = 0;
	for (size_t i = 0; i < slow.n_raised; i++)
		lately += slow.raised_for[i] < story.minute;
	slow.chattering |= lately >= 3;
	if (slow.shelved && !slow.untold) {
		slow.untold = true;
		slow.knew_ack = slow.needs_ack;
		slow.knew_reset = slow.needs_reset;
	}
	slow.active = slow.needs_ack = true;
	slow.needs_reset = story.latch;
	slow.unsaid_for = 0;
	slow_say(GW_CHANGE_RAISED)->silent = slow.shelved;
}

static void slow_delays(void)
{
	int64_t off_delay = story.off_delay;

	if (story.hold_chatter && slow.chattering && off_delay < story.minute)
		off_delay = story.minute;
	if (slow.truth && !slow.active && !slow.design && !slow.service &&
		slow.as_it_is_for >= story.on_delay) {
		slow_raise();
	} else if (!slow.truth && slow.active && slow.as_it_is_for >= off_delay) {
		slow.active = false;
		slow_say(GW_CHANGE_CLEARED)->silent = slow.shelved;
	}
}

static void slow_off_the_shelf(void)
{
	bool active = slow.active, latched = !active && slow.needs_reset;
	bool news = slow.untold && (active || latched);

	slow.shelved = slow.untold = false;
	slow.unsaid_for = 0;
	if (news) { /* to those who know nothing of it yet */
		slow.active = false;
		slow.needs_ack = slow.knew_ack;
		slow.needs_reset = slow.knew_reset;
	}
	slow_say(GW_CHANGE_UNSHELVED);
	if (!news || (active && (slow.design || slow.service)))
		return;
	slow.active = slow.needs_ack = true;
	slow.needs_reset = story.latch;
	slow_say(GW_CHANGE_RAISED)->deferred = true;
	if (latched) {
		slow.active = false;
		slow_say(GW_CHANGE_CLEARED);
	}
}

static void slow_look(void)
{
	if (story.re_alarm == 0 || slow.unsaid_for < story.re_alarm || !slow.active ||
		slow.shelved || slow.design || slow.service)
		return;
	slow.needs_ack = true;
	slow.unsaid_for = 0;
	slow_say(GW_CHANGE_RAISED)->again = true;
}

static void slow_what_is_due(void)
{
	slow_delays();
	if (slow.shelved && slow.shelf_left <= 0)
		slow_off_the_shelf();
	if (slow.as_it_is_for >= story.minute)
		slow.chattering = false;
	if (story.live)
		slow_look();
}

static void slow_unit(void)
{
	slow.at++;
	slow.as_it_is_for++;
	slow.unsaid_for++;
	slow.shelf_left--;
	for (size_t i = 0; i < slow.n_raised; i++)
		slow.raised_for[i]++;
	slow_what_is_due();
}

static void slow_service(bool on)
{
	bool stood = slow.untold ? slow.knew_ack || slow.knew_reset
				 : slow.active || slow.needs_ack || slow.needs_reset;
	bool shelved = slow.shelved;

	slow.service = on;
	if (!on)
		return;
	slow.active = slow.needs_ack = slow.needs_reset = false;
	slow.shelved = slow.chattering = slow.untold = false;
	if (stood || shelved)
		slow_say(stood ? GW_CHANGE_CLEARED : GW_CHANGE_UNSHELVED);
}

/* A person's word; false: refused. */
static bool slow_word(const struct act *a)
{
	if (a->kind == UNSHELVE) {
		if (slow.shelved)
			slow_off_the_shelf();
		else
			return false;
	} else if (slow.service) {
		return false;
	} else if (a->kind == SHELVE) {
		if (a->by <= 0)
			return false;
		slow.shelved = true;
		slow.shelf_left = a->by;
		slow_say(GW_CHANGE_SHELVED);
	} else if (slow.shelved) {
		return false;
	} else if (a->kind == ACK) {
		if (!slow.needs_ack)
			return false;
		slow.needs_ack = false;
		slow.unsaid_for = 0;
		slow_say(GW_CHANGE_ACKED);
	} else {
		if (slow.active || slow.needs_ack || !slow.needs_reset)
			return false;
		slow.needs_reset = false;
		slow_say(GW_CHANGE_RESET);
	}
	return true;
}

static void slow_act(const struct act *a)
{
	slow_what_is_due();
	slow_look();
	switch (a->kind) {
	case TRUTH:
		if (a->on != slow.truth)
			slow.as_it_is_for = 0;
		slow.truth = a->on;
		break;
	case DESIGN: slow.design = a->on; break;
	case SERVICE: slow_service(a->on); break;
	case ACK:
	case RESET:
	case SHELVE:
	case UNSHELVE:
		if (!slow_word(a))
			slow_say(REFUSED);
		break;
	case LOOK: break;
	}
	slow_delays();
	if (story.live)
		slow_what_is_due();
}

static void slow_see(void)
{
	struct saying *s = slow_say(SEEN);

	s->active = slow.active;
	s->chattering = slow.chattering;
}

static void tell_slow(struct told *t)
{
	memset(&slow, 0, offsetof(struct slow, raised_for));
	slow.n_raised = 0;
	slow.at = 0;
	slow.told = t;
	t->n = 0;
	for (size_t i = 0; i < story.n; i++) {
		while (slow.at < story.act[i].at)
			slow_unit();
		slow_act(&story.act[i]);
		slow_see();
	}
}

/* ---- the one that is used ---- */

static struct {
	struct gw_alarm_state state;
	struct gw_state_rules rules;
	int64_t last_ns; /* looked at */
	struct told *told;
} quick;

static void quick_say(const struct gw_moves *moves)
{
	for (unsigned i = 0; i < moves->n; i++) {
		const struct gw_move *m = &moves->move[i];
		struct saying *s = say(
			quick.told, m->at_ns / story.unit_ns, m->change, m->state);

		assert_int_equal(m->at_ns % story.unit_ns, 0);
		s->silent = m->silent;
		s->again = m->again;
		s->deferred = m->deferred;
	}
}

/* Something happens whenever it says so, and then; what a hold kept waiting, at its end. */
static void quick_due(int64_t now_ns)
{
	for (int64_t due_ns;
		(due_ns = gw_state_due(&quick.state, &quick.rules)) <= now_ns;) {
		bool chattering = quick.state.chattering;
		struct gw_moves moves = {0};

		if (due_ns < quick.last_ns)
			due_ns = quick.last_ns;
		quick.last_ns = due_ns;
		gw_state_time(&quick.state, &quick.rules, due_ns, &moves);
		assert_true(moves.n || quick.state.chattering != chattering);
		for (unsigned i = 0; i < moves.n; i++)
			assert_int_equal(moves.move[i].at_ns, due_ns);
		quick_say(&moves);
	}
}

static const char *quick_word(const struct act *a, int64_t now_ns, struct gw_moves *moves)
{
	switch (a->kind) {
	case ACK: return gw_state_ack(&quick.state, now_ns, moves);
	case RESET: return gw_state_reset(&quick.state, now_ns, moves);
	case SHELVE:
		return gw_state_shelve(&quick.state, now_ns, a->by * story.unit_ns, moves);
	case UNSHELVE: return gw_state_unshelve(&quick.state, now_ns, moves);
	case TRUTH:
	case DESIGN:
	case SERVICE:
	case LOOK: break;
	}
	return NULL;
}

static void quick_act(const struct act *a)
{
	int64_t now_ns = a->at * story.unit_ns;
	struct gw_moves moves = {0};

	quick.last_ns = now_ns;
	if (a->kind == TRUTH) { /* they look at the time themselves */
		gw_state_truth(&quick.state, &quick.rules, now_ns, a->on, &moves);
	} else if (a->kind == DESIGN || a->kind == SERVICE) {
		gw_state_hold(&quick.state, &quick.rules, now_ns,
			a->kind == DESIGN ? GW_HOLD_DESIGN : GW_HOLD_SERVICE, a->on,
			&moves);
	} else {
		gw_state_time(&quick.state, &quick.rules, now_ns, &moves);
		quick_say(&moves);
		moves.n = 0;
		if (quick_word(a, now_ns, &moves))
			say(quick.told, a->at, REFUSED, (int)gw_state_shown(&quick.state));
	}
	quick_say(&moves);
}

static void tell_quick(struct told *t)
{
	quick.rules = (struct gw_state_rules){
		.on_delay_ns = story.on_delay * story.unit_ns,
		.off_delay_ns = story.off_delay * story.unit_ns,
		.re_alarm_ns = story.re_alarm * story.unit_ns,
		.latch = story.latch,
		.hold_chatter = story.hold_chatter,
	};
	quick.state = (struct gw_alarm_state)GW_STATE_INIT;
	quick.last_ns = 0;
	quick.told = t;
	t->n = 0;
	for (size_t i = 0; i < story.n; i++) {
		const struct act *a = &story.act[i];
		struct saying *s;

		if (story.live)
			quick_due(a->at * story.unit_ns);
		quick_act(a);
		if (story.live)
			quick_due(a->at * story.unit_ns);
		s = say(t, a->at, SEEN, (int)gw_state_shown(&quick.state));
		s->active = gw_state_active(&quick.state);
		s->chattering = quick.state.chattering;
	}
}

/* ---- both ---- */

static struct {
	unsigned long raised, again, deferred, silent, cleared, refused, chattering,
		suppressed;
} seen;

static void count(const struct saying *s)
{
	seen.raised += s->change == GW_CHANGE_RAISED && !s->again;
	seen.again += s->again;
	seen.deferred += s->deferred;
	seen.silent += s->silent;
	seen.cleared += s->change == GW_CHANGE_CLEARED;
	seen.refused += s->change == REFUSED;
	seen.chattering += s->chattering;
	seen.suppressed += s->state == GW_STATE_SUPPRESSED;
}

static void both_tell_the_same(void **unused)
{
	static struct told must, is;
	unsigned long some = reference_sequences() / 10;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		random_story();
		tell_slow(&must);
		tell_quick(&is);
		for (size_t k = 0; k < must.n; k++) {
			const struct saying *a = &must.at[k], *b = &is.at[k];

			assert_true(k < is.n);
			assert_int_equal(a->at, b->at);
			assert_int_equal(a->change, b->change);
			assert_int_equal(a->state, b->state);
			assert_int_equal(a->silent, b->silent);
			assert_int_equal(a->again, b->again);
			assert_int_equal(a->deferred, b->deferred);
			assert_int_equal(a->active, b->active);
			assert_int_equal(a->chattering, b->chattering);
			count(a);
		}
		assert_int_equal(must.n, is.n);
	}
	assert_true(seen.raised > some && seen.again > some && seen.silent > some);
	assert_true(seen.deferred > some / 4);
	assert_true(seen.cleared > some && seen.refused > some);
	assert_true(seen.chattering > some && seen.suppressed > some);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_tell_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
