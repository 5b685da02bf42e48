/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT driver on the wire: what it says, and when. */
#include "base/seal.h"
#include "scripted_broker.h"
#include "tests/unit/fixture/full_listener.h"
#include "tests/unit/fixture/real_call.h"
#include "tests/unit/fixture/skipping.h"
#include "tests/unit/fixture/temp_dir.h"

#include <netdb.h>

/* Displaces libc's, for libmosquitto, too: "two-families" has the addresses ::1 and 127.0.0.1. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
	struct addrinfo **ret_found)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		struct addrinfo **) = real_call("getaddrinfo");
	int rc;

	if (!host || strcmp(host, "two-families") != 0)
		return real(host, port, hints, ret_found);
	if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	rc = real("::1", port, hints, ret_found);
	return rc == 0 ? real("127.0.0.1", port, hints, &(*ret_found)->ai_next) : rc;
}

static void up(struct driver_fixture *driver_fixture, struct broker *b)
{
	fixture_begin(driver_fixture, b->port);
	fixture_device(driver_fixture, "t", 1, one);
	must_open(driver_fixture);
	assert_true(b->subscribed);
}

/* Hazard 8: an acknowledgement the broker has is a message it forgets. */
static void nothing_is_acknowledged_before_it_is_committed(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up_two(&driver_fixture, &b);
	assert_int_equal(b.version, 5);
	driver_fixture.engine_stands = true;
	publish(&b, 1, 1, "5");
	fixture_idle(&driver_fixture, 150);
	assert_int_equal(b.acks, 0);
	driver_fixture.engine_stands = false;
	driver_fixture.store_stands = true;
	fixture_wait(&driver_fixture, 1);
	fixture_idle(&driver_fixture, 150);
	assert_int_equal(b.acks, 0);
	publish_to(&b, 'u', 1, 2, "6"); /* reading goes on meanwhile */
	fixture_wait(&driver_fixture, 2);
	assert_int_equal(b.acks, 0);
	driver_fixture.store_stands = false;
	expect_acks(&driver_fixture, &b, 2);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_UNCOMMITTED), 0);
	end(&b);
	fixture_end(&driver_fixture);
}

/* On and off, taken but not acknowledged, would come again and be a second alarm. */
static void a_topic_is_read_again_after_its_acknowledgement_only(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up_two(&driver_fixture, &b);
	driver_fixture.store_stands = true;
	driver_fixture.seq++; /* it causes an event */
	publish(&b, 1, 1, "1");
	publish_to(&b, 'u', 1, 2, "1");
	publish(&b, 0, 3, "0"); /* whatever its QoS: order is kept */
	publish_to(&b, 'u', 1, 4, "0");
	fixture_idle(&driver_fixture, 100);
	assert_int_equal(driver_fixture.n, 2);
	assert_int_equal(b.acks, 0);
	publish(&b, 1, 5, "1");
	driver_fixture.store_stands = false;
	while (b.acks < 2)
		fixture_poll(&driver_fixture, 1);
	fixture_wait(&driver_fixture, 5);
	expect_acks(&driver_fixture, &b, 4);
	assert_true(driver_fixture.got[2].value == 0 && driver_fixture.got[3].value == 0 &&
		driver_fixture.got[4].value == 1);
	end(&b);
	fixture_end(&driver_fixture);
}

static void a_stalled_store_holds_back_for_two_seconds_only(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up(&driver_fixture, &b);
	driver_fixture.store_stands = true;
	publish(&b, 1, 1, "5");
	for (began_ms = fixture_ms(); b.acks == 0 && fixture_ms() - began_ms < 5000;)
		fixture_poll(&driver_fixture, 10);
	assert_in_range(fixture_ms() - began_ms, 1900, 2500);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_UNCOMMITTED), 1);
	/* Warned, it waits less; healthy again, it waits for the commit again. */
	publish(&b, 1, 2, "6");
	for (began_ms = fixture_ms(); b.acks == 1 && fixture_ms() - began_ms < 5000;)
		fixture_poll(&driver_fixture, 10);
	assert_true(fixture_ms() - began_ms < 500);
	driver_fixture.store_stands = false;
	publish(&b, 1, 3, "7");
	fixture_wait(&driver_fixture, 3);
	expect_acks(&driver_fixture, &b, 3);
	driver_fixture.store_stands = true;
	publish(&b, 1, 4, "8");
	fixture_idle(&driver_fixture, 200);
	assert_int_equal(b.acks, 3);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_UNCOMMITTED), 2);
	end(&b);
	fixture_end(&driver_fixture);
}

static void closing_acknowledges_no_uncommitted_message(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up(&driver_fixture, &b);
	driver_fixture.store_stands = true;
	publish(&b, 1, 1, "5");
	fixture_wait(&driver_fixture, 1);
	fixture_stop(&driver_fixture);
	assert_int_equal(fixture_poll(&driver_fixture, 1000), GW_ERR_STOPPED);
	gw_driver_mqtt.close(driver_fixture.state);
	while (b.fd >= 0)
		usleep(1000);
	assert_int_equal(b.acks, 0);
	end(&b);
	fixture_end(&driver_fixture);
}

