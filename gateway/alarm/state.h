/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h: the alarm state machine of ISA-18.2 / IEC 62682: the condition with its delays and
 * latch, acknowledge, reset, shelve, and suppression.
 *
 * Shelving always has an end. Transitions under a shelf are reported as unannounced, for the engine
 * to count but not to emit. An alarm that was raised under the shelf and is still active, or
 * latched, at its end is announced then: first UNSHELVED with the state that was announced before
 * the shelf, then RAISED.
 *
 * Chattering (ISA-18.2: three activations or more within a minute) begins with the third
 * activation and ends when the condition has not changed for a whole minute. It changes no
 * transition, unless hold_while_chattering is set: then the alarm stays active until its
 * condition has been false for that minute.
 *
 * The states and their names (enum gw_state, gw_state_name) are in flow/event.h.
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
/* So long may nobody say whether an unconfirmed alarm still stands, see raise_again. */
#define GW_CONFIRM_NS INT64_C(60000000000)

struct gw_state_opts {
	int64_t on_delay_ns;  /* >= 0: true for the whole of it before it raises */
	int64_t off_delay_ns; /* >= 0: false for the whole of it before it clears */
	int64_t re_alarm_ns;  /* > 0: raised again this long after it was last raised,
			       * acknowledged or unshelved, while it is active; 0: never */
	bool latch;           /* after return it waits for acknowledge, then reset */
	bool hold_while_chattering; /* while it chatters, off_delay_ns is at least GW_CHATTER_NS */
};

/* Why a condition that is true does not raise. */
enum gw_suppressed_by {
	GW_SUPPRESSED_BY_DESIGN = 1,  /* an alarm or contact under its `unless` is true */
	GW_SUPPRESSED_BY_SERVICE = 2, /* out of service */
};

struct gw_alarm_state {
	uint8_t underlying; /* NORMAL .. LATCHED_ACKED: the state if it were not shelved */
	uint8_t suppressed_by; /* enum gw_suppressed_by, ORed */
	bool condition_true;   /* as last set */
	bool shelved;
	bool chattering;
	bool raise_unannounced;       /* the present activation began on the shelf */
	uint8_t announced_underlying; /* valid if raise_unannounced: underlying before that */
	bool raise_again; /* active by a record that may be outdated: raised again as soon as its
			   * condition is confirmed, at the latest after GW_CONFIRM_NS */
	int64_t condition_since_ns; /* when condition_true last changed */
	int64_t shelf_end_ns;       /* valid if shelved */
	/* re_alarm_ns and GW_CONFIRM_NS count from here; valid if active */
	int64_t re_alarm_from_ns;
	int64_t raised_ns[2]; /* the last two activations, newest first */
};

/* What a call did, in order. */
struct gw_transitions {
	unsigned n;
	struct gw_transition {
		uint8_t change;     /* enum gw_change */
		uint8_t state;      /* enum gw_state afterwards, SHELVED included */
		uint8_t underlying; /* gw_state_announced_underlying afterwards */
		bool unannounced;   /* happened under a shelf: no event */
		bool repeated;      /* RAISED: re-alarm, it was active before */
		bool confirmed;     /* RAISED: repeated because of raise_again */
		bool deferred; /* RAISED: at the end of the shelf under which it began */
		int64_t at_ns; /* when it was due, <= now_ns */
	} at[6];
};

/* NORMAL, condition false, never raised. */
#define GW_STATE_INIT \
	{ \
		.underlying = GW_STATE_NORMAL, .raised_ns = { INT64_MIN, INT64_MIN } \
	}

/* SHELVED; OUT_OF_SERVICE; SUPPRESSED if suppressed by design while the condition is true or the
 * alarm is active; else the underlying state. */
enum gw_state gw_state_shown(const struct gw_alarm_state *s);
/* Raised and not yet cleared. */
bool gw_state_active(const struct gw_alarm_state *s);
/* The underlying state as announced by events: without an activation that began on the shelf. */
enum gw_state gw_state_announced_underlying(const struct gw_alarm_state *s);

/* Applies what is due by now: end of a delay, of a shelf, of chattering; a re-alarm. The caller
 * has set what all samples of this moment say. */
void gw_state_advance(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, struct gw_transitions *transitions);
/* The same for what was due before now. What is due now waits for all samples of this moment: an
 * on_delay of a minute must not raise at the sample that ends the condition after a minute. */
void gw_state_advance_before(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, struct gw_transitions *transitions);
/* Sets the condition; what was due before now is applied first. What is due now is
 * judged by the new condition, when the samples of this moment are through. */
void gw_state_set_condition(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, bool condition_true, struct gw_transitions *transitions);
/* An input has just shown that its condition is true. */
void gw_state_confirm(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);
/* Suppression begins or ends. It keeps a true condition from raising, and raises it when it ends.
 * It does not clear an active alarm, but for out of service, which clears and unshelves it. */
void gw_state_set_suppressed(struct gw_alarm_state *s, const struct gw_state_opts *o,
	int64_t now_ns, enum gw_suppressed_by why, bool on,
	struct gw_transitions *transitions);
/* When gw_state_advance is needed next, INT64_MAX if never. */
int64_t gw_state_due_ns(const struct gw_alarm_state *s, const struct gw_state_opts *o);

/* Commands of a person. Return NULL if done, else the reason for the refusal in plain English. */
const char *gw_state_ack(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);
const char *gw_state_reset(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);
/* duration_ns > 0. Shelving again moves the end. */
const char *gw_state_shelve(struct gw_alarm_state *s, int64_t now_ns, int64_t duration_ns,
	struct gw_transitions *transitions);
const char *gw_state_unshelve(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_transitions *transitions);

#endif
