/* SPDX-License-Identifier: Apache-2.0 */
/* History and live events of `tail`. */
#include "control/protocol.h"

#include "server_fixture.h"

static void add_event(uint64_t seq)
{
	struct gw_event e = fixture_event(seq);

	gw_server_event(server, &e);
	fixture.last_seq = seq;
}

static struct gw_batch *history(uint64_t from, uint64_t to)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	b->events = calloc((size_t)(to - from + 1), sizeof(*b->events));
	for (uint64_t seq = from; seq <= to; seq++)
		b->events[b->n++] = fixture_event(seq);
	return b;
}

/* The numbers at the ends of the lines heard, in order: "#41 #42". */
static const char *received_seqs(int fd)
{
	static char list[65536];
	size_t used = 0;

	list[0] = '\0';
	for (const char *at = receive(fd); (at = strstr(at, " #")); at++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s#%lu",
			used ? " " : "", strtoul(at + 2, NULL, 10));
	return list;
}

static void tail_without_history_begins_with_live_events(void **state)
{
	int fd = connect_client();

	(void)state;
	add_event(1);
	send_text(fd, "{\"cmd\":\"tail\"}\n");
	assert_string_equal(receive(fd), GW_PROTOCOL_OK "{\"following\":true}}\n");
	assert_int_equal(fixture.asked, 0);
	add_event(2);
	assert_string_equal(receive(fd),
		"{\"line\":\"2026-11-21T00:15:30.125+00:00 RED raised boiler/gas-1/ch4 "
		"ch4-high 52.3 %LEL above 50 @ A/-1/锅炉房 #2\"}\n");
	advance_ms(60000); /* no deadline for followers */
	add_event(3);
	assert_string_equal(received_seqs(fd), "#3");
	close(fd);
	run_loop();
	add_event(4);
}

static void tail_json_is_one_event_a_line(void **state)
{
	int fd = connect_client();
	json_t *line, *event;

	(void)state;
	send_text(fd, "{\"cmd\":\"tail\",\"json\":true}\n");
	receive(fd);
	add_event(7);
	line = json_loads(receive(fd), 0, NULL);
	event = json_object_get(line, "event");
	assert_int_equal(json_integer_value(json_object_get(event, "seq")), 7);
	assert_string_equal(json_string_value(json_object_get(event, "alarm")),
		"boiler/gas-1/ch4:ch4-high");
	json_decref(line);
	close(fd);
}

static void history_and_live_join_without_gap_or_duplicate(void **state)
{
	int fd = connect_client();

	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		add_event(seq); /* heard, but the store has committed 6 only */
	fixture.committed = 6;
	send_text(fd, "{\"cmd\":\"tail\",\"last\":100}\n");
	receive(fd);
	assert_int_equal(fixture.asked, 1);
	assert_int_equal(fixture.asked_last, 100);
	add_event(9); /* while the store reads */
	assert_string_equal(received_seqs(fd), "");
	fixture.history = history(1, 6);
	gw_server_poll_history(server);
	assert_string_equal(received_seqs(fd), "#1 #2 #3 #4 #5 #6 #7 #8 #9");
	add_event(10);
	assert_string_equal(received_seqs(fd), "#10");
	close(fd);
}

static void events_that_are_in_history_and_live_come_once(void **state)
{
	int fd = connect_client();

	(void)state;
	add_event(1);
	fixture.committed = 1;
	send_text(fd, "{\"cmd\":\"tail\",\"last\":100}\n");
	receive(fd);
	add_event(2);
	add_event(3);
	fixture.history = history(1, 3);
	gw_server_poll_history(server);
	add_event(4);
	assert_string_equal(received_seqs(fd), "#1 #2 #3 #4");
	close(fd);
}

static void last_n_counts_events_that_are_not_committed_yet(void **state)
{
	int fd = connect_client();

	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		add_event(seq);
	fixture.committed = 6;
	send_text(fd, "{\"cmd\":\"tail\",\"last\":3}\n");
	receive(fd);
	fixture.history = history(4, 6);
	gw_server_poll_history(server);
	assert_string_equal(received_seqs(fd), "#6 #7 #8");
	close(fd);
}

/* More events than are kept, and the store far behind: the question waits for the commits. */
static void history_waits_for_commits_of_events_no_longer_in_memory(void **state)
{
	int fd = connect_client();

	(void)state;
	for (uint64_t seq = 1; seq <= 400; seq++)
		add_event(seq);
	fixture.committed = 5;
	send_text(fd, "{\"cmd\":\"tail\",\"last\":1000}\n");
	receive(fd);
	assert_int_equal(fixture.asked, 0);
	advance_ms(100);
	assert_int_equal(fixture.asked, 0);
	fixture.committed = 400;
	advance_ms(100);
	assert_int_equal(fixture.asked, 1);
	close(fd);
}