static void closing_acknowledges_a_committed_message(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up(&driver_fixture, &b);
	publish(&b, 1, 1, "5");
	fixture_wait(&driver_fixture, 1);
	fixture_stop(&driver_fixture);
	assert_int_equal(fixture_poll(&driver_fixture, 1000), GW_ERR_STOPPED);
	gw_driver_mqtt.close(driver_fixture.state);
	while (b.fd >= 0)
		usleep(1000);
	assert_int_equal(b.acks, 1);
	end(&b);
	fixture_end(&driver_fixture);
}

/* A broker without a window of its own: reading pauses, nothing is lost, nothing starves. */
static void a_flood_is_acknowledged_as_it_ends(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up(&driver_fixture, &b);
	driver_fixture.engine_stands = true;
	for (uint16_t i = 1; i <= 1000; i++)
		publish(&b, 1, i, "5");
	fixture_idle(&driver_fixture, 100);
	assert_int_equal(b.acks, 0);
	assert_in_range(fixture_count(&driver_fixture, GW_COUNT_REQUESTS), 1, 64);
	driver_fixture.engine_stands = false;
	assert_int_equal(fixture_wait(&driver_fixture, 1000), GW_OK);
	expect_acks(&driver_fixture, &b, 1000);
	assert_int_equal(fixture_count(&driver_fixture, GW_COUNT_UNCOMMITTED), 0);
	end(&b);
	fixture_end(&driver_fixture);
}

static void an_old_broker_is_spoken_to_in_its_own_version(void **state)
{
	static const enum mode modes[] = {NO_V5, HANG_UP_V5};
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start(&b, modes[i]);
		up(&driver_fixture, &b);
		assert_int_equal(b.version, 4);
		assert_int_equal(b.connects, 2);
		publish(&b, 1, 1, "5");
		fixture_wait(&driver_fixture, 1);
		expect_acks(&driver_fixture, &b, 1);
		gw_driver_mqtt.close(driver_fixture.state);
		assert_int_equal(fixture_open(&driver_fixture), GW_OK);
		/* A refusal is remembered, a hang-up may have been chance. */
		assert_int_equal(b.connects, modes[i] == NO_V5 ? 3 : 4);
		end(&b);
		fixture_end(&driver_fixture);
	}
}

static void pings_are_not_parts_of_a_message(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, NO_V5);
	fixture_begin(&driver_fixture, b.port);
	driver_fixture.mqtt.max_packet = 1024;
	fixture_device(&driver_fixture, "t", 1, one);
	assert_int_equal(fixture_open(&driver_fixture), GW_OK);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(send(b.fd, "\xd0\x00", 2, MSG_NOSIGNAL), 2);
		if (i % 20 == 0)
			assert_int_equal(fixture_poll(&driver_fixture, 1), GW_OK);
	}
	fixture_idle(&driver_fixture, 50);
	end(&b);
	fixture_end(&driver_fixture);
}

/* Hazard 12: neither a broker that says nothing nor a host that drops packets holds the
 * thread for longer than its beat allows, and a stop ends the wait at once. */
static void *stop_soon(void *arg)
{
	usleep(200000);
	fixture_stop(arg);
	return NULL;
}

static void open_is_bounded(void **state)
{
	int64_t began_ms;
	struct broker b;
	struct driver_fixture driver_fixture;
	pthread_t id;

	(void)state;
	start(&b, SILENT);
	fixture_begin(&driver_fixture, b.port);
	fixture_device(&driver_fixture, "t", 1, one);
	began_ms = fixture_ms();
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_LINK);
	assert_string_equal(driver_fixture.err.text, "no answer from the broker");
	assert_true(fixture_ms() - began_ms < 5500);
	pthread_create(&id, NULL, stop_soon, &driver_fixture);
	began_ms = fixture_ms();
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_STOPPED);
	assert_true(fixture_ms() - began_ms < 400);
	pthread_join(id, NULL);
	end(&b);
	fixture_end(&driver_fixture);
}

static void a_broker_that_accepts_no_connection_is_bounded(void **state)
{
	struct full_listener full;
	int64_t began_ms;
	struct driver_fixture driver_fixture;

	(void)state;
	assert_true(full_listener_open(&full, "127.0.0.1", 0));
	fixture_begin(&driver_fixture, full.port);
	fixture_device(&driver_fixture, "t", 1, one);
	began_ms = fixture_ms();
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_LINK);
	assert_string_equal(driver_fixture.err.text, "connection timed out");
	assert_in_range(fixture_ms() - began_ms, 4500, 5500);
	full_listener_close(&full);
	fixture_end(&driver_fixture);
}

