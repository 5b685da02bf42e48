/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/state.h"

void gw_state_init(struct gw_alarm_state *s, int64_t now_ns)
{
	*s = (struct gw_alarm_state){.under = GW_STATE_NORMAL, .turn_ns = now_ns};
}

enum gw_state gw_state_shown(const struct gw_alarm_state *s)
{
	return s->shelved ? GW_STATE_SHELVED : (enum gw_state)s->under;
}

bool gw_state_active(const struct gw_alarm_state *s)
{
	return s->under == GW_STATE_ACTIVE_UNACKED || s->under == GW_STATE_ACTIVE_ACKED;
}

static void move(struct gw_alarm_state *s, enum gw_change change, bool silent,
	int64_t at_ns, struct gw_moves *moves)
{
	moves->move[moves->n++] = (struct gw_move){
		.change = (uint8_t)change,
		.state = (uint8_t)gw_state_shown(s),
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
	if (s->truth == gw_state_active(s))
		return INT64_MAX;
	return later(s->turn_ns, s->truth ? r->on_delay_ns : r->off_delay_ns);
}

static void end_delay(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t at_ns, struct gw_moves *moves)
{
	if (s->truth) {
		s->under = GW_STATE_ACTIVE_UNACKED;
		move(s, GW_CHANGE_RAISED, s->shelved, at_ns, moves);
	} else {
		s->under = (uint8_t)returned((enum gw_state)s->under, r->latch);
		move(s, GW_CHANGE_CLEARED, s->shelved, at_ns, moves);
	}
}

void gw_state_time(struct gw_alarm_state *s, const struct gw_state_rules *r, int64_t now_ns,
	struct gw_moves *moves)
{
	int64_t delay_ns = delay_end(s, r);

	if (delay_ns <= now_ns && !(s->shelved && s->shelf_end_ns < delay_ns))
		end_delay(s, r, delay_ns, moves);
	if (s->shelved && s->shelf_end_ns <= now_ns) {
		s->shelved = false;
		move(s, GW_CHANGE_UNSHELVED, false, s->shelf_end_ns, moves);
	}
	delay_ns = delay_end(s, r);
	if (delay_ns <= now_ns)
		end_delay(s, r, delay_ns, moves);
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

int64_t gw_state_due(const struct gw_alarm_state *s, const struct gw_state_rules *r)
{
	int64_t due_ns = delay_end(s, r);

	if (s->shelved && s->shelf_end_ns < due_ns)
		due_ns = s->shelf_end_ns;
	return due_ns;
}

const char *gw_state_ack(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	if (s->shelved)
		return "it is shelved: unshelve it first";
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
	move(s, GW_CHANGE_ACKED, false, now_ns, moves);
	return NULL;
}

const char *gw_state_reset(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves)
{
	if (s->shelved)
		return "it is shelved: unshelve it first";
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
	s->shelved = false;
	move(s, GW_CHANGE_UNSHELVED, false, now_ns, moves);
	return NULL;
}
