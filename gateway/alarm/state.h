/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h: the alarm state machine after ISA-18.2 / IEC 62682: the condition's truth, delays,
 * latch, a person's acknowledge, reset and shelve, and what the design holds back. Acknowledge,
 * silence and reset are three different things; shelving always has an end, and tracks silently
 * what goes on underneath. What became active on a shelf and still is, or is latched, is raised
 * when the shelf ends: first UNSHELVED, in the state that was known, so that who ignores what is
 * shelved listens again; then RAISED.
 *
 * Chattering (ISA-18.2: three activations or more within a minute) begins with the third and
 * ends when the condition has not turned for a whole minute. It hides nothing, unless the rules
 * say that an alarm that chatters stands until its condition has been false for that minute.
 *
 * Owner: the engine. Thread: the engine's. Pure: time is an argument (CLOCK_BOOTTIME ns) and
 * must not fall from call to call.
 */
#ifndef GW_ALARM_STATE_H
#define GW_ALARM_STATE_H

#include "flow/event.h"

#include <stdbool.h>
#include <stdint.h>

#define GW_CHATTER_NS INT64_C(60000000000) /* a minute */

struct gw_state_rules {
	int64_t on_delay_ns;  /* >= 0: true for the whole of it before it raises */
	int64_t off_delay_ns; /* >= 0: false for the whole of it before it clears */
	int64_t re_alarm_ns; /* > 0: raised again this long after it was last raised, acknowledged
				 or came off its shelf, while it is active; 0: never */
	bool latch;          /* after return it waits for acknowledge, then reset */
	bool hold_while_chattering; /* off_delay_ns is GW_CHATTER_NS at least while it chatters */
};

/* Why a condition that is true does not raise. */
enum gw_suppressed_by {
	GW_SUPPRESSED_BY_DESIGN = 1, /* an alarm or contact it has under `unless` is true */
	GW_SUPPRESSED_BY_SERVICE = 2, /* out of service */
};

struct gw_alarm_state {
	uint8_t underlying; /* NORMAL .. LATCHED_ACKED: what it is, or would be if not shelved */
	uint8_t suppressed_by; /* enum gw_hold, ORed */
	bool condition_true;   /* the condition, as last told */
	bool shelved;
	bool chattering;
	bool raise_unannounced; /* this activation began on the shelf: nobody knows of it yet */
	uint8_t announced_underlying; /* valid while untold: what it was before */
	int64_t condition_since_ns;   /* when truth last changed */
	int64_t shelf_end_ns;         /* valid while shelved */
	int64_t re_alarm_from_ns;     /* what re_alarm_ns counts from, valid while active */
	int64_t raised_ns[2];         /* the last two activations, newest first */
};

/* What a call did, in order. */
struct gw_transitions {
	unsigned n;
	struct gw_transition {
		uint8_t change;     /* enum gw_change */
		uint8_t state;      /* enum gw_state afterwards, SHELVED included */
		uint8_t underlying; /* gw_state_told_under afterwards */
		bool unannounced;   /* happened under a shelf: nobody is told */
		bool repeated;      /* RAISED: a repeat, it was active all the while */
		bool deferred;      /* RAISED: it became so on a shelf that has ended now */
		int64_t at_ns;      /* when it fell due, <= now */
	} at[6];
};

/* NORMAL, condition false, never raised. */
#define GW_STATE_INIT \
	{ \
		.underlying = GW_STATE_NORMAL, .raised_ns = { INT64_MIN, INT64_MIN } \
	}

/* What it is to the outside: SHELVED, OUT_OF_SERVICE, or SUPPRESSED while the condition is true or
 * active and the design holds it back; else what is under it. */
enum gw_state gw_state_shown(const struct gw_alarm_state *s);
/* Condition counted as true by the machine: raised and not yet cleared. */
bool gw_state_active(const struct gw_alarm_state *s);

/* What is under it as far as anybody was told. */
enum gw_state gw_state_announced_underlying(const struct gw_alarm_state *s);

/* Let what fell due by now happen: end of a delay, of a shelf, of chattering; a repeat. */
void gw_state_advance(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t now_ns, struct gw_transitions *transitions);
/* The condition is `truth` from now on. What fell due before happens first. */
void gw_state_set_condition(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t now_ns, bool condition_true, struct gw_transitions *transitions);
/* A hold begins or ends. It keeps a true condition from raising, and raises it at its end; it
 * takes nothing back that was told. Only out of service ends what stands: cleared, off its shelf. */
void gw_state_set_suppressed(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t now_ns, enum gw_suppressed_by why, bool on,
	struct gw_transitions *transitions);
/* When gw_state_time is needed next, INT64_MAX if never. */
int64_t gw_state_due_ns(const struct gw_alarm_state *s, const struct gw_state_rules *r);

/* A person's words. NULL when done (moves has what happened), else why not, in plain English. */
const char *gw_state_ack(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);
const char *gw_state_reset(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);
/* for_ns > 0; shelving again moves the end. */
const char *gw_state_shelve(struct gw_alarm_state *s, int64_t now_ns, int64_t duration_ns,
	struct gw_transitions *transitions);
const char *gw_state_unshelve(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);

#endif
