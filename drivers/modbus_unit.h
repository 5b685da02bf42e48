/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_unit.h: one unit on one bus: when which request is due, and what its answers say about
 * its health and its register map. A dead unit costs its bus one probe now and then, a request
 * that the device refuses is split until the hole in its map is found, and on a serial line an
 * answer that may be a late one is not believed.
 *
 * Owner: the driver's state, one per unit and source. Thread: the source's. Pure: time is an
 * argument. Life: init, then (pick, asked, one of answered/refused/failed)..., fini.
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
	int64_t due_ns;    /* ask again not before this */
	int64_t slot_ns;   /* the next regular place: start + k * period, never drifts */
	int64_t retry_ns;  /* after a refusal: doubles */
	uint32_t failures; /* in a row */
	bool searching;    /* of a refused block, not yet answered */
	bool worked;       /* answered since the plan was made */
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
	unsigned bridge, max_registers; /* registers; learned downwards */
	/* health */
	struct gw_backoff backoff;
	uint32_t failures; /* in a row, of any request */
	bool seen, dead;   /* answered since open; not answering now */
	size_t probe;
	uint32_t last_shape;
	uint32_t overdue[GW_MODBUS_OVERDUE_MAX]; /* shapes of answers that may still come */
	unsigned n_overdue;
};

/* fields is copied; n_fields > 0. All requests are due at now_ns. */
enum gw_err gw_modbus_unit_init(struct gw_modbus_unit *u, uint8_t id, bool serial,
	unsigned bridge, const struct gw_modbus_field *fields, size_t n_fields,
	uint64_t seed, int64_t now_ns, struct gw_error *err);
void gw_modbus_unit_fini(struct gw_modbus_unit *u); /* zeroed or twice is fine */

/* When the unit next wants the bus. */
int64_t gw_modbus_unit_next_ns(const struct gw_modbus_unit *u);
/* Which of its polls to ask now; one of another shape than the last if there is one due. */
size_t gw_modbus_unit_pick(struct gw_modbus_unit *u, int64_t now_ns);
/* It went out. Returns how many regular places of it had already passed unused. */
uint64_t gw_modbus_unit_on_sent(struct gw_modbus_unit *u, size_t poll, int64_t now_ns);
/* Whether the answer just received may be that of an earlier request which timed out: nothing of
 * it may be used. The line must then be drained, and the poll is due at once; the next answer is
 * believed. Call before answered or refused. */
bool gw_modbus_unit_may_be_stale(
	struct gw_modbus_unit *u, size_t poll, bool exception, int64_t now_ns);
/* A unit that costs time without proof that it is alive; others go first. */
bool gw_modbus_unit_suspect(const struct gw_modbus_unit *u);

/* What the driver has to tell after an outcome. */
struct gw_modbus_change {
	bool died, revived; /* one line in the log */
	bool unit_bad;      /* all its points are bad now */
	bool poll_bad;      /* those of this request are; see bad_first, bad_n */
	size_t first, n;    /* fields, if poll_bad */
};

void gw_modbus_unit_on_response(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change);
/* An exception answer of the unit itself (not of a gateway that could not reach it). */
void gw_modbus_unit_on_exception(struct gw_modbus_unit *u, size_t poll, unsigned code,
	int64_t now_ns, struct gw_modbus_change *ret_change);
/* No answer, or none that could be used. */
void gw_modbus_unit_on_failure(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change);

#endif
