/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT driver against a broker of our own that misbehaves on command and sees every byte:
 * when an acknowledgement leaves is visible nowhere else.
 */
#include "driver_bed.h"
#include "drivers/mqtt_peek.h"

#include <poll.h>
#include <pthread.h>

enum mode {
	PLAIN,      /* answer everything */
	SILENT,     /* accept and say nothing */
	HANG_UP,    /* close after the first bytes */
	NO_V5,      /* refuse MQTT 5 as an old broker does, then answer */
	HANG_UP_V5, /* close on MQTT 5, answer 3.1.1 */
	DEAF        /* never answer SUBSCRIBE, but send a message every 100 ms */
};

struct broker {
	enum mode mode;
	int listen_fd, port;
	pthread_t id;
	_Atomic int fd; /* of the client now, -1: none */
	int fds[16];    /* of all clients, closed at the end */
	size_t n_fds;
	_Atomic bool stop;
	_Atomic int version, connects, acks;
	_Atomic bool subscribed;
	int64_t oldest_beat_ns; /* DEAF: the longest the client's thread went without one */
	struct bed *bed;
};

static bool read_all(int fd, void *to, size_t n)
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
static unsigned char read_packet(int fd, unsigned char *body, size_t size)
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
static void talk(struct broker *b, int fd)
{
	while (!b->stop) {
		int64_t age_ns = gw_clock_mono_ns() - atomic_load(&b->bed->thread.beat_ns);

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

static void answer(struct broker *b, int fd)
{
	unsigned char body[65536], first;
	int version = 4;

	while ((first = read_packet(fd, body, sizeof(body))) != 0) {
		switch (first >> 4) {
		case 1: /* CONNECT */
			b->version = version = body[6];
			b->connects++;
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
			break;
		}
		case 4: /* PUBACK */ b->acks++; break;
		default: break;
		}
	}
}

static void *run_broker(void *arg)
{
	struct broker *b = arg;

	while (!b->stop) {
		int fd = accept(b->listen_fd, NULL, NULL);
		char byte;

		if (fd < 0)
			break;
		assert_true(b->n_fds < 16);
		b->fds[b->n_fds++] = fd;
		b->fd = fd;
		if (b->mode == HANG_UP)
			recv(fd, &byte, 1, 0);
		else
			answer(b, fd);
		b->fd = -1;
		shutdown(fd, SHUT_RDWR);
	}
	return NULL;
}

static void start(struct broker *b, enum mode mode)
{
	*b = (struct broker){.mode = mode, .fd = -1};
	b->listen_fd = bed_listen(&b->port, 8);
	assert_int_equal(pthread_create(&b->id, NULL, run_broker, b), 0);
}

static void end(struct broker *b)
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

static void publish_to(
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

static void publish(struct broker *b, int qos, uint16_t mid, const char *payload)
{
	publish_to(b, 't', qos, mid, payload);
}

static const char *const one[] = {"x"};

static void up(struct bed *bed, struct broker *b)
{
	bed_begin(bed, b->port);
	bed_device(bed, "t", 1, one);
	if (bed_open(bed) != GW_OK)
		fail_msg("open: %s", bed->err.text);
	assert_true(b->subscribed);
}

static void up_two(struct bed *bed, struct broker *b)
{
	bed_begin(bed, b->port);
	bed_device(bed, "t", 1, one);
	bed_device(bed, "u", 1, one);
	if (bed_open(bed) != GW_OK)
		fail_msg("open: %s", bed->err.text);
}

/* Hazard 8: an acknowledgement the broker has is a message it forgets. */
static void nothing_is_acknowledged_before_it_is_settled(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up_two(&bed, &b);
	assert_int_equal(b.version, 5);
	bed.engine_stands = true;
	publish(&b, 1, 1, "5");
	bed_idle(&bed, 150);
	assert_int_equal(b.acks, 0);
	bed.engine_stands = false;
	bed.store_stands = true;
	bed_wait(&bed, 1);
	bed_idle(&bed, 150);
	assert_int_equal(b.acks, 0);
	publish_to(&b, 'u', 1, 2, "6"); /* reading goes on meanwhile */
	bed_wait(&bed, 2);
	assert_int_equal(b.acks, 0);
	bed.store_stands = false;
	bed_idle(&bed, 100);
	assert_int_equal(b.acks, 2);
	assert_int_equal(bed_count(&bed, GW_COUNT_UNSETTLED), 0);
	end(&b);
	bed_end(&bed);
}

/* On and off, taken but not acknowledged, would come again and be a second alarm. */
static void a_topic_is_read_again_after_its_acknowledgement_only(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up_two(&bed, &b);
	bed.store_stands = true;
	bed.seq++; /* it causes an event */
	publish(&b, 1, 1, "1");
	publish_to(&b, 'u', 1, 2, "1");
	publish(&b, 0, 3, "0"); /* whatever its QoS: order is kept */
	publish_to(&b, 'u', 1, 4, "0");
	bed_idle(&bed, 100);
	assert_int_equal(bed.n, 2);
	assert_int_equal(b.acks, 0);
	publish(&b, 1, 5, "1");
	bed.store_stands = false;
	while (b.acks < 2)
		bed_poll(&bed, 1);
	bed_wait(&bed, 5);
	bed_idle(&bed, 50);
	assert_int_equal(b.acks, 4);
	assert_true(
		bed.got[2].value == 0 && bed.got[3].value == 0 && bed.got[4].value == 1);
	end(&b);
	bed_end(&bed);
}

static void the_topic_of_the_next_message_is_seen(void **state)
{
	static const unsigned char message[] = {
		0x32, 0x88, 0x01, 0, 3, 'a', '/', 'b', 0, 1};
	static const unsigned char pong[] = {0xd0, 0};
	static const unsigned char overlong[] = {0x30, 255, 255, 255, 255, 255};
	static const unsigned char longest[7 + 2000] = {0x30, 0xd2, 0x0f, 0x07, 0xd0};
	char topic[GW_MQTT_PEEK_MAX] = "";

	(void)state;
	assert_int_equal(gw_mqtt_peek_bytes(message, 10, topic), GW_MQTT_NEXT_MESSAGE);
	assert_string_equal(topic, "a/b");
	for (size_t n = 1; n < 8; n++)
		assert_int_equal(
			gw_mqtt_peek_bytes(message, n, topic), GW_MQTT_NEXT_UNCLEAR);
	assert_int_equal(gw_mqtt_peek_bytes(message, 0, topic), GW_MQTT_NEXT_OTHER);
	assert_int_equal(gw_mqtt_peek_bytes(pong, 2, topic), GW_MQTT_NEXT_OTHER);
	assert_int_equal(gw_mqtt_peek_bytes(overlong, 6, topic), GW_MQTT_NEXT_UNCLEAR);
	assert_int_equal(
		gw_mqtt_peek_bytes(longest, sizeof(longest), topic), GW_MQTT_NEXT_UNCLEAR);
}

static void a_stalled_store_holds_back_for_two_seconds_only(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up(&bed, &b);
	bed.store_stands = true;
	publish(&b, 1, 1, "5");
	for (began_ms = bed_ms(); b.acks == 0 && bed_ms() - began_ms < 5000;)
		bed_poll(&bed, 10);
	assert_in_range(bed_ms() - began_ms, 1900, 2500);
	assert_int_equal(bed_count(&bed, GW_COUNT_UNSETTLED), 1);
	/* Warned, it waits less; healthy again, it waits for the commit again. */
	publish(&b, 1, 2, "6");
	for (began_ms = bed_ms(); b.acks == 1 && bed_ms() - began_ms < 5000;)
		bed_poll(&bed, 10);
	assert_true(bed_ms() - began_ms < 500);
	bed.store_stands = false;
	publish(&b, 1, 3, "7");
	bed_wait(&bed, 3);
	bed_idle(&bed, 50);
	assert_int_equal(b.acks, 3);
	bed.store_stands = true;
	publish(&b, 1, 4, "8");
	bed_idle(&bed, 200);
	assert_int_equal(b.acks, 3);
	assert_int_equal(bed_count(&bed, GW_COUNT_UNSETTLED), 2);
	end(&b);
	bed_end(&bed);
}

static void an_unsettled_message_is_not_acknowledged_by_closing(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up(&bed, &b);
	bed.store_stands = true;
	publish(&b, 1, 1, "5");
	bed_wait(&bed, 1);
	bed_stop(&bed);
	assert_int_equal(bed_poll(&bed, 1000), GW_ERR_STOPPED);
	gw_driver_mqtt.close(bed.state);
	while (b.fd >= 0)
		usleep(1000);
	assert_int_equal(b.acks, 0);
	end(&b);
	bed_end(&bed);
}

static void a_settled_message_is_acknowledged_by_closing(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up(&bed, &b);
	publish(&b, 1, 1, "5");
	bed_wait(&bed, 1);
	bed_stop(&bed);
	assert_int_equal(bed_poll(&bed, 1000), GW_ERR_STOPPED);
	gw_driver_mqtt.close(bed.state);
	while (b.fd >= 0)
		usleep(1000);
	assert_int_equal(b.acks, 1);
	end(&b);
	bed_end(&bed);
}

/* A broker without a window of its own: reading pauses, nothing is lost, nothing starves. */
static void a_flood_is_acknowledged_as_it_settles(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up(&bed, &b);
	bed.engine_stands = true;
	for (uint16_t i = 1; i <= 1000; i++)
		publish(&b, 1, i, "5");
	bed_idle(&bed, 100);
	assert_int_equal(b.acks, 0);
	assert_in_range(bed_count(&bed, GW_COUNT_REQUESTS), 1, 64);
	bed.engine_stands = false;
	assert_int_equal(bed_wait(&bed, 1000), GW_OK);
	bed_idle(&bed, 50);
	assert_int_equal(b.acks, 1000);
	assert_int_equal(bed_count(&bed, GW_COUNT_UNSETTLED), 0);
	end(&b);
	bed_end(&bed);
}

static void an_old_broker_is_spoken_to_in_its_own_version(void **state)
{
	static const enum mode modes[] = {NO_V5, HANG_UP_V5};
	struct broker b;
	struct bed bed;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start(&b, modes[i]);
		up(&bed, &b);
		assert_int_equal(b.version, 4);
		assert_int_equal(b.connects, 2);
		publish(&b, 1, 1, "5");
		bed_wait(&bed, 1);
		bed_idle(&bed, 50);
		assert_int_equal(b.acks, 1);
		gw_driver_mqtt.close(bed.state);
		assert_int_equal(bed_open(&bed), GW_OK);
		/* A refusal is remembered, a hang-up may have been chance. */
		assert_int_equal(b.connects, modes[i] == NO_V5 ? 3 : 4);
		end(&b);
		bed_end(&bed);
	}
}

/* Hazard 10 where Maximum Packet Size does not exist. */
static void a_huge_message_of_an_old_broker_is_cut_off(void **state)
{
	static unsigned char chunk[65536];
	struct broker b;
	struct bed bed;
	size_t sent = 0;
	enum gw_err rc = GW_OK;

	(void)state;
	start(&b, NO_V5);
	up(&bed, &b);
	memcpy(chunk, "\x30\xff\xff\xff\x5f\x00\x01t", 8); /* 200 MiB follow */
	while (rc == GW_OK && sent < (100u << 20)) {
		ssize_t n = send(b.fd, chunk, sizeof(chunk), MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		rc = bed_poll(&bed, 1);
	}
	assert_int_equal(rc, GW_ERR_LINK);
	assert_non_null(strstr(bed.err.text, "longer than max_packet (262144 bytes)"));
	assert_true(sent < (24u << 20)); /* max_packet and what two sockets buffer */
	end(&b);
	bed_end(&bed);
}

static void pings_are_not_parts_of_a_message(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, NO_V5);
	bed_begin(&bed, b.port);
	bed.mqtt.max_packet = 1024;
	bed_device(&bed, "t", 1, one);
	assert_int_equal(bed_open(&bed), GW_OK);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(send(b.fd, "\xd0\x00", 2, MSG_NOSIGNAL), 2);
		if (i % 20 == 0)
			assert_int_equal(bed_poll(&bed, 1), GW_OK);
	}
	bed_idle(&bed, 50);
	end(&b);
	bed_end(&bed);
}

