/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_link.h: the serial port or the TCP connection of one Modbus source: bytes are sent and
 * received without blocking past a deadline. libmodbus sets the port up, drives RS-485 and flushes.
 * It does not read, because its reader uses select(), which overflows at descriptor 1024, and
 * starts its timeout anew for each byte.
 *
 * Owner: the driver's state. Thread: the source's. Life: zeroed, open, send/read, close.
 */
#ifndef GW_DRIVERS_MODBUS_LINK_H
#define GW_DRIVERS_MODBUS_LINK_H

#include "base/error.h"
#include "drivers/dns.h"
#include "drivers/modbus_map.h"

#include <modbus.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_modbus_link {
	modbus_t *ctx;              /* NULL: closed */
	int fd;                     /* valid while ctx is and the link is up; else -1 */
	bool serial;                /* RTU, else TCP */
	int64_t char_ns;            /* RTU: one character on the line */
	struct gw_dns_address peer; /* TCP: where to connect again without asking DNS */
};

/* Opens the port with the given speed and format. GW_ERR_LINK with what to look at. */
enum gw_err gw_modbus_link_open_rtu(struct gw_modbus_link *l,
	const struct gw_modbus_rtu_opts *opts, struct gw_error *err);

/* Finds the host and connects to the first of its addresses that accepts, all within the connect
 * timeout, and beats meanwhile; ends early with GW_ERR_STOPPED when the source is to stop. */
enum gw_err gw_modbus_link_open_tcp(struct gw_modbus_link *l,
	const struct gw_modbus_tcp_opts *opts, struct gw_emit *emit, struct gw_error *err);

/* TCP only: drop the connection and begin a new one to the same address; fd is then to be
 * polled for POLLOUT. */
enum gw_err gw_modbus_link_reconnect(struct gw_modbus_link *l, struct gw_error *err);
/* fd was writable: is the connection up? */
enum gw_err gw_modbus_link_connected(struct gw_modbus_link *l, struct gw_error *err);

/* One request as the codec made it. GW_ERR_LINK if the port or connection is gone. */
enum gw_err gw_modbus_link_send(
	struct gw_modbus_link *l, const uint8_t *adu, size_t n, struct gw_error *err);
/* What has come, without waiting; *ret_n is 0 if nothing has. GW_ERR_LINK at its end. */
enum gw_err gw_modbus_link_read(struct gw_modbus_link *l, uint8_t *bytes, size_t size,
	size_t *ret_n, struct gw_error *err);
/* RTU: throw away what lies in the port's buffers. */
enum gw_err gw_modbus_link_flush(struct gw_modbus_link *l, struct gw_error *err);

/* Closes whatever is open; any state, twice. */
void gw_modbus_link_close(struct gw_modbus_link *l);

#endif
