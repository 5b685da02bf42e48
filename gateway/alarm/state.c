/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/state.h"

#include "alarm/kinds.h"

enum gw_state gw_state_shown(const struct gw_alarm_state *s)
{
	if (s->shelved)
		return GW_STATE_SHELVED;
	if (s->holds & GW_HOLD_SERVICE)
		return GW_STATE_OUT_OF_SERVICE;
	if (s->holds && (s->truth || gw_state_active(s)))
		return GW_STATE_SUPPRESSED;
	return (enum gw_state)s->under;
}

bool gw_state_active(const struct gw_alarm_state *s)
{
	return s->under == GW_STATE_ACTIVE_UNACKED || s->under == GW_STATE_ACTIVE_ACKED;
}

enum gw_state gw_state_told_under(const struct gw_alarm_state *s)
{
	return (enum gw_state)(s->untold ? s->told_under : s->under);
}

static void move(struct gw_alarm_state *s, enum gw_change change, bool silent,
	int64_t at_ns, struct gw_moves *moves)
{
	moves->move[moves->n++] = (struct gw_move){
		.change = (uint8_t)change,
		.state = (uint8_t)gw_state_shown(s),
		.under = (uint8_t)gw_state_told_under(s),
		.silent = silent,
		.at_ns = at_ns,
	};
}

static enum gw_state returned(enum gw_state under, bool latch)
{
	if (under == GW_STATE_ACTIVE_UNACKED)
		return latch ? GW_STATE_LATCHED_UNACKED : GW_STATE_RETURNED_UNACKED;
	return latch ? GW_STATE_LATCHED_ACKED : GW_STATE_NORMAL;
}

static int64_t later(int64_t at_ns, int64_t by_ns)
{
	int64_t end_ns;

	return __builtin_add_overflow(at_ns, by_ns, &end_ns) ? INT64_MAX : end_ns;
}

/* When the running delay ends, INT64_MAX if none runs. */
static int64_t delay_end(const struct gw_alarm_state *s, const struct gw_state_rules *r)
{
	int64_t off_ns = r->off_delay_ns;

	if (s->truth == gw_state_active(s) || (s->truth && s->holds))
		return INT64_MAX;
	if (r->hold_chatter && s->chattering && off_ns < GW_CHATTER_NS)
		off_ns = GW_CHATTER_NS;
	return later(s->turn_ns, s->truth ? r->on_delay_ns : off_ns);
}

static int64_t chatter_end(const struct gw_alarm_state *s)
{
	return s->chattering ? later(s->turn_ns, GW_CHATTER_NS) : INT64_MAX;
}

/* Nobody is reminded of what is on a shelf. */
static int64_t re_alarm(const struct gw_alarm_state *s, const struct gw_state_rules *r)
{
	if (r->re_alarm_ns == 0 || s->shelved || s->holds || !gw_state_active(s))
		return INT64_MAX;
	return later(s->told_ns, r->re_alarm_ns);
}

static void raise_it(struct gw_alarm_state *s, int64_t at_ns, struct gw_moves *moves)
{
	if (at_ns < later(s->raised_ns[1], GW_CHATTER_NS))
		s->chattering = true;
	s->raised_ns[1] = s->raised_ns[0];
	s->raised_ns[0] = at_ns;
	s->told_ns = at_ns;
	if (s->shelved && !s->untold) {
		s->untold = true;
		s->told_under = s->under;
	}
	s->under = GW_STATE_ACTIVE_UNACKED;
	move(s, GW_CHANGE_RAISED, s->shelved, at_ns, moves);
}

static void end_delay(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t at_ns, struct gw_moves *moves)
{
	if (s->truth) {
		raise_it(s, at_ns, moves);
	} else {
		s->under = (uint8_t)returned((enum gw_state)s->under, r->latch);
		move(s, GW_CHANGE_CLEARED, s->shelved, at_ns, moves);
	}
}

/* What has returned meanwhile is told by UNSHELVED alone; but a latch waits for somebody to come. */
static void end_shelf(struct gw_alarm_state *s, int64_t at_ns, struct gw_moves *moves)
{
	bool latched = s->under == GW_STATE_LATCHED_UNACKED;
	bool raise = s->untold && (latched || gw_state_active(s));

	s->shelved = false;
	s->told_ns = at_ns;
	if (raise)
		s->under = s->told_under;
	s->untold = false;
	move(s, GW_CHANGE_UNSHELVED, false, at_ns, moves);
	if (!raise || (s->holds && !latched)) /* a hold raises it at its own end */
		return;
	s->under = GW_STATE_ACTIVE_UNACKED;
	move(s, GW_CHANGE_RAISED, false, at_ns, moves);
	moves->move[moves->n - 1].deferred = true;
	if (!latched)
		return;
	s->under = GW_STATE_LATCHED_UNACKED;
	move(s, GW_CHANGE_CLEARED, false, at_ns, moves);
}

