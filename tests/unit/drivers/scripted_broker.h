/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted_broker.h: an MQTT broker of our own that misbehaves on command and sees every byte:
 * when an acknowledgement leaves is visible nowhere else.
 */
#ifndef TESTS_SCRIPTED_BROKER_H
#define TESTS_SCRIPTED_BROKER_H

#include "driver_fixture.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>

enum mode {
	PLAIN,      /* answer everything */
	SILENT,     /* accept and say nothing */
	HANG_UP,    /* close after the first bytes */
	NO_V5,      /* refuse MQTT 5 as an old broker does, then answer */
	HANG_UP_V5, /* close on MQTT 5, answer 3.1.1 */
	DEAF,       /* never answer SUBSCRIBE, but send a message every 100 ms */
	POISON      /* after SUBSCRIBE, until a clean session, a message that is no MQTT */
};

struct broker {
	enum mode mode;
	int listen_fd, port;
	pthread_t id;
	_Atomic int fd; /* of the client now, -1: none */
	int fds[16];    /* of all clients, closed at the end */
	size_t n_fds;
	_Atomic bool stop;
	_Atomic int version, connects, acks, pings, cleans;
	_Atomic bool hung_up; /* HANG_UP: after a byte of the client */
	uint16_t acked[64];   /* packet identifiers, in order; valid below acks */
	_Atomic bool subscribed;
	int64_t oldest_beat_ns; /* DEAF: the longest the client's thread went without one */
	struct driver_fixture *driver_fixture;
};

