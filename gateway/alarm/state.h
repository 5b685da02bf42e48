/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h: the alarm state machine after ISA-18.2 / IEC 62682: the condition's truth, delays,
 * latch, and a person's acknowledge, reset and shelve. Acknowledge, silence and reset are three
 * different things; shelving always has an end, and tracks silently what goes on underneath.
 *
 * Owner: the engine. Thread: the engine's. Pure: time is an argument (CLOCK_BOOTTIME ns) and
 * must not fall from call to call.
 */
#ifndef GW_ALARM_STATE_H
#define GW_ALARM_STATE_H

#include "flow/event.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_state_rules {
	int64_t on_delay_ns;  /* >= 0: true for the whole of it before it raises */
	int64_t off_delay_ns; /* >= 0: false for the whole of it before it clears */
	bool latch;           /* after return it waits for acknowledge, then reset */
};

struct gw_alarm_state {
	uint8_t under; /* NORMAL .. LATCHED_ACKED: what it is, or would be if not shelved */
	bool truth;    /* the condition, as last told */
	bool shelved;
	int64_t turn_ns;      /* when truth last changed */
	int64_t shelf_end_ns; /* valid while shelved */
};

/* What a call did, in order. */
struct gw_moves {
	unsigned n;
	struct gw_move {
		uint8_t change; /* enum gw_change */
		uint8_t state;  /* enum gw_state afterwards, SHELVED included */
		bool silent;    /* happened under a shelf: nobody is told */
		int64_t at_ns;  /* when it fell due, <= now */
	} move[4];
};

/* NORMAL, condition false. now_ns starts its time. */
void gw_state_init(struct gw_alarm_state *s, int64_t now_ns);

/* What it is to the outside: SHELVED while shelved. */
enum gw_state gw_state_shown(const struct gw_alarm_state *s);
/* Condition counted as true by the machine: raised and not yet cleared. */
bool gw_state_active(const struct gw_alarm_state *s);

/* Let what fell due by now happen: end of a delay, end of a shelf. */
void gw_state_time(struct gw_alarm_state *s, const struct gw_state_rules *r, int64_t now_ns,
	struct gw_moves *moves);
/* The condition is `truth` from now on. What fell due before happens first. */
void gw_state_truth(struct gw_alarm_state *s, const struct gw_state_rules *r,
	int64_t now_ns, bool truth, struct gw_moves *moves);
/* When gw_state_time is needed next, INT64_MAX if never. */
int64_t gw_state_due(const struct gw_alarm_state *s, const struct gw_state_rules *r);

/* A person's words. NULL when done (moves has what happened), else why not, in plain English. */
const char *gw_state_ack(struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves);
const char *gw_state_reset(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves);
/* for_ns > 0; shelving again moves the end. */
const char *gw_state_shelve(
	struct gw_alarm_state *s, int64_t now_ns, int64_t for_ns, struct gw_moves *moves);
const char *gw_state_unshelve(
	struct gw_alarm_state *s, int64_t now_ns, struct gw_moves *moves);

#endif
