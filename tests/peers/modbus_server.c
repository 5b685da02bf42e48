/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_server: a Modbus server for tests that misbehaves when told to. The answers are made by
 * libmodbus, so that they share no code with the gateway; the faults are put in afterwards.
 *
 *     modbus_server tcp [PORT]    listens on 127.0.0.1 (0: any), prints "ready PORT"
 *     modbus_server rtu-tcp [PORT]  the same with frames of RTU
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
 *     wide U 0|1                  registers of 32 bits: N is the words 2 N and 2 N + 1
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
 *         echo        preceded by the request (RTU)
 *         edges       00 FF before and three zeros after it
 *         zero-unit   unit id 0              zero-transaction  (TCP) transaction id 0
 *     fault U none 0              no more of any
 *     greet HEX|-                 each new connection begins with these bytes
 *     deaf MS                     what comes in so long after a connection began is not heard
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
#include "modbus_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
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

#define QUEUE 4096

struct out { /* bytes that leave later */
	int64_t at_ms;
	int conn;
	unsigned generation;
	size_t n;
	uint8_t bytes[300];
};

bool rtu, serial;
uint8_t greeting[256];
size_t n_greeting;
int deaf_ms;
struct unit units[UNITS];
struct conn conns[CONNS];
unsigned accepted, writes;
static const char *link_path;
static int listener = -1, port, slave_fd = -1;
static unsigned generation[CONNS];
static struct out queue[QUEUE];
static size_t n_queue;

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void die(const char *what)
{
	perror(what);
	exit(1);
}

void close_conn(int c)
{
	if (conns[c].fd >= 0)
		close(conns[c].fd);
	conns[c].fd = -1;
	conns[c].n = 0;
	generation[c]++;
}

void send_now(int c, const uint8_t *bytes, size_t n)
{
	if (conns[c].fd >= 0 && write(conns[c].fd, bytes, n) < 0)
		close_conn(c);
}

void send_later(int c, int64_t in_ms, const uint8_t *bytes, size_t n)
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
	size_t left = 0;

	for (size_t i = 0; i < n_queue; i++) {
		struct out *o = &queue[i];

		if (o->at_ms <= now) {
			if (o->generation == generation[o->conn])
				send_now(o->conn, o->bytes, o->n);
			continue;
		}
		if (next < 0 || o->at_ms - now < next)
			next = o->at_ms - now;
		queue[left++] = *o;
	}
	n_queue = left;
	return next;
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
	if (now_ms() < k->deaf_until_ms)
		return;
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

void plug(void)
{
	if (serial)
		plug_rtu();
	else
		plug_tcp();
}

void unplug(void)
{
	for (int c = 0; c < CONNS; c++)
		close_conn(c);
	if (listener >= 0)
		close(listener);
	if (slave_fd >= 0)
		close(slave_fd);
	listener = slave_fd = -1;
	if (serial)
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
		conns[c].deaf_until_ms = now_ms() + deaf_ms;
		send_now(c, greeting, n_greeting);
		return;
	}
	close(fd);
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
	serial = argc > 1 && strcmp(argv[1], "rtu") == 0;
	rtu = serial || (argc > 1 && strcmp(argv[1], "rtu-tcp") == 0);
	if (argc < 2 || (serial && argc < 3) || (!rtu && strcmp(argv[1], "tcp") != 0)) {
		fprintf(stderr, "usage: modbus_server tcp|rtu-tcp [PORT] | rtu LINK\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int c = 0; c < CONNS; c++)
		conns[c].fd = -1;
	for (int i = 1; i <= 16; i++)
		need_unit(&units[i]);
	answers_init();
	if (serial) {
		link_path = argv[2];
		plug();
		printf("ready %s\n", link_path);
	} else {
		port = argc > 2 ? atoi(argv[2]) : 0;
		plug();
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
	answers_fini();
	return 0;
}
