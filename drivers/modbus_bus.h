/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_bus.h: the outstanding request on one serial line or connection: which unit is next, what
 * its response means, and how the line is resynchronised after an error.
 *
 * Owner: the driver's state. Thread: the source's. Life: zeroed, filled at open, poll..., close.
 */
#ifndef GW_DRIVERS_MODBUS_BUS_H
#define GW_DRIVERS_MODBUS_BUS_H

#include "drivers/modbus_codec.h"
#include "drivers/modbus_link.h"
#include "drivers/modbus_map.h"
#include "drivers/modbus_unit.h"
#include "source/driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_modbus_phase {
	GW_MODBUS_IDLE,              /* no request is outstanding */
	GW_MODBUS_AWAITING_RESPONSE, /* a response is awaited */
	GW_MODBUS_AWAITING_SILENCE,  /* RTU, after an error: until the line was silent */
	GW_MODBUS_CONNECTING,        /* TCP, after an error: a new connection */
};

struct gw_modbus_bus {
	/* set at open */
	const struct gw_source_opts *opts;
	struct gw_modbus_link link;
	enum gw_modbus_wire wire;
	int64_t timeout_ns, gap_ns, connect_ns, connect_delay_ns;
	bool lenient_unit, lenient_transaction; /* 0 in an answer is taken, too */
	struct gw_modbus_unit *units;
	int64_t *next_ns; /* per unit: when it wants the bus */
	size_t n_units, n_alive;
	/* the outstanding request */
	enum gw_modbus_phase phase;
	int64_t until_ns; /* end of the phase, or of the silence before the next request */
	int64_t give_up_ns;    /* AWAITING_SILENCE: the link is lost after this */
	int64_t sent_ns;       /* AWAITING_RESPONSE: when the request went out */
	int64_t probe_ns;      /* no unresponsive unit is asked before this */
	unsigned breaks;       /* of the connection since the last response */
	unsigned timeouts;     /* TCP: requests without an answer since the last response */
	unsigned n_unanswered; /* ever: the next place in request.unanswered */
	size_t unit, poll;     /* indexes of the unit and of its poll (modbus_unit.h) */
	struct gw_modbus_request request;
	const char *why;     /* what is wrong with what came so far; NULL: nothing */
	int64_t received_ns; /* when the last of it came */
	size_t got;
	uint8_t adu[2 * GW_MODBUS_ADU_MAX]; /* a response, and what may stand around it */
};

/* The poll of both drivers (source/driver.h); bus is a struct gw_modbus_bus. */
enum gw_err gw_modbus_bus_poll(
	void *bus, int timeout_ms, struct gw_emit *emit, struct gw_error *err);

#endif
