/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT driver against a broker that does what would silence a source for good: messages that
 * are too long or no MQTT, delivered again until somebody acknowledges them, and talk instead of
 * an answer.
 */
#include "drivers/mqtt_oversize.h"
#include "scripted_broker.h"

#include <sys/resource.h>

static void begin(struct driver_fixture *driver_fixture, struct broker *b, enum mode mode)
{
	start(b, mode);
	b->driver_fixture = driver_fixture;
	fixture_begin(driver_fixture, b->port);
	fixture_device(driver_fixture, "t", 1, one);
	fixture_device(driver_fixture, "u", 1, one);
}

static void up(struct driver_fixture *driver_fixture, struct broker *b, enum mode mode)
{
	begin(driver_fixture, b, mode);
	must_open(driver_fixture);
}

/* Some of a message on t with this much of a body, as the socket takes it. */
static size_t send_some(struct broker *b, size_t *sent, size_t size)
{
	static unsigned char zeros[65536];
	size_t left = size - *sent;
	ssize_t n = send(b->fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros),
		MSG_NOSIGNAL | MSG_DONTWAIT);

	*sent += n > 0 ? (size_t)n : 0;
	return *sent;
}

static void send_head(struct broker *b, unsigned char first, size_t body, uint16_t mid)
{
	size_t rest = 3 + (first & 6 ? 2u : 0u) + body, n = 1;
	unsigned char head[16] = {first};

	for (; rest >= 128; rest >>= 7)
		head[n++] = (unsigned char)(rest | 128);
	head[n++] = (unsigned char)rest;
	head[n++] = 0;
	head[n++] = 1;
	head[n++] = 't';
	if (first & 6) {
		head[n++] = (unsigned char)(mid >> 8);
		head[n++] = (unsigned char)mid;
	}
	/* Byte by byte, and read meanwhile: libmosquitto must not get hold of any of it. */
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(send(b->fd, head + i, 1, MSG_NOSIGNAL), 1);
		fixture_idle(b->driver_fixture, 2);
	}
}

static void send_long(struct broker *b, unsigned char first, size_t body, uint16_t mid)
{
	send_head(b, first, body, mid);
	for (size_t sent = 0; send_some(b, &sent, body) < body;)
		assert_int_equal(fixture_poll(b->driver_fixture, 1), GW_OK);
}

static long peak_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* Of whatever version and QoS: read, not kept, acknowledged, and what is behind it is heard. */
static void a_long_message_is_drained(void **state)
{
	static const enum mode modes[] = {NO_V5, PLAIN};
	long before_kb = peak_kb();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct broker b;
		struct driver_fixture driver_fixture;

		up(&driver_fixture, &b, modes[i]);
		for (int qos = 0; qos < 2; qos++) {
			driver_fixture.n = 0;
			send_long(&b, (unsigned char)(0x30 | qos << 1), 100u << 20, 7);
			publish_to(&b, 'u', 1, 8, "5");
			assert_int_equal(fixture_wait(&driver_fixture, 2), GW_OK);
			assert_int_equal(
				driver_fixture.got[0].quality, GW_QUALITY_BAD_PAYLOAD);
			assert_true(driver_fixture.got[1].point == 1 &&
				driver_fixture.got[1].value == 5);
			expect_acks(&driver_fixture, &b, 1 + 2 * qos);
		}
		assert_int_equal(b.acked[1], 7);
		assert_int_equal(b.acked[2], 8);
		assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_TOO_LONG), 2);
		assert_int_equal(b.connects, modes[i] == NO_V5 ? 2 : 1);
		end(&b);
		fixture_end(&driver_fixture);
	}
	assert_true(peak_kb() - before_kb < 16 * 1024);
}

/* The longest that is taken, and one byte more. */
static void max_packet_is_exact(void **state)
{
	size_t whole = 262144;
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	up(&driver_fixture, &b, NO_V5);
	send_long(&b, 0x32, whole - 9, 1);
	fixture_wait(&driver_fixture, 1);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_TOO_LONG), 0);
	fixture_idle(&driver_fixture, 50);
	send_long(&b, 0x32, whole - 8, 2);
	fixture_wait(&driver_fixture, 2);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_TOO_LONG), 1);
	expect_acks(&driver_fixture, &b, 2);
	end(&b);
	fixture_end(&driver_fixture);
}