FIXTURE bool read_all(int fd, void *to, size_t n)
{
	unsigned char *at = to;

	while (n > 0) {
		ssize_t got = recv(fd, at, n, 0);

		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

/* One packet of the client (all of ours are short). Returns its first byte, 0 at the end. */
FIXTURE unsigned char read_packet(int fd, unsigned char *body, size_t size)
{
	unsigned char first, byte;
	size_t n = 0;

	if (!read_all(fd, &first, 1))
		return 0;
	for (unsigned shift = 0;; shift += 7) {
		if (!read_all(fd, &byte, 1))
			return 0;
		n |= (size_t)(byte & 127) << shift;
		if (byte < 128)
			break;
	}
	assert_true(n <= size);
	return read_all(fd, body, n) ? first : 0;
}

/* Messages without end, and a look at the client's beat before each. */
FIXTURE void talk(struct broker *b, int fd)
{
	while (!b->stop) {
		int64_t age_ns = gw_clock_boot_ns() -
			atomic_load(&b->driver_fixture->thread.beat_ns);

		if (age_ns > b->oldest_beat_ns)
			b->oldest_beat_ns = age_ns;
		if (send(fd,
			    "\x30\x05\x00\x01t\x00"
			    "7",
			    7, MSG_NOSIGNAL) <= 0)
			return;
		usleep(100000);
	}
}

FIXTURE void answer(struct broker *b, int fd)
{
	unsigned char body[65536], first;
	int version = 4;

	while ((first = read_packet(fd, body, sizeof(body))) != 0) {
		switch (first >> 4) {
		case 1: /* CONNECT */
			b->version = version = body[6];
			b->connects++;
			if (body[7] & 2)
				b->cleans++;
			if (version == 5 && b->mode == HANG_UP_V5)
				return;
			if (version == 5 && b->mode == NO_V5) {
				send(fd, "\x20\x02\x00\x01", 4, MSG_NOSIGNAL);
				return;
			}
			if (b->mode == SILENT)
				break;
			if (version == 5)
				send(fd, "\x20\x03\x00\x00\x00", 5, MSG_NOSIGNAL);
			else
				send(fd, "\x20\x02\x00\x00", 4, MSG_NOSIGNAL);
			break;
		case 8: { /* SUBSCRIBE of one topic */
			unsigned char v5[] = {0x90, 4, body[0], body[1], 0, 1};
			unsigned char v4[] = {0x90, 3, body[0], body[1], 1};

			b->subscribed = true;
			if (b->mode == DEAF) {
				talk(b, fd);
				return;
			}
			send(fd, version == 5 ? v5 : v4, version == 5 ? 6 : 5,
				MSG_NOSIGNAL);
			if (b->mode == POISON && b->cleans == 0) /* identifier 0 */
				send(fd,
					"\x32\x07\x00\x01t\x00\x00\x00"
					"1",
					9, MSG_NOSIGNAL);
			break;
		}
		case 4: /* PUBACK */
			if (b->acks < 64)
				b->acked[b->acks] = (uint16_t)(body[0] << 8 | body[1]);
			b->acks++;
			break;
		case 12: /* PINGREQ */ b->pings++; break;
		default: break;
		}
	}
}

FIXTURE void *run_broker(void *arg)
{
	struct broker *b = arg;

	while (!b->stop) {
		int fd = accept(b->listen_fd, NULL, NULL);
		char byte;

		if (fd < 0)
			break;
		assert_true(b->n_fds < 16);
		/* or what is sent in pieces would arrive in one */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		b->fds[b->n_fds++] = fd;
		b->fd = fd;
		if (b->mode == HANG_UP)
			b->hung_up = recv(fd, &byte, 1, 0) == 1;
		else
			answer(b, fd);
		b->fd = -1;
		shutdown(fd, SHUT_RDWR);
	}
	return NULL;
}

FIXTURE void start(struct broker *b, enum mode mode)
{
	*b = (struct broker){.mode = mode, .fd = -1};
	b->listen_fd = fixture_listen(&b->port, 8);
	assert_int_equal(pthread_create(&b->id, NULL, run_broker, b), 0);
}

FIXTURE void end(struct broker *b)
{
	int fd;

	b->stop = true;
	shutdown(b->listen_fd, SHUT_RDWR);
	fd = b->fd;
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	pthread_join(b->id, NULL);
	while (b->n_fds > 0)
		close(b->fds[--b->n_fds]);
	close(b->listen_fd);
}

FIXTURE void publish_to(
	struct broker *b, char topic, int qos, uint16_t mid, const char *payload)
{
	unsigned char packet[64];
	size_t n = 0, size = strlen(payload), v5 = b->version == 5 ? 1 : 0;

	packet[n++] = (unsigned char)(0x30 | qos << 1);
	packet[n++] = (unsigned char)(3u + (qos ? 2u : 0u) + v5 + size);
	packet[n++] = 0;
	packet[n++] = 1;
	packet[n++] = (unsigned char)topic;
	if (qos) {
		packet[n++] = (unsigned char)(mid >> 8);
		packet[n++] = (unsigned char)mid;
	}
	if (v5)
		packet[n++] = 0;
	memcpy(packet + n, payload, size);
	assert_true(send(b->fd, packet, n + size, MSG_NOSIGNAL) > 0);
}

FIXTURE void publish(struct broker *b, int qos, uint16_t mid, const char *payload)
{
	publish_to(b, 't', qos, mid, payload);
}

static const char *const one[] = {"x"};

/* With a device on t and one on u. */
FIXTURE void up_two(struct driver_fixture *driver_fixture, struct broker *b)
{
	fixture_begin(driver_fixture, b->port);
	fixture_device(driver_fixture, "t", 1, one);
	fixture_device(driver_fixture, "u", 1, one);
	must_open(driver_fixture);
}

/* Poll until the broker has got so many in all, and no more of them come. */
FIXTURE void expect_acks(struct driver_fixture *driver_fixture, struct broker *b, int n)
{
	int64_t until_ms = fixture_ms() + 10000;

	while (b->acks < n && fixture_ms() < until_ms)
		assert_int_equal(fixture_poll(driver_fixture, 10), GW_OK);
	fixture_idle(driver_fixture, 50);
	assert_int_equal(b->acks, n);
}

#endif