/* Hazard 12: neither a broker that says nothing nor a host that drops packets holds the
 * thread for longer than its beat allows, and a stop ends the wait at once. */
static void *stop_soon(void *arg)
{
	usleep(200000);
	bed_stop(arg);
	return NULL;
}

static void open_is_bounded(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct bed bed;
	pthread_t id;

	(void)state;
	start(&b, SILENT);
	bed_begin(&bed, b.port);
	bed_device(&bed, "t", 1, one);
	began_ms = bed_ms();
	assert_int_equal(bed_open(&bed), GW_ERR_LINK);
	assert_string_equal(bed.err.text, "no answer from the broker");
	assert_true(bed_ms() - began_ms < 5500);
	pthread_create(&id, NULL, stop_soon, &bed);
	began_ms = bed_ms();
	assert_int_equal(bed_open(&bed), GW_ERR_STOPPED);
	assert_true(bed_ms() - began_ms < 400);
	pthread_join(id, NULL);
	end(&b);
	bed_end(&bed);
}

/* Messages are no answer: a broker that only talks is given up, and until then the thread
 * beats and what comes is passed on at once. */
static void *count_early(void *arg)
{
	struct bed *bed = arg;

	usleep(2000000);
	return (void *)(intptr_t)(gw_ring_count(&bed->ring) > 0);
}