static void a_store_that_cannot_answer_is_reported_and_live_events_go_on(void **state)
{
	struct gw_batch *failed = calloc(1, sizeof(*failed));
	int mute = connect_client(), broken;

	(void)state;
	add_event(1);
	fixture.committed = 1;
	send_text(mute, "{\"cmd\":\"tail\",\"last\":10}\n");
	receive(mute);
	advance_ms(5100);
	assert_non_null(strstr(receive(mute), "{\"note\":\"the store did not answer"));
	assert_non_null(strstr(received, " #1\"}"));
	broken = connect_client();
	send_text(broken, "{\"cmd\":\"tail\",\"last\":10}\n");
	fixture.history = history(1, 1); /* the first one's, late: nobody's */
	gw_server_poll_history(server);
	failed->failed = true;
	fixture.history = failed;
	gw_server_poll_history(server);
	assert_non_null(strstr(receive(broken), "{\"note\":\"the store cannot be read"));
	add_event(2);
	assert_string_equal(received_seqs(mute), "#2");
	assert_string_equal(received_seqs(broken), "#2");
	close(mute);
	close(broken);
}

static void history_for_a_client_that_left_is_freed(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"tail\",\"last\":10}\n");
	close(fd);
	run_loop();
	fixture.history = history(1, 3);
	gw_server_poll_history(server);
	assert_null(fixture.history);
}

static void history_is_requested_for_one_client_at_a_time(void **state)
{
	int one = connect_client(), two = connect_client();

	(void)state;
	send_text(one, "{\"cmd\":\"tail\",\"last\":1}\n");
	send_text(two, "{\"cmd\":\"tail\",\"since_ms\":1795220130000}\n");
	assert_int_equal(fixture.asked, 1);
	fixture.history = history(1, 1);
	gw_server_poll_history(server);
	assert_string_equal(received_seqs(one), "#1");
	assert_int_equal(fixture.asked, 2);
	assert_int_equal(fixture.asked_last, GW_PROTOCOL_TAIL_MAX);
	assert_true(fixture.asked_since_ms == INT64_C(1795220130000));
	fixture.history = history(1, 2);
	gw_server_poll_history(server);
	assert_string_equal(received_seqs(two), "#1 #2");
	close(one);
	close(two);
}

static void long_history_is_complete(void **state)
{
	int fd = connect_client();
	int lines = 0;

	(void)state;
	send_text(fd, "{\"cmd\":\"tail\",\"last\":10000}\n");
	receive(fd);
	fixture.history = history(1, 10000);
	gw_server_poll_history(server);
	for (const char *at = receive(fd); (at = strstr(at, " #")); at++)
		assert_int_equal(strtoul(at + 2, NULL, 10), ++lines);
	assert_int_equal(lines, 10000);
	close(fd);
}

static void a_tail_that_does_not_read_is_disconnected_and_others_go_on(void **state)
{
	int deaf = connect_client(), good = connect_client();
	struct gw_server_counts s;
	uint64_t seq = 0;

	(void)state;
	send_text(deaf, "{\"cmd\":\"tail\"}\n");
	send_text(good, "{\"cmd\":\"tail\"}\n");
	receive(good);
	do {
		add_event(++seq);
		receive(good);
		assert_non_null(strstr(received, "\"line\""));
		s = *gw_server_counts(server);
	} while (s.followers == 2 && seq < 20000);
	assert_int_equal(s.followers, 1);
	assert_int_equal(s.cut, 1);
	assert_int_equal(fixture.n_said, 1);
	assert_non_null(strstr(fixture.said[0], "follows events and does not read them"));
	close(deaf);
	close(good);
}

static void clients_in_tail_are_told_that_the_daemon_stops(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"tail\"}\n");
	receive(fd);
	gw_server_close(server);
	server = NULL;
	assert_string_equal(receive(fd), "{\"ok\":false,\"error\":\"tocsind stops\"}\n");
	assert_true(is_closed(fd));
	close(fd);
}

/* ---- the socket file ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(history_for_a_client_that_left_is_freed),
		TEST(tail_without_history_begins_with_live_events),
		TEST(tail_json_is_one_event_a_line),
		TEST(history_and_live_join_without_gap_or_duplicate),
		TEST(events_that_are_in_history_and_live_come_once),
		TEST(last_n_counts_events_that_are_not_committed_yet),
		TEST(history_waits_for_commits_of_events_no_longer_in_memory),
		TEST(a_store_that_cannot_answer_is_reported_and_live_events_go_on),
		TEST(history_is_requested_for_one_client_at_a_time),
		TEST(long_history_is_complete),
		TEST(a_tail_that_does_not_read_is_disconnected_and_others_go_on),
		TEST(clients_in_tail_are_told_that_the_daemon_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