/* Bytes within a message are no head, whatever they look like. */
static void a_message_in_pieces_is_one_message(void **state)
{
	static const unsigned char first[] = {0x30, 12, 0, 1, 't', ' ', ' '};
	static const unsigned char second[] = {0x30, 0xff, 0xff, 0xff, 0x5f, 0, 1};
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	up(&driver_fixture, &b, NO_V5);
	assert_true(send(b.fd, first, sizeof(first), MSG_NOSIGNAL) > 0);
	fixture_idle(&driver_fixture, 20);
	assert_true(send(b.fd, second, sizeof(second), MSG_NOSIGNAL) > 0);
	publish_to(&b, 'u', 1, 1, "5");
	fixture_wait(&driver_fixture, 2);
	assert_int_equal(driver_fixture.got[0].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(driver_fixture.got[1].point, 1);
	assert_true(driver_fixture.got[1].value == 5);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_TOO_LONG), 0);
	end(&b);
	fixture_end(&driver_fixture);
}

/* The acknowledgement by hand overtakes none that is held back. */
static void acknowledgements_keep_their_order(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	up(&driver_fixture, &b, NO_V5);
	driver_fixture.store_stands = true;
	publish_to(&b, 'u', 1, 1, "5");
	fixture_wait(&driver_fixture, 1);
	send_long(&b, 0x32, 300000, 2);
	publish_to(&b, 'u', 1, 3, "6");
	fixture_idle(&driver_fixture, 100);
	assert_int_equal(b.acks, 0);
	driver_fixture.store_stands = false;
	fixture_wait(&driver_fixture, 3);
	expect_acks(&driver_fixture, &b, 3);
	for (uint16_t i = 0; i < 3; i++)
		assert_int_equal(b.acked[i], i + 1);
	end(&b);
	fixture_end(&driver_fixture);
}

/* The answer to a ping comes behind the message: its bytes are the sign of life, ours are pings. */
static void a_slow_long_message_does_not_end_the_link(void **state)
{
	int64_t until_ms;
	size_t body = 1u << 20, sent = 0;
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	begin(&driver_fixture, &b, NO_V5);
	driver_fixture.mqtt.keepalive_ns = 5 * GW_NS_PER_SEC;
	assert_int_equal(fixture_open(&driver_fixture), GW_OK);
	while (b.pings == 0) /* which is unanswered when the message begins */
		fixture_idle(&driver_fixture, 10);
	until_ms = fixture_ms() + 7000;
	send_head(&b, 0x32, body, 1);
	while (fixture_ms() < until_ms) {
		send_some(&b, &sent, sent + 1000);
		fixture_idle(&driver_fixture, 50);
	}
	assert_in_range(b.pings, 3, 5);
	while (sent < body) {
		send_some(&b, &sent, body);
		fixture_idle(&driver_fixture, 1);
	}
	for (int i = 0; i <= b.pings; i++)
		send(b.fd, "\xd0\x00", 2, MSG_NOSIGNAL);
	expect_acks(&driver_fixture, &b, 1);
	assert_int_equal(b.connects, 2);
	end(&b);
	fixture_end(&driver_fixture);
}

static void a_long_message_that_stops_half_way_is_a_lost_link(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	begin(&driver_fixture, &b, NO_V5);
	driver_fixture.mqtt.keepalive_ns = 5 * GW_NS_PER_SEC;
	assert_int_equal(fixture_open(&driver_fixture), GW_OK);
	send_head(&b, 0x32, 1u << 20, 1);
	began_ms = fixture_ms();
	while (fixture_poll(&driver_fixture, 100) == GW_OK)
		assert_true(fixture_ms() - began_ms < 13000);
	assert_string_equal(driver_fixture.err.text, "no answer from the broker");
	assert_in_range(fixture_ms() - began_ms, 9000, 13000);
	end(&b);
	fixture_end(&driver_fixture);
}

/* What libmosquitto cannot understand is delivered again at each new link: after the third, the
 * session is given up, once, and the one that follows is kept by the broker as ever. */
