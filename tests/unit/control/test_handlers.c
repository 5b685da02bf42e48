/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and their replies. */
#include "control/protocol.h"

#include "server_fixture.h"

static void a_command_goes_to_the_engine_and_its_reply_back(void **state)
{
	int fd = connect_client();
	struct gw_alarm_reply reply;

	(void)state;
	send_text(fd,
		"{\"cmd\":\"ack\",\"alarm\":\"ch4-high\",\"note\":\"Zhang\\nis on the "
		"way\"}\n");
	assert_int_equal(n_commanded, 1);
	assert_int_equal(commanded[0].alarm, 0);
	assert_int_equal(commanded[0].kind, GW_COMMAND_ACK);
	assert_string_equal(commanded[0].note, "Zhang is on the way");
	assert_string_equal(receive(fd), "");
	reply = (struct gw_alarm_reply){.cookie = commanded[0].cookie + 1, .done = 1};
	gw_server_engine_reply(server, &reply); /* for another client */
	assert_string_equal(receive(fd), "");
	reply = (struct gw_alarm_reply){
		.cookie = commanded[0].cookie, .done = 1, .state = GW_STATE_ACTIVE_ACKED};
	gw_server_engine_reply(server, &reply);
	assert_string_equal(receive(fd),
		GW_PROTOCOL_OK
		"{\"alarm\":\"boiler/gas-1/ch4:ch4-high\",\"state\":\"active-acked\"}}\n");
	assert_non_null(strstr(fixture.said[0], "acknowledge boiler/gas-1/ch4:ch4-high"));
	send_text(fd, "{\"cmd\":\"shelve\",\"alarm\":\"confirmed\",\"for\":\"2h\"}\n");
	assert_int_equal(commanded[1].kind, GW_COMMAND_SHELVE);
	assert_int_equal(commanded[1].alarm, 5);
	assert_true(commanded[1].duration_ns == 7200 * GW_NS_PER_SEC);
	reply = (struct gw_alarm_reply){
		.cookie = commanded[1].cookie, .why = "it is not standing"};
	gw_server_engine_reply(server, &reply);
	assert_string_equal(
		receive(fd), "{\"ok\":false,\"error\":\"it is not standing\"}\n");
	assert_false(is_closed(fd)); /* refused for its meaning: the connection stays */
	close(fd);
}

static void a_reply_for_a_client_that_left_is_dropped(void **state)
{
	struct gw_alarm_reply reply;
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"reset\",\"alarm\":\"confirmed\"}\n");
	close(fd);
	run_loop();
	reply = (struct gw_alarm_reply){.cookie = commanded[0].cookie, .done = 1};
	gw_server_engine_reply(server, &reply);
}

static void an_ambiguous_alarm_name_lists_candidates(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"ack\",\"alarm\":\"silent\"}\n");
	assert_non_null(strstr(receive(fd),
		"\"candidates\":[\"boiler/gas-1:silent\",\"plant/heat:silent\"]"));
	send_text(fd, "{\"cmd\":\"ack\",\"alarm\":\"ch4-hihg\"}\n");
	assert_non_null(
		strstr(receive(fd), "\"candidates\":[\"boiler/gas-1/ch4:ch4-high\"]"));
	send_text(fd, "{\"cmd\":\"ack\",\"alarm\":\"elsewhere/altogether\"}\n");
	assert_null(strstr(receive(fd), "candidates"));
	engine_busy = true;
	send_text(fd, "{\"cmd\":\"ack\",\"alarm\":\"confirmed\"}\n");
	assert_non_null(strstr(receive(fd), "busy"));
	assert_int_equal(n_commanded, 0);
	close(fd);
}

static void a_reload_answers_clients_that_wait_for_the_old_engine(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"ack\",\"alarm\":\"confirmed\"}\n");
	fixture.view.generation++;
	gw_server_config_changed(server);
	assert_non_null(strstr(receive(fd), "the configuration was exchanged meanwhile"));
	close(fd);
}

static void a_missing_reply_of_the_engine_is_reported(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"ack\",\"alarm\":\"confirmed\"}\n");
	advance_ms(5100);
	assert_non_null(strstr(receive(fd), "the engine did not answer"));
	close(fd);
}

/* ---- tail ---- */

static void uplink_replies(uint64_t parked, uint64_t owed, bool failed)
{
	played_uplink.answer = (struct gw_resend_result){parked, owed, failed};
	played_uplink.answered = true;
	gw_server_poll_resend(server);
	run_loop();
}