/* After a long sleep of the box one repeat is enough. */
static void repeat(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	s->told_ns = now_ns;
	s->under = GW_STATE_ACTIVE_UNACKED;
	move(s, GW_CHANGE_RAISED, false, now_ns, moves);
	moves->move[moves->n - 1].again = true;
}

static int64_t shelf_end(const struct gw_alarm_state *s)
{
	return s->shelved ? s->shelf_end_ns : INT64_MAX;
}

static int64_t next_end(const struct gw_alarm_state *s, const struct gw_state_rules *r)
{
	return gw_sooner(delay_end(s, r), gw_sooner(shelf_end(s), chatter_end(s)));
}

void gw_state_time(struct gw_alarm_state *s, const struct gw_state_rules *r, int64_t now_ns,
	struct gw_moves *moves)
{
	for (int64_t end_ns; (end_ns = next_end(s, r)) <= now_ns;) {
		if (end_ns == delay_end(s, r))
			end_delay(s, r, end_ns, moves);
		else if (end_ns == shelf_end(s))
			end_shelf(s, end_ns, moves);
		else
			s->chattering = false;
	}
	if (re_alarm(s, r) <= now_ns) /* what has ended meanwhile needs none */
		repeat(s, now_ns, moves);
}

void gw_state_truth(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t now_ns, bool truth, struct gw_moves *moves)
{
	gw_state_time(s, r, now_ns, moves);
	if (truth == s->truth)
		return;
	s->truth = truth;
	s->turn_ns = now_ns;
	if (delay_end(s, r) <= now_ns)
		end_delay(s, r, now_ns, moves);
}

static void end_service(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	bool stood = gw_state_told_under(s) != GW_STATE_NORMAL, shelved = s->shelved;

	s->under = GW_STATE_NORMAL;
	s->shelved = s->chattering = s->untold = false;
	if (stood)
		move(s, GW_CHANGE_CLEARED, false, now_ns, moves);
	else if (shelved)
		move(s, GW_CHANGE_UNSHELVED, false, now_ns, moves);
}

void gw_state_hold(struct gw_alarm_state *s, const struct gw_state_rules *r, int64_t now_ns,
	enum gw_hold why, bool on, struct gw_moves *moves)
{
	gw_state_time(s, r, now_ns, moves);
	s->holds = (uint8_t)(on ? s->holds | why : s->holds & ~why);
	if (s->holds & GW_HOLD_SERVICE)
		end_service(s, now_ns, moves);
	else if (delay_end(s, r) <= now_ns)
		end_delay(s, r, now_ns, moves);
}

int64_t gw_state_due(const struct gw_alarm_state *s, const struct gw_state_rules *r)
{
	return gw_sooner(next_end(s, r), re_alarm(s, r));
}

static const char out_of_service[] = "it is out of service: take out_of_service from its "
				     "configuration and reload";

const char *gw_state_ack(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	if (s->shelved)
		return "it is shelved: unshelve it first";
	if (s->holds & GW_HOLD_SERVICE)
		return out_of_service;
	switch ((enum gw_state)s->under) {
	case GW_STATE_ACTIVE_UNACKED: s->under = GW_STATE_ACTIVE_ACKED; break;
	case GW_STATE_RETURNED_UNACKED: s->under = GW_STATE_NORMAL; break;
	case GW_STATE_LATCHED_UNACKED: s->under = GW_STATE_LATCHED_ACKED; break;
	case GW_STATE_ACTIVE_ACKED:
	case GW_STATE_LATCHED_ACKED: return "it is acknowledged already";
	case GW_STATE_NORMAL:
	case GW_STATE_SHELVED:
	case GW_STATE_SUPPRESSED:
	case GW_STATE_OUT_OF_SERVICE:
		return "it is normal: there is nothing to acknowledge";
	}
	s->told_ns = now_ns;
	move(s, GW_CHANGE_ACKED, false, now_ns, moves);
	return NULL;
}

const char *gw_state_reset(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	if (s->shelved)
		return "it is shelved: unshelve it first";
	if (s->holds & GW_HOLD_SERVICE)
		return out_of_service;
	switch ((enum gw_state)s->under) {
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
	s->under = GW_STATE_NORMAL;
	move(s, GW_CHANGE_RESET, false, now_ns, moves);
	return NULL;
}

const char *gw_state_shelve(
	struct gw_alarm_state *s, int64_t now_ns, int64_t for_ns, struct gw_moves *moves)
{
	if (for_ns <= 0)
		return "a shelf needs an end: say for how long";
	if (s->holds & GW_HOLD_SERVICE)
		return out_of_service;
	s->shelved = true;
	s->shelf_end_ns = later(now_ns, for_ns);
	move(s, GW_CHANGE_SHELVED, false, now_ns, moves);
	return NULL;
}

const char *gw_state_unshelve(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	if (!s->shelved)
		return "it is not shelved";
	end_shelf(s, now_ns, moves);
	return NULL;
}
