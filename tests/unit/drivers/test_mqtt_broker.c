/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT driver against mosquitto itself: what is delivered, and when it comes again. */
#include "broker_fixture.h"

static void payloads_become_samples(void **state)
{
	static const char *const two[] = {"smoke", "battery"};
	static const char retained[] = "{\"smoke\": true, \"power\": {\"level\": 80}}";
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "water/pressure", 1, one)->scale = 0.001;
	fixture_device(&b, "zigbee/smoke", 2, two)->type = GW_TYPE_BOOL;
	b.mqtt_points[2].path = "/power/level";
	fixture_device(&b, "water/pressure", 1, one); /* two devices, one topic */
	publish_as(NULL, "zigbee/smoke", retained, strlen(retained), 1, true);
	must_open(&b);
	fixture_wait(&b, 2);
	assert_int_equal(b.got[0].point, 1);
	assert_true(b.got[0].value == 1);
	assert_int_equal(b.got[0].quality, GW_QUALITY_RETAINED);
	assert_true(b.got[1].value == 80);
	b.n = 0;
	publish("water/pressure", "523", 1);
	fixture_wait(&b, 2);
	assert_int_equal(b.got[0].point, 0);
	assert_true(b.got[0].value == 0.523);
	assert_int_equal(b.got[0].quality, GW_QUALITY_GOOD);
	assert_int_equal(b.got[1].point, 3);
	assert_true(b.got[1].value == 523);
	/* Bad bytes cost the point, not the link. */
	b.n = 0;
	publish("zigbee/smoke", "{\"smoke\": false, \"smoke\": true}", 0);
	publish("zigbee/smoke", "{\"smoke\": false}", 0);
	publish("zigbee/smoke", "", 0);
	fixture_wait(&b, 4); /* nothing of what a message does not say */
	assert_int_equal(b.got[0].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(b.got[0].point, 1);
	assert_int_equal(b.got[1].quality, GW_QUALITY_GOOD);
	assert_int_equal(b.got[1].point, 1);
	assert_int_equal(b.got[2].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(b.got[3].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(fixture_count(&b, GW_COUNT_BAD_FRAMES), 3);
	assert_int_equal(fixture_count(&b, GW_COUNT_REQUESTS), 5);
	/* One key at a time; damage elsewhere is counted. */
	b.n = 0;
	publish("zigbee/smoke", "{\"power\": {\"level\": 79}, \"t\": nan}", 0);
	publish("zigbee/smoke", "{\"contact\": true}", 0);
	publish("zigbee/smoke", "{\"t\": \"\xb2\xe2\", \"smoke\": true}", 0);
	fixture_wait(&b, 2);
	assert_int_equal(b.got[0].point, 2);
	assert_true(b.got[0].value == 79);
	assert_int_equal(b.got[1].point, 1);
	assert_true(b.got[1].value == 1);
	assert_int_equal(fixture_count(&b, GW_COUNT_BAD_FRAMES), 3);
	assert_int_equal(fixture_count(&b, GW_COUNT_DAMAGED), 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_REQUESTS), 8);
	fixture_end(&b);
}

/* Hazard 8, whole: what was not settled before the end comes again, what was does not. */
static void unacknowledged_messages_are_delivered_again(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	b.store_stands = true;
	publish("t", "1", 1);
	publish("t", "2", 1);
	fixture_wait(&b, 1); /* the second waits until the first is acknowledged */
	fixture_idle(&b, 50);
	assert_int_equal(b.n, 1);
	gw_driver_mqtt.close(b.state); /* as kill -9 would */
	b.n = 0;
	b.store_stands = false;
	must_open(&b);
	fixture_wait(&b, 2);
	assert_true(b.got[0].value == 1 && b.got[1].value == 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_DUPLICATES), 2);
	fixture_idle(&b, 100);
	gw_driver_mqtt.close(b.state);
	must_open(&b);
	fixture_idle(&b, 200);
	assert_int_equal(b.n, 2);
	fixture_end(&b);
}

