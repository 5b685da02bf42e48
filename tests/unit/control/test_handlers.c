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
	fixture.view.revision++;
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

/* One reply, and the descriptor that came with it; 0: none. */
static int receive_with(int fd, char *ret_line, size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {ret_line, size - 1};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	int passed = 0;

	assert_true(n > 0);
	ret_line[n] = '\0';
	if (CMSG_FIRSTHDR(&m))
		memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(passed));
	return passed;
}

static void a_backup_comes_as_a_descriptor(void **state)
{
	static struct gw_store_backup_result copy = {.bytes = 20480, .fd = -1};
	static const struct gw_store_backup_result failed = {
		.failed = true, .why = "the disk is full", .fd = -1};
	int fd = connect_client(), other = connect_client(), passed;
	char line[256], byte = 0;
	struct stat before, after;

	(void)state;
	fixture.pages = 0;
	send_text(fd, "{\"cmd\":\"backup\"}\n");
	send_text(other, "{\"cmd\":\"backup\"}\n");
	assert_non_null(strstr(receive(other), "another backup is under way"));
	fixture.pages_done = 5;
	fixture.pages = 20;
	gw_server_poll_backup(server);
	assert_string_equal(receive(fd), "{\"progress\":{\"done\":5,\"pages\":20}}\n");
	assert_string_equal(receive(other), "");
	fixture.pages = 0;
	copy.fd = open("/dev/zero", O_RDONLY);
	assert_int_equal(fstat(copy.fd, &before), 0);
	fixture.copy = &copy;
	gw_server_poll_backup(server);
	passed = receive_with(fd, line, sizeof(line));
	assert_string_equal(line, "{\"ok\":true,\"result\":{\"bytes\":20480}}\n");
	assert_true(passed > 0);
	assert_int_equal(fstat(passed, &after), 0);
	assert_int_equal(before.st_rdev, after.st_rdev);
	assert_int_equal(read(passed, &byte, 1), 1);
	close(passed);
	send_text(fd, "{\"cmd\":\"backup\"}\n");
	fixture.copy = &failed;
	gw_server_poll_backup(server);
	assert_int_equal(receive_with(fd, line, sizeof(line)), 0);
	assert_non_null(strstr(line, "\"error\":\"the disk is full\""));
	/* Who goes away gives it up. */
	send_text(fd, "{\"cmd\":\"backup\"}\n");
	close(fd);
	send_text(other, "{\"cmd\":\"status\"}\n");
	assert_int_equal(fixture.backups_cancelled, 1);
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
		TEST(a_backup_comes_as_a_descriptor),
		TEST(resend_refuses_contradictory_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