static void a_session_with_a_poison_message_is_given_up(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	begin(&driver_fixture, &b, POISON);
	for (int i = 0; i < 3; i++) {
		enum gw_err rc = fixture_open(&driver_fixture);

		for (int k = 0; k < 100 && rc == GW_OK; k++)
			rc = fixture_poll(&driver_fixture, 10);
		assert_int_equal(rc, GW_ERR_LINK);
		gw_driver_mqtt.close(driver_fixture.state);
		assert_int_equal(b.cleans, 0);
	}
	assert_int_equal(fixture_open(&driver_fixture), GW_OK);
	assert_int_equal(b.cleans, 1);
	assert_int_equal(b.connects, 5); /* the clean link, and the one to stay */
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_SESSIONS), 1);
	publish_to(&b, 'u', 1, 8, "5");
	assert_int_equal(fixture_wait(&driver_fixture, 1), GW_OK);
	gw_driver_mqtt.close(driver_fixture.state);
	assert_int_equal(fixture_open(&driver_fixture), GW_OK);
	assert_int_equal(b.cleans, 1);
	end(&b);
	fixture_end(&driver_fixture);
}

static void the_head_of_an_oversize_message_is_read_in_any_pieces(void **state)
{
	static const unsigned char packet[] = {
		0x32, 12, 0, 3, 'a', '/', 'b', 1, 2, '1', '2', '3', '4', '5'};
	static const unsigned char early[] = {0x32, 6, 0, 5, 'a', '/', 'b', 1};

	(void)state;
	for (size_t cut = 1; cut < sizeof(packet); cut++) {
		struct gw_mqtt_oversize d = {0};
		struct gw_mqtt_head head = {0};

		gw_mqtt_peek_bytes(packet, sizeof(packet), &head);
		gw_mqtt_oversize_begin(&d, &head);
		assert_int_equal(gw_mqtt_oversize_bytes(&d, packet, cut, NULL), GW_OK);
		assert_int_equal(d.n_out, 0);
		assert_int_equal(gw_mqtt_oversize_bytes(
					 &d, packet + cut, sizeof(packet) - cut, NULL),
			GW_OK);
		assert_int_equal(d.size, 0);
		assert_string_equal(d.topic, "a/b");
		assert_memory_equal(d.out, "\x40\x02\x01\x02", 4);
	}
	for (size_t cut = 1; cut < sizeof(early); cut++) { /* its topic ends behind it */
		struct gw_mqtt_oversize d = {0};
		struct gw_mqtt_head head = {0};

		gw_mqtt_peek_bytes(early, sizeof(early), &head);
		gw_mqtt_oversize_begin(&d, &head);
		assert_int_equal(gw_mqtt_oversize_bytes(&d, early, cut, NULL), GW_OK);
		assert_int_equal(
			gw_mqtt_oversize_bytes(&d, early + cut, sizeof(early) - cut, NULL),
			GW_ERR_PROTOCOL);
	}
}

/* Messages are no answer: a broker that only talks is given up, and until then the thread
 * beats and what comes is passed on at once. */
static void *count_early(void *arg)
{
	struct driver_fixture *driver_fixture = arg;

	usleep(2000000);
	return (void *)(intptr_t)(gw_ring_count(&driver_fixture->ring) > 0);
}

static void a_broker_that_talks_but_never_answers_is_given_up(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct driver_fixture driver_fixture;
	pthread_t id;
	void *early;

	(void)state;
	begin(&driver_fixture, &b, DEAF);
	gw_thread_beat(&driver_fixture.thread, gw_clock_boot_ns());
	began_ms = fixture_ms();
	pthread_create(&id, NULL, count_early, &driver_fixture);
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_LINK);
	pthread_join(id, &early);
	assert_string_equal(
		driver_fixture.err.text, "the broker does not answer SUBSCRIBE");
	assert_true(fixture_ms() - began_ms < 12000);
	assert_true(b.oldest_beat_ns < 1500 * GW_NS_PER_MS);
	assert_non_null(early);
	assert_true(driver_fixture.n > 20 && driver_fixture.got[0].value == 7);
	end(&b);
	fixture_end(&driver_fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_message_is_drained),
		cmocka_unit_test(max_packet_is_exact),
		cmocka_unit_test(a_message_in_pieces_is_one_message),
		cmocka_unit_test(acknowledgements_keep_their_order),
		cmocka_unit_test(a_slow_long_message_does_not_end_the_link),
		cmocka_unit_test(a_long_message_that_stops_half_way_is_a_lost_link),
		cmocka_unit_test(a_session_with_a_poison_message_is_given_up),
		cmocka_unit_test(the_head_of_an_oversize_message_is_read_in_any_pieces),
		cmocka_unit_test(a_broker_that_talks_but_never_answers_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
