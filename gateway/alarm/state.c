/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/state.h"

#include "base/clock.h"

enum gw_state gw_state_shown(const struct gw_alarm_state *s)
{
	if (s->shelved)
		return GW_STATE_SHELVED;
	if (s->suppressed_by & GW_SUPPRESSED_BY_SERVICE)
		return GW_STATE_OUT_OF_SERVICE;
	if (s->suppressed_by && (s->condition_true || gw_state_active(s)))
		return GW_STATE_SUPPRESSED;
	return (enum gw_state)s->underlying;
}

bool gw_state_active(const struct gw_alarm_state *s)
{
	return s->underlying == GW_STATE_ACTIVE_UNACKED ||
		s->underlying == GW_STATE_ACTIVE_ACKED;
}

enum gw_state gw_state_announced_underlying(const struct gw_alarm_state *s)
{
	return (enum gw_state)(
		s->raise_unannounced ? s->announced_underlying : s->underlying);
}

static void add_transition(struct gw_alarm_state *s, enum gw_change change,
	bool unannounced, int64_t at_ns, struct gw_transitions *transitions)
{
	transitions->at[transitions->n++] = (struct gw_transition){
		.change = (uint8_t)change,
		.state = (uint8_t)gw_state_shown(s),
		.underlying = (uint8_t)gw_state_announced_underlying(s),
		.unannounced = unannounced,
		.at_ns = at_ns,
	};
}

static enum gw_state returned_state(enum gw_state underlying, bool latch)
{
	if (underlying == GW_STATE_ACTIVE_UNACKED)
		return latch ? GW_STATE_LATCHED_UNACKED : GW_STATE_RETURNED_UNACKED;
	return latch ? GW_STATE_LATCHED_ACKED : GW_STATE_NORMAL;
}

static int64_t add_ns(int64_t at_ns, int64_t by_ns)
{
	int64_t end_ns;

	return __builtin_add_overflow(at_ns, by_ns, &end_ns) ? INT64_MAX : end_ns;
}

/* When the running delay ends, INT64_MAX if none runs. */
static int64_t delay_end(const struct gw_alarm_state *s, const struct gw_state_opts *o)
{
	int64_t off_ns = o->off_delay_ns;

	if (s->condition_true == gw_state_active(s) ||
		(s->condition_true && s->suppressed_by))
		return INT64_MAX;
	if (o->hold_while_chattering && s->chattering && off_ns < GW_CHATTER_NS)
		off_ns = GW_CHATTER_NS;
	return add_ns(s->condition_since_ns, s->condition_true ? o->on_delay_ns : off_ns);
}

static int64_t chatter_end(const struct gw_alarm_state *s)
{
	return s->chattering ? add_ns(s->condition_since_ns, GW_CHATTER_NS) : INT64_MAX;
}

/* No re-alarm while shelved or suppressed. */
static int64_t re_alarm_at(const struct gw_alarm_state *s, const struct gw_state_opts *o)
{
	int64_t after_ns = o->re_alarm_ns ? o->re_alarm_ns : INT64_MAX;

	if (s->raise_again && after_ns > GW_CONFIRM_NS)
		after_ns = GW_CONFIRM_NS;
	if (after_ns == INT64_MAX || s->shelved || s->suppressed_by || !gw_state_active(s))
		return INT64_MAX;
	return add_ns(s->re_alarm_from_ns, after_ns);
}

static void raise_alarm(
	struct gw_alarm_state *s, int64_t at_ns, struct gw_transitions *transitions)
{
	if (at_ns < add_ns(s->raised_ns[1], GW_CHATTER_NS))
		s->chattering = true;
	s->raised_ns[1] = s->raised_ns[0];
	s->raised_ns[0] = at_ns;
	s->re_alarm_from_ns = at_ns;
	s->raise_again = false;
	if (s->shelved && !s->raise_unannounced) {
		s->raise_unannounced = true;
		s->announced_underlying = s->underlying;
	}
	s->underlying = GW_STATE_ACTIVE_UNACKED;
	add_transition(s, GW_CHANGE_RAISED, s->shelved, at_ns, transitions);
}

