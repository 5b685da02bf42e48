/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_server.h: the parts of modbus_server: the loop and its connections (modbus_server.c), the
 * answers and what spoils them (modbus_answers.c), the commands on stdin (modbus_commands.c).
 */
#ifndef TESTS_MODBUS_SERVER_H
#define TESTS_MODBUS_SERVER_H

#include <modbus.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS     256
#define REGISTERS 65536
#define CONNS     64
#define TRACE     512

enum { COIL = 1, DISCRETE, HOLDING, INPUT };

/* What spoils answers; the names are in modbus_commands.c. */
enum fault {
	NONE,
	LATE,
	DROP,
	EXCEPTION,
	WRONG_UNIT,
	WRONG_FUNCTION,
	WRONG_COUNT,
	WRONG_LENGTH,
	WRONG_PROTOCOL,
	WRONG_TRANSACTION,
	BAD_CRC,
	STRAY,
	EXTRA,
	HALF,
	DRIP,
	CLOSE,
	TWICE,
	FOREIGN,
	ECHO,
	EDGES,
	ZERO_UNIT,
	ZERO_TRANSACTION,
	FAULTS
};

struct unit {
	bool exists, alive;
	modbus_mapping_t *map;
	uint8_t *holes[5]; /* one byte each, allocated when needed */
	int most;
	bool wide; /* registers of 32 bits: N is the words 2 N and 2 N + 1 of the map */
	int fault, times, arg;
	int64_t busy_ms; /* RTU: no answer leaves before this */
	unsigned requests, n_trace;
	uint8_t traced[TRACE][5];
};

struct conn {
	int fd; /* -1: free */
	int64_t deaf_until_ms;
	size_t n;
	uint8_t in[512];
};

extern bool rtu, serial; /* the frames; a line instead of connections */
extern uint8_t greeting[256];
extern size_t n_greeting;
extern int deaf_ms; /* a new connection is not heard for so long */
extern struct unit units[UNITS];
extern struct conn conns[CONNS];
extern unsigned accepted, writes; /* connections accepted and write requests, ever */

/* ---- modbus_server.c ---- */

int64_t now_ms(void);
void die(const char *what);
void close_conn(int c);
void send_now(int c, const uint8_t *bytes, size_t n);
void send_later(int c, int64_t in_ms, const uint8_t *bytes, size_t n);
void plug(void);
void unplug(void);
static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* ---- modbus_answers.c ---- */

void answers_init(void);
void answers_fini(void);
unsigned crc16(const uint8_t *p, size_t n);
/* Answers a whole request, spoilt as its unit is told to. */
void serve(int c, const uint8_t *req, size_t n);

/* ---- modbus_commands.c ---- */

/* The unit exists and is alive from now on. */
void need_unit(struct unit *u);
/* False at the end of stdin or at quit. */
bool read_commands(void);

#endif