static void resend_asks_the_uplinks(void **state)
{
	int fd = connect_client(), other = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(played_uplink.n_asked, 1);
	assert_int_equal(played_uplink.asked.from_seq, 0); /* what is parked */
	assert_string_equal(receive(fd), "");
	send_text(other, "{\"cmd\":\"resend\"}\n");
	assert_non_null(strstr(receive(other), "under way"));
	gw_server_poll_resend(server); /* not yet */
	assert_string_equal(receive(fd), "");
	uplink_replies(2, 0, false);
	assert_string_equal(receive(fd),
		"{\"ok\":true,\"result\":{\"uplinks\":[{\"name\":\"city\","
		"\"parked\":2,"
		"\"resent\":0}]}}\n");
	send_text(fd, "{\"cmd\":\"resend\",\"since_seq\":17,\"uplink\":\"city\"}\n");
	assert_int_equal(played_uplink.asked.from_seq, 17);
	assert_int_equal(played_uplink.asked.from_ms, 0);
	uplink_replies(0, 9, false);
	assert_non_null(strstr(receive(fd), "\"resent\":9"));
	send_text(fd, "{\"cmd\":\"resend\",\"since_ms\":1795220130123}\n");
	assert_int_equal(played_uplink.asked.from_seq, 1);
	assert_true(played_uplink.asked.from_ms == 1795220130123);
	uplink_replies(0, 0, true);
	assert_non_null(strstr(receive(fd), "city: the store cannot be written"));
	close(fd);
	close(other);
}

static void verify_waits_for_the_store(void **state)
{
	static const struct gw_store_verify_result good = {
		.rows = 10, .unchained = 2, .head_seq = 10, .head = "00ff"};
	static const struct gw_store_verify_result bad = {.rows = 4,
		.broken = 4,
		.why = "it is missing",
		.head_seq = 10,
		.head = "00ff"};
	static const struct gw_store_verify_result failed = {
		.failed = true, .why = "the database cannot be read now"};
	int fd = connect_client(), other = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"verify\"}\n");
	assert_string_equal(receive(fd), "");
	send_text(other, "{\"cmd\":\"verify\"}\n");
	assert_non_null(strstr(receive(other), "under way"));
	gw_server_poll_verify(server); /* not yet */
	assert_string_equal(receive(fd), "");
	fixture.verified = &good;
	gw_server_poll_verify(server);
	assert_string_equal(receive(fd),
		"{\"ok\":true,\"result\":{\"events\":10,\"unchained\":2,\"broken\":null,"
		"\"why\":\"\",\"head\":{\"seq\":10,\"sha256\":\"00ff\"}}}\n");
	assert_string_equal(receive(other), "");
	send_text(fd, "{\"cmd\":\"verify\"}\n");
	fixture.verified = &bad;
	gw_server_poll_verify(server);
	assert_non_null(strstr(receive(fd), "\"broken\":4,\"why\":\"it is missing\""));
	send_text(fd, "{\"cmd\":\"verify\"}\n");
	fixture.verified = &failed;
	gw_server_poll_verify(server);
	assert_non_null(
		strstr(receive(fd), "\"error\":\"the database cannot be read now\""));
	close(fd);
	close(other);
}

static void resend_refuses_contradictory_requests(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"resend\",\"uplink\":\"town\"}\n");
	assert_non_null(strstr(receive(fd), "no uplink \\\"town\\\" (there is: city)"));
	assert_int_equal(played_uplink.n_asked, 0);
	/* the connection stays; who does not wait for his answer leaves nothing behind */
	send_text(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(played_uplink.n_asked, 1);
	advance_ms(5001);
	assert_non_null(strstr(receive(fd), "not done within 5 s"));
	send_text(fd, "{\"cmd\":\"resend\"}\n");
	assert_non_null(strstr(receive(fd), "under way"));
	uplink_replies(1, 0, false);
	send_text(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(played_uplink.n_asked, 2);
	gw_server_config_changed(
		server); /* another configuration: the uplink may be another one */
	assert_non_null(strstr(receive(fd), "exchanged"));
	played_uplink.answered = true;
	send_text(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(played_uplink.n_asked, 3); /* the old answer is thrown away */
	uplink_replies(0, 0, false);
	assert_non_null(strstr(receive(fd), "\"ok\":true"));
	send_text(fd, "{\"cmd\":\"resend\",\"since_ms\":1,\"since_seq\":1}\n");
	assert_non_null(strstr(receive(fd), "give one of them"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_command_goes_to_the_engine_and_its_reply_back),
		TEST(a_reply_for_a_client_that_left_is_dropped),
		TEST(an_ambiguous_alarm_name_lists_candidates),
		TEST(a_reload_answers_clients_that_wait_for_the_old_engine),
		TEST(a_missing_reply_of_the_engine_is_reported),
		TEST(resend_asks_the_uplinks),
		TEST(verify_waits_for_the_store),
		TEST(resend_refuses_contradictory_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