static void end_delay(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t at_ns, struct gw_transitions *transitions)
{
	if (s->condition_true) {
		raise_alarm(s, at_ns, transitions);
	} else {
		s->underlying = (uint8_t)returned_state(
			(enum gw_state)s->underlying, o->latch);
		s->raise_again = false;
		add_transition(s, GW_CHANGE_CLEARED, s->shelved, at_ns, transitions);
	}
}

/* An activation on the shelf that has returned is reported by UNSHELVED alone, unless it latched:
 * that is raised and cleared now, for it must be reset. */
static void end_shelf(
	struct gw_alarm_state *s, int64_t at_ns, struct gw_transitions *transitions)
{
	bool latched = s->underlying == GW_STATE_LATCHED_UNACKED;
	bool raise = s->raise_unannounced && (latched || gw_state_active(s));

	s->shelved = false;
	s->re_alarm_from_ns = at_ns;
	if (raise)
		s->underlying = s->announced_underlying;
	s->raise_unannounced = false;
	add_transition(s, GW_CHANGE_UNSHELVED, false, at_ns, transitions);
	if (!raise || (s->suppressed_by && !latched)) /* raised when the suppression ends */
		return;
	s->underlying = GW_STATE_ACTIVE_UNACKED;
	add_transition(s, GW_CHANGE_RAISED, false, at_ns, transitions);
	transitions->at[transitions->n - 1].deferred = true;
	if (!latched)
		return;
	s->underlying = GW_STATE_LATCHED_UNACKED;
	add_transition(s, GW_CHANGE_CLEARED, false, at_ns, transitions);
}

/* One repeat is enough, even if several were due during a suspend. */
static void repeat(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions)
{
	s->re_alarm_from_ns = now_ns;
	s->underlying = GW_STATE_ACTIVE_UNACKED;
	add_transition(s, GW_CHANGE_RAISED, false, now_ns, transitions);
	transitions->at[transitions->n - 1].repeated = true;
	transitions->at[transitions->n - 1].confirmed = s->raise_again;
	s->raise_again = false;
}

static int64_t shelf_end(const struct gw_alarm_state *s)
{
	return s->shelved ? s->shelf_end_ns : INT64_MAX;
}

static int64_t next_end(const struct gw_alarm_state *s, const struct gw_state_opts *o)
{
	return gw_min_ns(delay_end(s, o), gw_min_ns(shelf_end(s), chatter_end(s)));
}

/* Applies what ends by last_ns. */
static void advance_to(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t last_ns, int64_t now_ns, struct gw_transitions *transitions)
{
	for (int64_t end_ns; (end_ns = next_end(s, o)) <= last_ns;) {
		if (end_ns == delay_end(s, o))
			end_delay(s, o, end_ns, transitions);
		else if (end_ns == shelf_end(s))
			end_shelf(s, end_ns, transitions);
		else
			s->chattering = false;
	}
	if (re_alarm_at(s, o) <= last_ns) /* after next_end, which may have cleared it */
		repeat(s, now_ns, transitions);
}

void gw_state_advance(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, struct gw_transitions *transitions)
{
	advance_to(s, o, now_ns, now_ns, transitions);
}

void gw_state_advance_before(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, struct gw_transitions *transitions)
{
	advance_to(s, o, now_ns - 1, now_ns, transitions);
}

void gw_state_set_condition(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, bool condition_true, struct gw_transitions *transitions)
{
	gw_state_advance_before(s, o, now_ns, transitions);
	if (condition_true == s->condition_true)
		return;
	s->condition_true = condition_true;
	s->condition_since_ns = now_ns;
	if (delay_end(s, o) <= now_ns)
		end_delay(s, o, now_ns, transitions);
}

void gw_state_confirm(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions)
{
	if (s->raise_again && gw_state_active(s) && !s->shelved && !s->suppressed_by)
		repeat(s, now_ns, transitions);
}

