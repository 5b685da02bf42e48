/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_server: a Modbus server for tests that misbehaves when told to. The answers are made by
 * libmodbus, so that they share no code with the gateway; the faults are put in afterwards.
 *
 *     modbus_server tcp [PORT]    listens on 127.0.0.1 (0: any), prints "ready PORT"
 *     modbus_server rtu LINK      makes a pty and LINK pointing to it, prints "ready LINK"
 *
 * Units 1 to 16 exist unless told otherwise, each with 65536 coils, discrete inputs, input and
 * holding registers, all 0. Commands come on stdin, one a line; each is answered on stdout by one
 * line, "ok ..." or "error ...". U is a unit or *, KIND coil, discrete, input or holding, N a
 * number of answers (-1: until told otherwise).
 *
 *     set U KIND ADDR VALUE...    values one after the other, 0..65535 (0x.. too)
 *     alive U on|off              off: the unit does not answer (and is not counted)
 *     hole U KIND ADDR COUNT      requests that touch these are refused (exception 2)
 *     fill U KIND ADDR COUNT      the hole is gone
 *     most U COUNT                longer requests are refused (exception 2); 0: no limit
 *     fault U NAME N [ARG]        the next N answers of U are spoilt:
 *         late        by ARG ms              drop        not sent at all
 *         exception   ARG (code) instead     wrong-unit  the unit id is another one
 *         wrong-function                     wrong-count the byte count is one too many
 *         wrong-length  (TCP) MBAP length    wrong-protocol  (TCP) protocol id 1
 *         wrong-transaction  (TCP)           bad-crc     (RTU)
 *         stray       ARG bytes before it    extra       ARG bytes after it
 *         half        only its first half    drip        one byte every ARG ms
 *         close       (TCP) instead of answering         twice  sent twice
 *         foreign     preceded by a good answer of another unit (RTU)
 *     fault U none 0              no more of any
 *     raw HEX                     sends these bytes now, unasked (to every connection)
 *     unplug / plug               TCP: closes all and stops listening, listens again on the same
 *                                 port. RTU: the pty goes away; a new one appears behind LINK
 *     disconnect                  (TCP) closes the connections, goes on listening
 *     stats U                     "ok REQUESTS CONNECTIONS WRITES": requests to U, connections
 *                                 accepted and write requests, ever
 *     trace U                     "ok FUNCTION:ADDR:COUNT ...": its requests since the last trace
 *     quit
 *
 * A unit on RTU answers one request after the other: what is asked while an answer is late waits
 * behind it. Requests that would write are refused (exception 1), counted, and said on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define UNITS     256
#define REGISTERS 65536
#define CONNS     64
#define QUEUE     4096
#define TRACE     512

enum { COIL = 1, DISCRETE, HOLDING, INPUT };
static const char *const kinds[] = {"", "coil", "discrete", "holding", "input"};

static const char *const faults[] = {"none", "late", "drop", "exception", "wrong-unit",
	"wrong-function", "wrong-count", "wrong-length", "wrong-protocol",
	"wrong-transaction", "bad-crc", "stray", "extra", "half", "drip", "close", "twice",
	"foreign", NULL};
enum {
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
	FOREIGN
};

struct unit {
	bool exists, alive;
	modbus_mapping_t *map;
	uint8_t *holes[5]; /* one bit each, made when needed */
	int most;
	int fault, times, arg;
	int64_t busy_ms; /* RTU: no answer leaves before this */
	unsigned requests, n_trace;
	uint8_t traced[TRACE][5];
};

struct conn {
	int fd; /* -1: free */
	size_t n;
	uint8_t in[512];
};

struct out { /* bytes that leave later */
	int64_t at_ms;
	int conn;
	unsigned generation;
	size_t n;
	uint8_t bytes[300];
};

static bool rtu;
static const char *link_path;
static int listener = -1, port, slave_fd = -1;
static struct unit units[UNITS];
static struct conn conns[CONNS];
static unsigned generation[CONNS];
static struct out queue[QUEUE];
static size_t n_queue;
static unsigned accepted, writes;
static modbus_t *maker; /* writes its answers into a socket pair */
static int made_fd;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned crc16(const uint8_t *p, size_t n)
{
	unsigned crc = 0xffff;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return crc;
}

