/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of modbus_server: libmodbus makes them, then they are spoilt. */
#include "modbus_server.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static modbus_t *maker; /* writes its answers into a socket pair */
static int pair[2] = {-1, -1};

void answers_init(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
	maker = rtu ? modbus_new_rtu("/none", 9600, 'N', 8, 1) : modbus_new_tcp(NULL, 0);
	if (!maker)
		die("modbus");
	modbus_set_socket(maker, pair[0]);
	modbus_set_response_timeout(maker, 0, 1);
}

void answers_fini(void)
{
	modbus_free(maker);
	close(pair[0]);
	close(pair[1]);
}

unsigned crc16(const uint8_t *p, size_t n)
{
	unsigned crc = 0xffff;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return crc;
}

static bool in_hole(const struct unit *u, unsigned kind, unsigned addr, unsigned count)
{
	if (u->most > 0 && count > (unsigned)u->most)
		return true;
	for (unsigned i = addr; u->holes[kind] && i < addr + count && i < REGISTERS; i++)
		if (u->holes[kind][i])
			return true;
	return false;
}

/* Four bytes a register, which libmodbus does not know. */
static size_t make_wide_answer(const struct unit *u, const uint8_t *req, uint8_t *ret)
{
	size_t head = rtu ? 0 : 6, n = head + 3;
	const uint8_t *pdu = req + head;
	unsigned addr = get16(pdu + 2), count = get16(pdu + 4), crc;
	const uint16_t *tab = pdu[1] == HOLDING ? u->map->tab_registers
						: u->map->tab_input_registers;

	if (count > 62)
		return 0;
	memcpy(ret, req, head + 2);
	ret[head + 2] = (uint8_t)(4 * count);
	for (unsigned i = 2 * addr; i < 2 * (addr + count) && i < REGISTERS; i++) {
		ret[n++] = (uint8_t)(tab[i] >> 8);
		ret[n++] = (uint8_t)tab[i];
	}
	if (rtu) {
		crc = crc16(ret, n);
		ret[n++] = (uint8_t)crc;
		ret[n++] = (uint8_t)(crc >> 8);
	} else {
		ret[4] = (uint8_t)((n - 6) >> 8);
		ret[5] = (uint8_t)(n - 6);
	}
	return n;
}

/* What libmodbus answers to the request. */
static size_t make_answer(
	struct unit *u, const uint8_t *req, size_t n, uint8_t *ret, size_t size)
{
	const uint8_t *pdu = rtu ? req : req + 6;
	unsigned function = pdu[1];
	int code = 0;
	ssize_t got;

	if (u->wide && (function == HOLDING || function == INPUT))
		return make_wide_answer(u, req, ret);
	modbus_set_slave(maker, pdu[0]);
	if (u->fault == EXCEPTION && u->times != 0)
		code = u->arg;
	else if (function < COIL || function > INPUT)
		code = MODBUS_EXCEPTION_ILLEGAL_FUNCTION;
	else if (in_hole(u, function, get16(pdu + 2), get16(pdu + 4)))
		code = MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS;
	if (code)
		modbus_reply_exception(maker, req, (unsigned)code);
	else
		modbus_reply(maker, req, (int)n, u->map);
	got = recv(pair[1], ret, size, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

static void fix_crc(uint8_t *a, size_t n)
{
	unsigned crc;

	if (!rtu || n < 4)
		return;
	crc = crc16(a, n - 2);
	a[n - 2] = (uint8_t)crc;
	a[n - 1] = (uint8_t)(crc >> 8);
}

static void send_foreign(int c, const uint8_t *a, size_t n)
{
	uint8_t other[300];

	memcpy(other, a, n);
	other[rtu ? 0 : 6] ^= 0x10;
	fix_crc(other, n);
	send_later(c, 0, other, n);
}

static void send_spoilt(
	int c, struct unit *u, int64_t in_ms, const uint8_t *req, uint8_t *a, size_t n)
{
	static const uint8_t edge[2] = {0x00, 0xff};
	static const uint8_t junk[64] = {0x00, 0xff, 0x55, 0x03, 0x02, 0x01};
	uint8_t *pdu = rtu ? a : a + 6;
	size_t extra = (size_t)(u->arg > 0 && u->arg < 64 ? u->arg : 1);

	switch (u->fault) {
	case DROP: return;
	case CLOSE: close_conn(c); return;
	case LATE:
		in_ms += u->arg;
		u->busy_ms = rtu ? now_ms() + in_ms : 0;
		break;
	case WRONG_UNIT: pdu[0] ^= 1; break;
	case WRONG_FUNCTION: pdu[1] ^= 7; break;
	case WRONG_COUNT: pdu[2]++; break;
	case WRONG_LENGTH: a[5]++; break;
	case WRONG_PROTOCOL: a[3] = 1; break;
	case WRONG_TRANSACTION: a[1] ^= 1; break;
	case STRAY: send_later(c, in_ms, junk, extra); break;
	case HALF: n /= 2; break;
	case TWICE: send_later(c, in_ms, a, n); break;
	case FOREIGN: send_foreign(c, a, n); break;
	case ECHO: send_later(c, in_ms, req, 8); break;
	case EDGES: send_later(c, in_ms, edge, 2); break;
	case ZERO_UNIT: pdu[0] = 0; break;
	case ZERO_TRANSACTION: a[0] = a[1] = 0; break;
	case DRIP:
		for (size_t i = 0; i < n; i++)
			send_later(c, in_ms + (int64_t)i * u->arg + 1, a + i, 1);
		return;
	default: break;
	}
	if (u->fault == WRONG_UNIT || u->fault == WRONG_FUNCTION || u->fault == WRONG_COUNT)
		fix_crc(a, n);
	if (u->fault == BAD_CRC)
		a[n - 1] ^= 1;
	if (u->fault == EDGES) {
		memset(a + n, 0, 3);
		n += 3;
	}
	if (u->fault == EXTRA) {
		memcpy(a + n, junk, extra);
		n += extra;
	}
	send_later(c, in_ms, a, n);
}

void serve(int c, const uint8_t *req, size_t n)
{
	const uint8_t *pdu = rtu ? req : req + 6;
	struct unit *u = &units[pdu[0]];
	uint8_t answer[400];
	int64_t in_ms = u->busy_ms - now_ms();
	size_t len;

	if (pdu[1] < COIL || pdu[1] > INPUT) {
		writes++;
		fprintf(stderr, "modbus_server: function %u asked for\n", pdu[1]);
	}
	if (!u->exists || !u->alive)
		return;
	u->requests++;
	if (u->n_trace < TRACE)
		memcpy(u->traced[u->n_trace++], pdu + 1, 5);
	len = make_answer(u, req, n, answer, 300);
	if (len == 0)
		return;
	if (in_ms < 0)
		in_ms = 0;
	if (u->times == 0 || u->fault == NONE || u->fault == EXCEPTION)
		send_later(c, in_ms, answer, len);
	else
		send_spoilt(c, u, in_ms, req, answer, len);
	if (u->times > 0)
		u->times--;
}
