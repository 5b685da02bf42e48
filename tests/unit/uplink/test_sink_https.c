/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS sink against a platform in Python: requests, responses, timeouts, names. */
#include "https_fixture.h"

static void test_sent_as_it_is_on_one_connection(void **state)
{
	int connections;

	(void)state;
	assert_int_equal(send_new(), GW_SINK_SENT);
	assert_int_equal(result.status, 200);
	assert_string_equal(result.why, "");
	assert_true(was_taken());
	connections = stat_of("connections");
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_new(), GW_SINK_SENT);
	assert_int_equal(stat_of("connections"), connections);
}

static void test_each_status_has_its_verdict(void **state)
{
	static const struct {
		int status;
		enum gw_sink_verdict verdict;
	} rows[] = {
		{201, GW_SINK_SENT},
		{202, GW_SINK_SENT},
		{204, GW_SINK_SENT},
		{301, GW_SINK_RETRY},
		{304, GW_SINK_RETRY},
		{400, GW_SINK_REFUSED},
		{401, GW_SINK_REFUSED},
		{403, GW_SINK_REFUSED},
		{404, GW_SINK_REFUSED},
		{408, GW_SINK_RETRY},
		{409, GW_SINK_REFUSED},
		{410, GW_SINK_REFUSED},
		{413, GW_SINK_REFUSED},
		{422, GW_SINK_REFUSED},
		{425, GW_SINK_RETRY},
		{429, GW_SINK_RETRY},
		{500, GW_SINK_RETRY},
		{503, GW_SINK_RETRY},
		{599, GW_SINK_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		platform_command(
			"{\"do\": \"fault\", \"kind\": \"status\", \"status\": %d, "
			"\"body\": \"because \\u0007of \\u001b[1m 锅炉\"}",
			rows[i].status);
		if (send_new() != rows[i].verdict || result.status != rows[i].status)
			fail_msg("%d: verdict %d, status %d, %s", rows[i].status,
				result.verdict, result.status, result.why);
		if (rows[i].status >= 400)
			assert_why("because  of  [1m 锅炉");
	}
	/* and the same bytes again, when it is well */
	platform_command("{\"do\": \"fault\", \"kind\": \"status\", \"status\": 500}");
	assert_int_equal(send_new(), GW_SINK_RETRY);
	assert_false(was_taken());
	assert_int_equal(send_again(), GW_SINK_SENT);
	assert_true(was_taken());
}

/* 200, and its body: as JSON has it in a string. */
static enum gw_sink_verdict send_with_body(const char *text, const char *type)
{
	platform_command("{\"do\": \"fault\", \"kind\": \"status\", \"status\": 200, "
			 "\"takes\": false, "
			 "\"body\": \"%s\", \"headers\": {\"Content-Type\": \"%s\"}}",
		text, type);
	return send_new();
}

static void test_a_web_page_is_no_acceptance(void **state)
{
	(void)state;
	assert_int_equal(send_with_body("ok", "text/html"), GW_SINK_SENT);
	assert_int_equal(send_with_body("", "text/html"), GW_SINK_SENT);
	assert_int_equal(send_with_body("{\\\"errcode\\\":310000}", "application/json"),
		GW_SINK_SENT);
	assert_int_equal(send_with_body("\\n <!DOCTYPE html>\\n<html><title>login",
				 "application/json"),
		GW_SINK_RETRY);
	assert_int_equal(result.status, 200);
	assert_why("HTTP 200 with a web page: a login or captive page took it");
	assert_why("<title>login");
	assert_int_equal(send_with_body("\\ufeff<HTML>", "text/plain"), GW_SINK_RETRY);
	/* on the same connection, and nothing of the page is left */
	assert_int_equal(send_new(), GW_SINK_SENT);
	assert_true(was_taken());
	own.accept.word = 1;
	reopen();
	assert_int_equal(send_with_body("<html>", "text/html"), GW_SINK_SENT);
}

static void test_a_body_that_refuses(void **state)
{
	static const struct gw_setting_pair pairs[] = {{"/errcode", "0", false}};

	(void)state;
	own.accept = (struct gw_setting_pairs){.n = 1, .at = pairs};
	reopen();
	assert_int_equal(
		send_with_body("{\\\"errcode\\\":0}", "application/json"), GW_SINK_SENT);
	assert_int_equal(
		send_with_body("{\\\"errcode\\\":310000,\\\"errmsg\\\":\\\"token\\\"}",
			"application/json"),
		GW_SINK_REFUSED);
	assert_int_equal(result.status, 200);
	assert_why(
		"HTTP 200, but /errcode is 310000, not 0: {\"errcode\":310000,\"errmsg\"");
	assert_int_equal(send_with_body("", "text/plain"), GW_SINK_REFUSED);
	assert_why("HTTP 200, but no body");
	assert_int_equal(send_with_body("<html>", "text/html"), GW_SINK_RETRY);
	assert_why("captive page");
	platform_command(
		"{\"do\": \"fault\", \"kind\": \"status\", \"status\": 400, \"body\": "
		"\"{\\\"errcode\\\":0}\"}");
	assert_int_equal(send_new(), GW_SINK_REFUSED); /* a yes in a 400 is none */
	platform_command("{\"do\": \"fault\", \"kind\": \"long\", \"size\": 100000}");
	assert_int_equal(send_new(), GW_SINK_RETRY);
	assert_why("longer than");
}

static void test_redirect_is_not_followed(void **state)
{
	int before = stat_of("requests");

	(void)state;
	platform_command(
		"{\"do\": \"fault\", \"kind\": \"status\", \"status\": 307, \"headers\": "
		"{\"Location\": \"%s\"}}",
		url);
	assert_refused_to_talk();
	assert_why("redirects are not followed");
	assert_int_equal(stat_of("requests"), before + 1);
}

static int64_t retry_after(const char *value)
{
	platform_command(
		"{\"do\": \"fault\", \"kind\": \"status\", \"status\": 429, \"headers\": "
		"{\"Retry-After\": \"%s\"}}",
		value);
	assert_int_equal(send_new(), GW_SINK_RETRY);
	return result.retry_after_ns / GW_NS_PER_SEC;
}

static void test_retry_after_is_seconds_or_a_date_within_bounds(void **state)
{
	time_t at = time(NULL) + 30;
	char date[64];

	(void)state;
	assert_int_equal(retry_after("7"), 7);
	assert_int_equal(retry_after("3600"), 60);
	assert_int_equal(retry_after("soon"), 0);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
	assert_in_range(retry_after(date), 25, 30);
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
}

/* Each was was_taken by the platform, but it did not say so: again, with the same ids. */
static void test_cut_and_false_responses(void **state)
{
	static const char *const faults[] = {
		"\"kind\": \"cut\", \"at\": \"none\"",
		"\"kind\": \"cut\", \"at\": \"head\"",
		"\"kind\": \"cut\", \"at\": \"body\"",
		"\"kind\": \"lie\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 200 OK\\r\\n\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 100 Continue\\r\\n\\r\\n\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 OK\\r\\n\\r\\n\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 200 OK\\r\\n"
		"Content-Length: 5\\r\\nContent-Length: 7\\r\\n\\r\\nhello\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 200 OK\\r\\n"
		"Transfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n\"",
		"\"kind\": \"long\", \"size\": 1000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		platform_command("{\"do\": \"fault\", \"times\": 2, %s}", faults[i]);
		if (send_new() != GW_SINK_RETRY)
			fail_msg("%s was believed", faults[i]);
		assert_true(result.why[0] != '\0');
		platform_command("{\"do\": \"clear\"}");
		assert_int_equal(send_again(), GW_SINK_SENT);
	}
}

static void test_hang_is_bounded_and_service_is_called(void **state)
{
	int64_t begun = gw_clock_boot_ns();

	(void)state;
	timeout_ns = 1500 * MS;
	platform_command("{\"do\": \"fault\", \"kind\": \"hang\", \"seconds\": 4}");
	assert_refused_to_talk();
	assert_in_range(gw_clock_boot_ns() - begun, 1400 * MS, 3500 * MS);
	assert_in_range(services, 2, 50); /* not once, and not a spin */
}

static void test_a_stop_ends_the_request(void **state)
{
	int64_t begun = gw_clock_boot_ns();

	(void)state;
	assert_int_equal(send_new(), GW_SINK_SENT);
	platform_command("{\"do\": \"fault\", \"kind\": \"hang\", \"seconds\": 4}");
	max_services = 2;
	assert_refused_to_talk();
	assert_why("stopped");
	assert_true(gw_clock_boot_ns() - begun < 3000 * MS);
}

static void test_a_refused_connection_is_tried_again(void **state)
{
	(void)state;
	platform_command("{\"do\": \"down\"}");
	assert_refused_to_talk();
	platform_command("{\"do\": \"up\"}");
	assert_int_equal(send_again(), GW_SINK_SENT);
}

static void test_plain_http_is_refused(void **state)
{
	char plain[64];
	int before = stat_of("connections");

	(void)state;
	snprintf(plain, sizeof(plain), "http://127.0.0.1:%d/v1/alerts", port);
	opts.url = plain;
	reopen();
	assert_refused_to_talk();
	assert_int_equal(stat_of("connections"), before);
}

static void test_names_that_cannot_be_looked_up(void **state)
{
	char named[64], my_ca[128];
	int64_t begun;
	int how;

	(void)state;
	serve("named", "\"platform.test\"", -1, 10);
	snprintf(my_ca, sizeof(my_ca), "%s/my-ca.pem", dir);
	copy_file(ca, my_ca);
	opts.ca = my_ca;
	snprintf(named, sizeof(named), "https://platform.test:%d/v1/alerts", port);
	opts.url = named;
	reopen();
	names_fail = 1; /* and no address known yet */
	assert_refused_to_talk();
	assert_why("resolve");
	names_fail = 0;
	assert_int_equal(send_again(), GW_SINK_SENT);
	/* the connection and what was looked up are lost, and the names fail now: at once, or
	 * only after a while */
	timeout_ns = 2000 * MS;
	for (how = 1; how <= 2; how++) {
		names_fail = how;
		copy_file(ca, my_ca);
		begun = gw_clock_boot_ns();
		assert_int_equal(send_new(), GW_SINK_SENT);
		assert_true(gw_clock_boot_ns() - begun < 2000 * MS);
	}
	sleep(3); /* for the look-up that was left alone */
}

static void test_closing_does_not_wait_for_a_look_up(void **state)
{
	char named[64];
	int64_t begun;

	(void)state;
	snprintf(named, sizeof(named), "https://platform.test:%d/v1/alerts", port);
	opts.url = named;
	reopen();
	names_fail = 2;
	timeout_ns = 300 * MS;
	begun = gw_clock_boot_ns();
	assert_refused_to_talk();
	gw_sink_https.close(sink);
	assert_true(gw_clock_boot_ns() - begun < 2000 * MS);
	sleep(3); /* the look-up that was left alone ends before the test does */
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_sent_as_it_is_on_one_connection),
		IT(test_each_status_has_its_verdict),
		IT(test_a_web_page_is_no_acceptance),
		IT(test_a_body_that_refuses),
		IT(test_redirect_is_not_followed),
		IT(test_retry_after_is_seconds_or_a_date_within_bounds),
		IT(test_cut_and_false_responses),
		IT(test_hang_is_bounded_and_service_is_called),
		IT(test_a_stop_ends_the_request),
		IT(test_a_refused_connection_is_tried_again),
		IT(test_plain_http_is_refused),
		IT(test_names_that_cannot_be_looked_up),
		IT(test_closing_does_not_wait_for_a_look_up),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, start_platform, stop_platform);
}