static void close_conn(int c)
{
	if (conns[c].fd >= 0)
		close(conns[c].fd);
	conns[c].fd = -1;
	conns[c].n = 0;
	generation[c]++;
}

static void send_now(int c, const uint8_t *bytes, size_t n)
{
	if (conns[c].fd >= 0 && write(conns[c].fd, bytes, n) < 0)
		close_conn(c);
}

static void send_later(int c, int64_t in_ms, const uint8_t *bytes, size_t n)
{
	struct out *o;

	if (in_ms <= 0 && n_queue == 0) {
		send_now(c, bytes, n);
		return;
	}
	if (n_queue == QUEUE || n > sizeof(o->bytes))
		return;
	o = &queue[n_queue++];
	o->at_ms = now_ms() + in_ms;
	o->conn = c;
	o->generation = generation[c];
	o->n = n;
	memcpy(o->bytes, bytes, n);
}

static int64_t send_due(void)
{
	int64_t now = now_ms(), next = -1;
	size_t kept = 0;

	for (size_t i = 0; i < n_queue; i++) {
		struct out *o = &queue[i];

		if (o->at_ms <= now) {
			if (o->generation == generation[o->conn])
				send_now(o->conn, o->bytes, o->n);
			continue;
		}
		if (next < 0 || o->at_ms - now < next)
			next = o->at_ms - now;
		queue[kept++] = *o;
	}
	n_queue = kept;
	return next;
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

/* What libmodbus answers to the request. */
static size_t make_answer(
	struct unit *u, const uint8_t *req, size_t n, uint8_t *ret, size_t size)
{
	const uint8_t *pdu = rtu ? req : req + 6;
	unsigned function = pdu[1];
	int code = 0;
	ssize_t got;

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
	got = recv(made_fd, ret, size, MSG_DONTWAIT);
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

static void send_spoilt(int c, struct unit *u, int64_t in_ms, uint8_t *a, size_t n)
{
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
	if (u->fault == EXTRA) {
		memcpy(a + n, junk, extra);
		n += extra;
	}
	send_later(c, in_ms, a, n);
}

static void serve(int c, const uint8_t *req, size_t n)
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
		send_spoilt(c, u, in_ms, answer, len);
	if (u->times > 0)
		u->times--;
}

/* Requests of the functions that read are 8 bytes on a line; TCP says how many. */
static void take_requests(int c)
{
	struct conn *k = &conns[c];

	for (;;) {
		size_t want = rtu ? 8 : k->n >= 6 ? 6 + get16(k->in + 4) : 6;

		if (want > sizeof(k->in)) {
			close_conn(c);
			return;
		}
		if (k->n < want || want < 8)
			return;
		if (!rtu || crc16(k->in, 6) == (k->in[6] | (unsigned)k->in[7] << 8))
			serve(c, k->in, want);
		if (k->fd < 0 || k->n < want)
			return;
		k->n -= want;
		memmove(k->in, k->in + want, k->n);
	}
}

static void read_conn(int c)
{
	struct conn *k = &conns[c];
	ssize_t n = read(k->fd, k->in + k->n, sizeof(k->in) - k->n);

	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		close_conn(c);
		return;
	}
	k->n += (size_t)n;
	take_requests(c);
}

static void plug_tcp(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0)
		die("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		listen(listener, 16) != 0)
		die("listen");
	getsockname(listener, (struct sockaddr *)&sa, &len);
	port = ntohs(sa.sin_port);
}

static void plug_rtu(void)
{
	struct termios raw;
	char name[128];

	memset(&raw, 0, sizeof(raw));
	cfmakeraw(&raw);
	/* Our own hold on the slave keeps the master from reading EIO while nobody has it open. */
	if (openpty(&conns[0].fd, &slave_fd, name, &raw, NULL) != 0)
		die("openpty");
	fcntl(conns[0].fd, F_SETFL, O_NONBLOCK);
	fcntl(conns[0].fd, F_SETFD, FD_CLOEXEC);
	unlink(link_path);
	if (symlink(name, link_path) != 0)
		die(link_path);
}

