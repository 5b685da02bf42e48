/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_unit.h: one unit on one bus: which request is due when, whether the unit answers, and
 * which registers it has.
 *
 * States of a unit (seen, dead):
 *
 *	state      meaning                          left when
 *	new        no response since the link       a response or exception: alive;
 *	           opened                           2 failures in a row: dead
 *	alive      answered last                    2 failures in a row, of any request: dead
 *	dead       all points bad; probed with      a response or exception: alive, everything is
 *	           back-off, its polls in turn      due at once
 *
 * States of a poll (a request and when it is due):
 *
 *	regular    due at start + k * period        exception 2 or 3: split, or planned anew;
 *	                                            exception 1, or nothing left to split: absent;
 *	                                            2 failures in a row while others answer: split
 *	                                            if it never worked, else bad and postponed
 *	halving    half of a refused request,       a response: its registers are known;
 *	           due at once                      refused: split again, or absent.
 *	                                            When no poll is halving: planned anew
 *	absent     the device does not have these   a response: regular again, planned anew
 *	           registers; bad; retried at
 *	           doubling times, up to 60 s
 *
 * A refused request of which every register is known was refused for its gap or its length: the
 * plan is made anew without gaps, then with shorter requests.
 *
 * On a serial line, where responses carry no transaction id, one that may belong to an earlier
 * request is not used.
 *
 * Owner: the driver's state, one per unit and source. Thread: the source's. Pure: time is an
 * argument. Life: init, then (pick, on_sent, one of on_response/on_exception/on_failure)..., fini.
 * may_be_stale comes before on_response and on_exception: if it is true, neither is called.
 */
#ifndef GW_DRIVERS_MODBUS_UNIT_H
#define GW_DRIVERS_MODBUS_UNIT_H

#include "base/backoff.h"
#include "base/error.h"
#include "drivers/modbus_plan.h"
#include "flow/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_modbus_poll { /* a request and its place in time */
	struct gw_modbus_block block;
	int64_t period_ns;
	int64_t due_ns;     /* not before this */
	int64_t regular_ns; /* the next regular time, start + k * period: it does not drift */
	int64_t retry_ns;   /* after a refusal: doubles */
	uint32_t failures; /* in a row */
	bool halving;      /* part of a refused request, not yet answered or refused */
	bool worked;       /* has been answered since the plan was made */
};

#define GW_MODBUS_OVERDUE_MAX 4

struct gw_modbus_unit {
	/* set at init */
	uint8_t id;
	bool serial;                    /* answers carry no transaction id */
	struct gw_modbus_field *fields; /* sorted; owned */
	size_t n_fields;
	int64_t start_ns;
	/* the plan; polls has room for n_fields, owned */
	struct gw_modbus_poll *polls;
	struct gw_modbus_block *scratch; /* n_fields, owned */
	size_t n_polls;
	bool wide;                       /* its registers have 32 bits */
	unsigned max_gap, max_registers; /* of a request; lowered when the device refuses */
	/* health */
	struct gw_backoff backoff;
	uint32_t failures; /* in a row, of any request */
	bool seen, dead;   /* has answered since open; does not answer now */
	size_t probe;
	uint32_t last_signature;
	uint32_t overdue
		[GW_MODBUS_OVERDUE_MAX]; /* signatures of responses that may still come */
	unsigned n_overdue;
};

/* fields is copied; n_fields > 0. All requests are due at now_ns. */
enum gw_err gw_modbus_unit_init(struct gw_modbus_unit *u, uint8_t id, bool serial,
	unsigned max_gap, const struct gw_modbus_field *fields, size_t n_fields,
	uint64_t seed, int64_t now_ns, struct gw_error *err);
void gw_modbus_unit_fini(struct gw_modbus_unit *u); /* zeroed or twice is fine */

/* When its next request is due. */
int64_t gw_modbus_unit_next_ns(const struct gw_modbus_unit *u);
/* Which of its polls to send now: one of another signature than the
 * last, if one is due. */
size_t gw_modbus_unit_pick(struct gw_modbus_unit *u, int64_t now_ns);
/* It was sent. Returns how many regular times of it were missed. */
uint64_t gw_modbus_unit_on_sent(struct gw_modbus_unit *u, size_t poll, int64_t now_ns);
/* Whether the response just received may belong to an earlier request that timed out: then it must
 * not be used, the line must become silent first, and the poll is due at once. The response to that
 * is used. Call before on_response or on_exception. */
bool gw_modbus_unit_may_be_stale(
	struct gw_modbus_unit *u, size_t poll, bool exception, int64_t now_ns);
/* Whether the unit has not proved that it answers: others go first. */
bool gw_modbus_unit_is_unresponsive(const struct gw_modbus_unit *u);

/* What the driver has to emit after an outcome. */
struct gw_modbus_change {
	bool died, revived; /* one line in the log */
	bool unit_bad;      /* all its points are bad now */
	bool poll_bad;      /* those of this request are: n fields from first */
	size_t first, n;
};

void gw_modbus_unit_on_response(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change);
/* An exception response of the unit itself, not of a Modbus gateway that could not reach it. */
void gw_modbus_unit_on_exception(struct gw_modbus_unit *u, size_t poll, unsigned code,
	int64_t now_ns, struct gw_modbus_change *ret_change);
/* No response, or none that could be used. */
void gw_modbus_unit_on_failure(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change);

#endif
