/* SPDX-License-Identifier: Apache-2.0 */
/* What the MQTT driver sees of packets before libmosquitto reads them. */
#include "drivers/mqtt_peek.h"
#include "scripted_broker.h"

/* One look at the socket is enough for all of them, and the engine is woken once. */
static void what_came_together_is_read_at_once(void **state)
{
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up_two(&driver_fixture, &b);
	fixture_idle(&driver_fixture, 20); /* messages do not come fast */
	for (char payload[2] = "0"; payload[0] <= '9'; payload[0]++)
		publish(&b, 0, 0, payload);
	assert_int_equal(fixture_poll(&driver_fixture, 1000), GW_OK);
	assert_int_equal(driver_fixture.n, 10);
	for (int i = 0; i < 10; i++)
		assert_true(driver_fixture.got[i].value == i);
	end(&b);
	fixture_end(&driver_fixture);
}

/* Packets that libmosquitto passes nothing on of, between messages of several lengths. */
static void messages_behind_other_packets_are_found(void **state)
{
	static const unsigned char pong[] = {0xd0, 0};
	struct broker b;
	struct driver_fixture driver_fixture;

	(void)state;
	start(&b, PLAIN);
	up_two(&driver_fixture, &b);
	for (uint16_t i = 0; i < 5; i++) {
		publish(&b, 0, 0, "1");
		for (uint16_t k = 0; k < 3; k++)
			publish_to(&b, 'u', 2, (uint16_t)(3 * i + k + 1), "20000");
		publish(&b, 0, 0, "300");
		assert_int_equal(send(b.fd, pong, 2, MSG_NOSIGNAL), 2);
		publish_to(&b, 'u', 0, 0, "4");
	}
	fixture_wait(&driver_fixture, 15);
	fixture_idle(&driver_fixture, 20);
	assert_int_equal(driver_fixture.n, 15);
	for (int i = 0; i < 15; i += 3) {
		assert_true(driver_fixture.got[i].value == 1);
		assert_true(driver_fixture.got[i + 1].value == 300);
		assert_true(driver_fixture.got[i + 2].value == 4);
	}
	end(&b);
	fixture_end(&driver_fixture);
}

static void a_window_is_kept_only_if_its_packet_was_read_alone(void **state)
{
	static const struct {
		enum gw_mqtt_next next;
		uint8_t first_byte;
		size_t size;
		bool whole, kept;
	} cases[] = {
		{GW_MQTT_NEXT_MESSAGE, 0x30, 10, true, true},
		{GW_MQTT_NEXT_MESSAGE, 0x3b, 10, true, true},
		{GW_MQTT_NEXT_MESSAGE, 0x34, 10, true, false}, /* QoS 2 */
		{GW_MQTT_NEXT_MESSAGE, 0x30, 10, false, false},
		{GW_MQTT_NEXT_MESSAGE, 0x30, 21, true, false}, /* longer than the window */
		{GW_MQTT_NEXT_NO_TOPIC, 0x30, 10, true, false},
		{GW_MQTT_NEXT_OTHER, 0x30, 10, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct gw_mqtt_window w;
		static struct gw_mqtt_head head;

		w.at = 5;
		w.n = 25;
		head.next = cases[i].next;
		head.first_byte = cases[i].first_byte;
		head.size = cases[i].size;
		gw_mqtt_peek_skip(&w, &head, cases[i].whole);
		assert_int_equal(w.at, cases[i].kept ? 15 : 0);
		assert_int_equal(w.n, cases[i].kept ? 25 : 0);
		assert_int_equal(gw_mqtt_peek_more(&w), cases[i].kept);
	}
}

static void the_topic_of_the_next_message_is_seen(void **state)
{
	static const unsigned char message[] = {
		0x32, 0x88, 0x01, 0, 3, 'a', '/', 'b', 0, 1};
	static const unsigned char pong[] = {0xd0, 0};
	static const unsigned char overlong[] = {0x30, 255, 255, 255, 255, 255};
	static const unsigned char longest[7 + 2000] = {0x30, 0xd2, 0x0f, 0x07, 0xd0};
	struct gw_mqtt_head head = {0};

	(void)state;
	gw_mqtt_peek_bytes(message, 10, &head);
	assert_int_equal(head.next, GW_MQTT_NEXT_MESSAGE);
	assert_string_equal(head.topic, "a/b");
	assert_int_equal(head.size, 3 + 136);
	for (size_t n = 1; n < 8; n++) {
		gw_mqtt_peek_bytes(message, n, &head);
		assert_int_equal(
			head.next, n < 3 ? GW_MQTT_NEXT_HEAD : GW_MQTT_NEXT_NO_TOPIC);
	}
	gw_mqtt_peek_bytes(pong, 2, &head);
	assert_int_equal(head.next, GW_MQTT_NEXT_OTHER);
	gw_mqtt_peek_bytes(overlong, 6, &head);
	assert_int_equal(head.next, GW_MQTT_NEXT_OTHER);
	gw_mqtt_peek_bytes(longest, sizeof(longest), &head);
	assert_int_equal(head.next, GW_MQTT_NEXT_NO_TOPIC);
	assert_int_equal(head.size, 3 + 2002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_together_is_read_at_once),
		cmocka_unit_test(messages_behind_other_packets_are_found),
		cmocka_unit_test(a_window_is_kept_only_if_its_packet_was_read_alone),
		cmocka_unit_test(the_topic_of_the_next_message_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