static void messages_wait_at_the_broker_while_we_are_away(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	gw_driver_mqtt.close(b.state);
	publish("t", "1", 1);
	publish("t", "2", 1);
	kill_broker(SIGTERM);
	run_broker(); /* it remembers the session, too */
	must_open(&b);
	fixture_wait(&b, 2);
	assert_true(b.got[1].value == 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_DUPLICATES), 0);
	fixture_end(&b);
}

/* Hazard 9: every way a broker goes is a lost link, and every open begins anew. */
static void a_broker_that_goes_is_a_lost_link_and_may_come_back(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	kill_broker(SIGKILL);
	assert_int_equal(fixture_wait(&b, 1), GW_ERR_LINK);
	gw_driver_mqtt.close(b.state);
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	assert_string_equal(b.err.text, "Connection refused");
	run_broker();
	must_open(&b);
	publish("t", "5", 1);
	fixture_wait(&b, 1);
	/* Told to go, by a broker that stops in order. */
	kill_broker(SIGTERM);
	assert_int_equal(fixture_wait(&b, 2), GW_ERR_LINK);
	fixture_end(&b);
}

/* Hazard 10: mosquitto drops what is longer than our Maximum Packet Size. */
static void a_long_message_does_not_reach_us(void **state)
{
	size_t size = 300000;
	char *big = calloc(1, size);
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	memset(big, '1', size);
	publish_as(NULL, "t", big, size, 1, false);
	publish("t", "7", 1);
	assert_int_equal(fixture_wait(&b, 1), GW_OK);
	assert_true(b.got[0].value == 7);
	assert_int_equal(fixture_count(&b, GW_COUNT_REQUESTS), 1);
	free(big);
	fixture_end(&b);
}

static void an_old_subscription_is_counted_and_ended(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "old", 1, one);
	must_open(&b);
	gw_driver_mqtt.close(b.state);
	b.source.n_devices = b.source.n_points = 0;
	fixture_device(&b, "new", 1, one);
	must_open(&b);
	publish("old", "1", 1);
	publish("new", "2", 1);
	fixture_wait(&b, 1);
	assert_true(b.got[0].value == 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_UNKNOWN_TOPIC), 1);
	fixture_idle(&b, 50);
	publish("old", "1", 1);
	publish("new", "3", 1);
	fixture_wait(&b, 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_UNKNOWN_TOPIC), 1);
	fixture_end(&b);
}

static void many_topics_are_subscribed(void **state)
{
	static char topics[200][16];
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	for (int i = 0; i < 200; i++) {
		snprintf(topics[i], sizeof(topics[i]), "n/%d", i);
		fixture_device(&b, topics[i], 1, one);
	}
	must_open(&b);
	for (int i = 0; i < 200; i += 37)
		publish(topics[i], topics[i] + 2, 1);
	fixture_wait(&b, 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(b.got[i].point, 37 * i);
		assert_true(b.got[i].value == 37 * i);
	}
	fixture_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(payloads_become_samples, stop_broker),
		cmocka_unit_test_teardown(
			unacknowledged_messages_are_delivered_again, stop_broker),
		cmocka_unit_test_teardown(
			messages_wait_at_the_broker_while_we_are_away, stop_broker),
		cmocka_unit_test_teardown(
			a_broker_that_goes_is_a_lost_link_and_may_come_back, stop_broker),
		cmocka_unit_test_teardown(a_long_message_does_not_reach_us, stop_broker),
		cmocka_unit_test_teardown(
			an_old_subscription_is_counted_and_ended, stop_broker),
		cmocka_unit_test_teardown(many_topics_are_subscribed, stop_broker),
	};

	if (access(MOSQUITTO, X_OK) != 0)
		return 77;
	return cmocka_run_group_tests(tests, begin, end);
}