static void go_out_of_service(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions)
{
	bool was_announced = gw_state_announced_underlying(s) != GW_STATE_NORMAL,
	     shelved = s->shelved;

	s->underlying = GW_STATE_NORMAL;
	s->shelved = s->chattering = s->raise_unannounced = s->raise_again = false;
	if (was_announced)
		add_transition(s, GW_CHANGE_CLEARED, false, now_ns, transitions);
	else if (shelved)
		add_transition(s, GW_CHANGE_UNSHELVED, false, now_ns, transitions);
}

void gw_state_set_suppressed(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, enum gw_suppressed_by why, bool on,
	struct gw_transitions *transitions)
{
	gw_state_advance_before(s, o, now_ns, transitions);
	s->suppressed_by = (uint8_t)(on ? s->suppressed_by | why : s->suppressed_by & ~why);
	if (s->suppressed_by & GW_SUPPRESSED_BY_SERVICE)
		go_out_of_service(s, now_ns, transitions);
	else if (!on && delay_end(s, o) <= now_ns)
		end_delay(s, o, now_ns, transitions);
}

int64_t gw_state_due_ns(const struct gw_alarm_state *s, const struct gw_state_opts *o)
{
	return gw_min_ns(next_end(s, o), re_alarm_at(s, o));
}

static const char out_of_service[] =
	"it is out of service: take out_of_service from its configuration and reload";

const char *gw_state_ack(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions)
{
	if (s->shelved)
		return "it is shelved: unshelve it first";
	if (s->suppressed_by & GW_SUPPRESSED_BY_SERVICE)
		return out_of_service;
	switch ((enum gw_state)s->underlying) {
	case GW_STATE_ACTIVE_UNACKED: s->underlying = GW_STATE_ACTIVE_ACKED; break;
	case GW_STATE_RETURNED_UNACKED: s->underlying = GW_STATE_NORMAL; break;
	case GW_STATE_LATCHED_UNACKED: s->underlying = GW_STATE_LATCHED_ACKED; break;
	case GW_STATE_ACTIVE_ACKED:
	case GW_STATE_LATCHED_ACKED: return "it is acknowledged already";
	case GW_STATE_NORMAL:
	case GW_STATE_SHELVED:
	case GW_STATE_SUPPRESSED:
	case GW_STATE_OUT_OF_SERVICE:
		return "it is normal: there is nothing to acknowledge";
	}
	s->re_alarm_from_ns = now_ns;
	s->raise_again = false; /* the event says that it stands */
	add_transition(s, GW_CHANGE_ACKED, false, now_ns, transitions);
	return NULL;
}

const char *gw_state_reset(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions)
{
	if (s->shelved)
		return "it is shelved: unshelve it first";
	if (s->suppressed_by & GW_SUPPRESSED_BY_SERVICE)
		return out_of_service;
	switch ((enum gw_state)s->underlying) {
	case GW_STATE_LATCHED_ACKED: break;
	case GW_STATE_LATCHED_UNACKED:
		return "it is not acknowledged: acknowledge it first";
	case GW_STATE_ACTIVE_UNACKED:
	case GW_STATE_ACTIVE_ACKED:
		return "its condition is still true: it can be reset once that has ended";
	case GW_STATE_NORMAL:
	case GW_STATE_RETURNED_UNACKED:
	case GW_STATE_SHELVED:
	case GW_STATE_SUPPRESSED:
	case GW_STATE_OUT_OF_SERVICE: return "it is not latched: there is nothing to reset";
	}
	s->underlying = GW_STATE_NORMAL;
	add_transition(s, GW_CHANGE_RESET, false, now_ns, transitions);
	return NULL;
}

const char *gw_state_shelve(struct gw_alarm_state *s, int64_t now_ns, int64_t duration_ns,
	struct gw_transitions *transitions)
{
	if (duration_ns <= 0)
		return "a shelf needs an end: say for how long";
	if (s->suppressed_by & GW_SUPPRESSED_BY_SERVICE)
		return out_of_service;
	s->shelved = true;
	s->shelf_end_ns = add_ns(now_ns, duration_ns);
	add_transition(s, GW_CHANGE_SHELVED, false, now_ns, transitions);
	return NULL;
}

const char *gw_state_unshelve(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions)
{
	if (!s->shelved)
		return "it is not shelved";
	end_shelf(s, now_ns, transitions);
	return NULL;
}