static void a_broker_that_talks_but_never_answers_is_given_up(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct bed bed;
	pthread_t id;
	void *early;

	(void)state;
	start(&b, DEAF);
	b.bed = &bed;
	bed_begin(&bed, b.port);
	bed_device(&bed, "t", 1, one);
	gw_thread_beat(&bed.thread, gw_clock_mono_ns());
	began_ms = bed_ms();
	pthread_create(&id, NULL, count_early, &bed);
	assert_int_equal(bed_open(&bed), GW_ERR_LINK);
	pthread_join(id, &early);
	assert_string_equal(bed.err.text, "the broker does not answer SUBSCRIBE");
	assert_true(bed_ms() - began_ms < 12000);
	assert_true(b.oldest_beat_ns < 1500 * GW_NS_PER_MS);
	assert_non_null(early);
	assert_true(bed.n > 20 && bed.got[0].value == 7);
	end(&b);
	bed_end(&bed);
}

static void a_black_hole_is_bounded(void **state)
{
	int fillers[8], port, fd = bed_listen(&port, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	int64_t began_ms;
	struct bed bed;

	(void)state;
	/* A full backlog: the kernel drops the next SYN without a word. */
	a.sin_port = htons((uint16_t)port);
	for (int i = 0; i < 8; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&a, sizeof(a));
	}
	bed_begin(&bed, port);
	bed_device(&bed, "t", 1, one);
	began_ms = bed_ms();
	assert_int_equal(bed_open(&bed), GW_ERR_LINK);
	assert_string_equal(bed.err.text, "connection timed out");
	assert_in_range(bed_ms() - began_ms, 4500, 5500);
	for (int i = 0; i < 8; i++)
		close(fillers[i]);
	close(fd);
	bed_end(&bed);
}