static void unplug(void)
{
	for (int c = 0; c < CONNS; c++)
		close_conn(c);
	if (listener >= 0)
		close(listener);
	if (slave_fd >= 0)
		close(slave_fd);
	listener = slave_fd = -1;
	if (rtu)
		unlink(link_path);
}

static void accept_conn(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;

	if (fd < 0)
		return;
	accepted++;
	for (int c = 0; c < CONNS; c++) {
		if (conns[c].fd >= 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		conns[c].fd = fd;
		conns[c].n = 0;
		return;
	}
	close(fd);
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; name && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static int kind_of(const char *name)
{
	for (int i = COIL; name && i <= INPUT; i++)
		if (strcmp(kinds[i], name) == 0)
			return i;
	return -1;
}

static bool set_values(struct unit *u, int kind, long addr)
{
	const char *word;

	for (; (word = strtok(NULL, " ")); addr++) {
		uint16_t v = (uint16_t)strtol(word, NULL, 0);

		if (addr < 0 || addr >= REGISTERS)
			return false;
		switch (kind) {
		case COIL: u->map->tab_bits[addr] = v != 0; break;
		case DISCRETE: u->map->tab_input_bits[addr] = v != 0; break;
		case HOLDING: u->map->tab_registers[addr] = v; break;
		default: u->map->tab_input_registers[addr] = v; break;
		}
	}
	return true;
}

static bool set_hole(struct unit *u, int kind, long addr, long count, bool hole)
{
	if (addr < 0 || count < 1 || addr + count > REGISTERS)
		return false;
	if (!u->holes[kind])
		u->holes[kind] = calloc(REGISTERS, 1);
	if (u->holes[kind])
		memset(u->holes[kind] + addr, hole, (size_t)count);
	return u->holes[kind] != NULL;
}

static long number(const char *word)
{
	return word ? strtol(word, NULL, 0) : -1;
}

static void need_unit(struct unit *u)
{
	if (u->exists)
		return;
	u->map = modbus_mapping_new(REGISTERS, REGISTERS, REGISTERS, REGISTERS);
	if (!u->map)
		die("mapping");
	u->exists = u->alive = true;
}

/* One command for one unit; the rest of its words are in strtok. */
static bool command_unit(const char *verb, struct unit *u, char *rest)
{
	char *word = strtok(rest, " ");
	long a, b;
	int k;

	need_unit(u);
	if (strcmp(verb, "alive") == 0) {
		u->alive = word && strcmp(word, "on") == 0;
		return word && (u->alive || strcmp(word, "off") == 0);
	}
	if (strcmp(verb, "most") == 0) {
		u->most = (int)number(word);
		return u->most >= 0;
	}
	if (strcmp(verb, "fault") == 0) {
		k = index_of(faults, word);
		if (k < 0)
			return false;
		u->fault = k;
		u->times = (int)number(strtok(NULL, " "));
		u->arg = (int)number(strtok(NULL, " "));
		return true;
	}
	k = kind_of(word);
	if (k < 0)
		return false;
	a = number(strtok(NULL, " "));
	if (strcmp(verb, "set") == 0)
		return set_values(u, k, a);
	b = number(strtok(NULL, " "));
	if (strcmp(verb, "hole") == 0 || strcmp(verb, "fill") == 0)
		return set_hole(u, k, a, b, verb[0] == 'h');
	return false;
}

static void say_trace(struct unit *u)
{
	printf("ok");
	for (unsigned i = 0; i < u->n_trace; i++)
		printf(" %u:%u:%u", u->traced[i][0], get16(u->traced[i] + 1),
			get16(u->traced[i] + 3));
	printf("\n");
	u->n_trace = 0;
}

static void send_raw(const char *hex)
{
	uint8_t bytes[256];
	size_t n = 0;
	unsigned b;

	for (; n < sizeof(bytes) && sscanf(hex + 2 * n, "%2x", &b) == 1; n++)
		bytes[n] = (uint8_t)b;
	for (int c = 0; c < CONNS; c++)
		if (conns[c].fd >= 0)
			send_now(c, bytes, n);
}

static bool command_all(const char *verb, const char *word)
{
	if (strcmp(verb, "unplug") == 0) {
		unplug();
	} else if (strcmp(verb, "plug") == 0) {
		if (rtu)
			plug_rtu();
		else
			plug_tcp();
	} else if (strcmp(verb, "disconnect") == 0) {
		for (int c = 0; !rtu && c < CONNS; c++)
			close_conn(c);
	} else if (strcmp(verb, "raw") == 0 && word) {
		send_raw(word);
	} else {
		return false;
	}
	return true;
}

static void command(char *line)
{
	char all[4096];
	char *verb = strtok(line, " "), *who, *rest;
	bool good = true;

	if (!verb)
		return;
	who = strtok(NULL, " ");
	rest = strtok(NULL, "");
	if (command_all(verb, who)) {
		printf("ok\n");
		return;
	}
	if (!who) {
		printf("error: %s?\n", verb);
		return;
	}
	if (strcmp(who, "*") != 0 && (number(who) < 0 || number(who) >= UNITS)) {
		printf("error: no unit %s\n", who);
		return;
	}
	if (strcmp(verb, "stats") == 0) {
		printf("ok %u %u %u\n", units[number(who)].requests, accepted, writes);
		return;
	}
	if (strcmp(verb, "trace") == 0) {
		say_trace(&units[number(who)]);
		return;
	}
	for (int i = 0; i < UNITS; i++) {
		if (strcmp(who, "*") == 0 ? !units[i].exists : i != number(who))
			continue;
		snprintf(all, sizeof(all), "%s", rest ? rest : "");
		good = command_unit(verb, &units[i], all) && good;
	}
	printf(good ? "ok\n" : "error: not understood\n");
}

/* False at the end of stdin or at quit. */
static bool read_commands(void)
{
	static char text[8192];
	static size_t n;
	ssize_t got = read(0, text + n, sizeof(text) - 1 - n);
	char *end;

	if (got <= 0)
		return false;
	n += (size_t)got;
	text[n] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end = '\0';
		if (strcmp(text, "quit") == 0)
			return false;
		command(text);
		fflush(stdout);
		n -= (size_t)(end + 1 - text);
		memmove(text, end + 1, n + 1);
	}
	return true;
}

static void run(void)
{
	for (;;) {
		struct pollfd fds[CONNS + 2] = {
			{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
		int64_t wait = send_due();

		for (int c = 0; c < CONNS; c++) {
			fds[c + 2].fd = conns[c].fd;
			fds[c + 2].events = POLLIN;
		}
		if (poll(fds, CONNS + 2, (int)wait) < 0 && errno != EINTR)
			die("poll");
		for (int c = 0; c < CONNS; c++)
			if (fds[c + 2].revents && conns[c].fd == fds[c + 2].fd)
				read_conn(c);
		if (fds[1].revents && listener >= 0)
			accept_conn();
		if (fds[0].revents && !read_commands())
			return;
	}
}

int main(int argc, char **argv)
{
	int pair[2];

	rtu = argc > 1 && strcmp(argv[1], "rtu") == 0;
	if (argc < 2 || (rtu && argc < 3) || (!rtu && strcmp(argv[1], "tcp") != 0)) {
		fprintf(stderr, "usage: modbus_server tcp [PORT] | rtu LINK\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int c = 0; c < CONNS; c++)
		conns[c].fd = -1;
	for (int i = 1; i <= 16; i++)
		need_unit(&units[i]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
	maker = rtu ? modbus_new_rtu("/none", 9600, 'N', 8, 1) : modbus_new_tcp(NULL, 0);
	if (!maker)
		die("modbus");
	modbus_set_socket(maker, pair[0]);
	modbus_set_response_timeout(maker, 0, 1);
	made_fd = pair[1];
	if (rtu) {
		link_path = argv[2];
		plug_rtu();
		printf("ready %s\n", link_path);
	} else {
		port = argc > 2 ? atoi(argv[2]) : 0;
		plug_tcp();
		printf("ready %d\n", port);
	}
	fflush(stdout);
	run();
	unplug();
	for (int i = 0; i < UNITS; i++) {
		if (units[i].map)
			modbus_mapping_free(units[i].map);
		for (int k = 0; k < 5; k++)
			free(units[i].holes[k]);
	}
	modbus_free(maker);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