/* The last test: the process is sealed, as the daemon is. */
static void a_silent_address_leaves_the_next(void **state)
{
	struct full_listener full;
	char url[64];
	int64_t began_ms;
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	if (!full_listener_open(&full, "::1", b.port)) {
		end(&b);
		skip_test("no IPv6");
	}
	fixture_begin(&driver_fixture, b.port);
	fixture_device(&driver_fixture, "t", 1, one);
	snprintf(url, sizeof(url), "mqtt://two-families:%d", b.port);
	driver_fixture.mqtt.url = url;
	assert_int_equal(gw_seal_process(&driver_fixture.err), GW_OK);
	must_open(&driver_fixture);
	shutdown(b.fd, SHUT_RDWR);
	assert_int_equal(fixture_wait(&driver_fixture, 1), GW_ERR_LINK);
	/* The one that answered is now the first. */
	gw_driver_mqtt.close(driver_fixture.state);
	began_ms = fixture_ms();
	must_open(&driver_fixture);
	assert_true(fixture_ms() - began_ms < 2000);
	end(&b);
	gw_driver_mqtt.close(driver_fixture.state);
	began_ms = fixture_ms();
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_LINK);
	assert_string_equal(driver_fixture.err.text, "connection timed out");
	assert_in_range(fixture_ms() - began_ms, 4500, 5500);
	full_listener_close(&full);
	fixture_end(&driver_fixture);
}

static void a_broker_that_is_down_is_refused_at_once(void **state)
{
	int port, fd = fixture_listen(&port, 1);
	struct driver_fixture driver_fixture;

	(void)state;
	close(fd);
	fixture_begin(&driver_fixture, port);
	fixture_device(&driver_fixture, "t", 1, one);
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_LINK);
	assert_string_equal(driver_fixture.err.text, "Connection refused");
	fixture_end(&driver_fixture);
}

/* libmosquitto would go round for ever at the end of the stream in a handshake. */
static void a_hang_up_in_the_tls_handshake_ends_it(void **state)
{
	char dir[TEMP_DIR_MAX], command[512], ca[TEMP_DIR_MAX + 16], url[64];
	struct broker b;
	struct driver_fixture driver_fixture;
	int64_t began_ms;

	(void)state;
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	snprintf(command, sizeof(command),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		"-subj /CN=ca -keyout %s/key.pem -out %s 2>/dev/null",
		dir, ca);
	assert_int_equal(system(command), 0);
	start(&b, HANG_UP);
	fixture_begin(&driver_fixture, b.port);
	fixture_device(&driver_fixture, "t", 1, one);
	snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", b.port);
	driver_fixture.mqtt.url = url;
	driver_fixture.mqtt.ca = ca;
	began_ms = fixture_ms();
	assert_int_equal(fixture_open(&driver_fixture), GW_ERR_LINK);
	assert_true(b.hung_up);
	assert_true(fixture_ms() - began_ms < 2000);
	end(&b);
	temp_dir_remove(dir);
	fixture_end(&driver_fixture);
}

static void a_lost_connection_is_a_lost_link(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up(&driver_fixture, &b);
	shutdown(b.fd, SHUT_RDWR);
	assert_int_equal(fixture_wait(&driver_fixture, 1), GW_ERR_LINK);
	assert_string_equal(driver_fixture.err.text, "the broker closed the connection");
	end(&b);
	fixture_end(&driver_fixture);
}

/* Bytes that are no MQTT at all. */
static void garbage_is_a_lost_link(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up(&driver_fixture, &b);
	assert_true(send(b.fd, "\xff\xff\xff\xff\xff\xff\xff", 7, MSG_NOSIGNAL) > 0);
	assert_int_equal(fixture_wait(&driver_fixture, 1), GW_ERR_LINK);
	end(&b);
	fixture_end(&driver_fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_acknowledged_before_it_is_committed),
		cmocka_unit_test(a_topic_is_read_again_after_its_acknowledgement_only),
		cmocka_unit_test(a_stalled_store_holds_back_for_two_seconds_only),
		cmocka_unit_test(closing_acknowledges_no_uncommitted_message),
		cmocka_unit_test(closing_acknowledges_a_committed_message),
		cmocka_unit_test(a_flood_is_acknowledged_as_it_ends),
		cmocka_unit_test(an_old_broker_is_spoken_to_in_its_own_version),
		cmocka_unit_test(pings_are_not_parts_of_a_message),
		cmocka_unit_test(open_is_bounded),
		cmocka_unit_test(a_broker_that_accepts_no_connection_is_bounded),
		cmocka_unit_test(a_broker_that_is_down_is_refused_at_once),
		cmocka_unit_test(a_hang_up_in_the_tls_handshake_ends_it),
		cmocka_unit_test(a_lost_connection_is_a_lost_link),
		cmocka_unit_test(garbage_is_a_lost_link),
		cmocka_unit_test(a_silent_address_leaves_the_next),
	};

	return with_skipped(cmocka_run_group_tests(tests, NULL, NULL));
}