static void a_broker_that_is_down_is_refused_at_once(void **state)
{
	int port, fd = bed_listen(&port, 1);
	struct bed bed;

	(void)state;
	close(fd);
	bed_begin(&bed, port);
	bed_device(&bed, "t", 1, one);
	assert_int_equal(bed_open(&bed), GW_ERR_LINK);
	assert_string_equal(bed.err.text, "Connection refused");
	bed_end(&bed);
}

/* libmosquitto would go round for ever at the end of the stream in a handshake. */
static void a_hang_up_in_the_tls_handshake_ends_it(void **state)
{
	char url[64];
	struct broker b;
	struct bed bed;
	int64_t began_ms = bed_ms();

	(void)state;
	start(&b, HANG_UP);
	bed_begin(&bed, b.port);
	bed_device(&bed, "t", 1, one);
	snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", b.port);
	bed.mqtt.url = url;
	bed.mqtt.ca = "/dev/null";
	assert_int_equal(bed_open(&bed), GW_ERR_LINK);
	assert_true(bed_ms() - began_ms < 2000);
	end(&b);
	bed_end(&bed);
}

static void a_lost_connection_is_a_lost_link(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up(&bed, &b);
	shutdown(b.fd, SHUT_RDWR);
	assert_int_equal(bed_wait(&bed, 1), GW_ERR_LINK);
	assert_string_equal(bed.err.text, "the broker closed the connection");
	end(&b);
	bed_end(&bed);
}

/* Bytes that are no MQTT at all. */
static void garbage_is_a_lost_link(void **state)
{
	struct broker b;
	struct bed bed;

	(void)state;
	start(&b, PLAIN);
	up(&bed, &b);
	assert_true(send(b.fd, "\xff\xff\xff\xff\xff\xff\xff", 7, MSG_NOSIGNAL) > 0);
	assert_int_equal(bed_wait(&bed, 1), GW_ERR_LINK);
	end(&b);
	bed_end(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_acknowledged_before_it_is_settled),
		cmocka_unit_test(a_topic_is_read_again_after_its_acknowledgement_only),
		cmocka_unit_test(the_topic_of_the_next_message_is_seen),
		cmocka_unit_test(a_stalled_store_holds_back_for_two_seconds_only),
		cmocka_unit_test(an_unsettled_message_is_not_acknowledged_by_closing),
		cmocka_unit_test(a_settled_message_is_acknowledged_by_closing),
		cmocka_unit_test(a_flood_is_acknowledged_as_it_settles),
		cmocka_unit_test(an_old_broker_is_spoken_to_in_its_own_version),
		cmocka_unit_test(a_huge_message_of_an_old_broker_is_cut_off),
		cmocka_unit_test(pings_are_not_parts_of_a_message),
		cmocka_unit_test(open_is_bounded),
		cmocka_unit_test(a_broker_that_talks_but_never_answers_is_given_up),
		cmocka_unit_test(a_black_hole_is_bounded),
		cmocka_unit_test(a_broker_that_is_down_is_refused_at_once),
		cmocka_unit_test(a_hang_up_in_the_tls_handshake_ends_it),
		cmocka_unit_test(a_lost_connection_is_a_lost_link),
		cmocka_unit_test(garbage_is_a_lost_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
