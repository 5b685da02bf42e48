/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTPS sink on a libcurl that fails in each call, runs out of time or answers oddly.
 * test_sink_https.c has the real ones and a platform.
 */
#include "scripted_curl.h"

#include "uplink/sink.h"
#include "uplink/uplink_settings.h"
#include "uplink_rows.h"

/* ---- the sink ---- */

static struct gw_uplink_opts opts;
static void *sink;
static struct gw_wake wake;
static struct gw_sink_result result;
static int turns_left;
static int64_t timeout_ns;

static bool turn(void *arg)
{
	(void)arg;
	return turns_left-- > 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&curl, 0, sizeof(curl));
	curl.synced = true;
	curl.status = 200;
	curl.address = "192.0.2.7";
	curl.no_opt = (CURLoption)-1;
	opts = (struct gw_uplink_opts){.name = "city", .url = "https://city.example/x"};
	timeout_ns = 5 * SEC;
	turns_left = 1000;
	sink = calloc(1, gw_sink_https.state_size);
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_sink_https.close(sink);
	gw_sink_https.close(sink);
	free(sink);
	gw_wake_fini(&wake);
	/* whatever failed: nothing is left behind */
	assert_int_equal(curl.easies, 0);
	assert_int_equal(curl.multis, 0);
	assert_int_equal(curl.lists, 0);
	return 0;
}

static void begin(void)
{
	assert_int_equal(gw_sink_https.open(sink, &opts, "tocsin/test", NULL), GW_OK);
}

static enum gw_sink_verdict request(void)
{
	static char body[] = "{}";
	struct gw_sink_body one = {.parts = {{body, 2}}, .n_parts = 1};

	curl.transfers = curl.n_headers = 0;
	memset(&result, 0xff, sizeof(result));
	gw_sink_https.send(sink,
		&(struct gw_sink_request){.bodies = &one,
			.n_bodies = 1,
			.content_type = "application/json",
			.before = "[",
			.between = ",",
			.after = "]",
			.timeout_ns = timeout_ns,
			.wake = &wake,
			.service = turn},
		&result);
	return result.verdict;
}

static void assert_retry(const char *why)
{
	assert_int_equal(request(), GW_SINK_RETRY);
	if (strstr(result.why, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", result.why, why);
}

/* ---- tests ---- */

/* Each failure of the start is said; the sink tries anew with each request, and works once it
 * can. */
static void test_handles_that_cannot_be_had(void **state)
{
	bool *const flags[] = {&curl.no_multi, &curl.no_easy};
	static const CURLoption options[] = {CURLOPT_URL, CURLOPT_SSL_VERIFYPEER};
	struct gw_error err;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		if (i < 2)
			*flags[i] = true;
		else /* never without a check of who is there */
			curl.no_opt = options[i - 2];
		assert_int_equal(gw_sink_https.open(sink, &opts, "tocsin/test", &err),
			GW_ERR_SYSTEM);
		assert_string_equal(err.text, "libcurl cannot be set up");
		assert_retry("out of memory");
		assert_int_equal(curl.transfers, 0);
		curl.no_multi = curl.no_easy = false;
		curl.no_opt = (CURLoption)-1;
		assert_int_equal(request(), GW_SINK_SENT);
		gw_sink_https.close(sink);
		memset(sink, 0, gw_sink_https.state_size);
	}
}

static void test_only_the_configured_authority_is_trusted(void **state)
{
	static const char none[] = "?";

	(void)state;
	curl.ca = curl.ca_path = curl.cert = none;
	begin();
	assert_ptr_equal(curl.ca, none);
	assert_ptr_equal(curl.ca_path, none);
	assert_ptr_equal(curl.cert, none);
	assert_int_equal(request(), GW_SINK_SENT);
	assert_int_equal(curl.n_headers, 2); /* no token */
	gw_sink_https.close(sink);
	opts.ca = "/ca.pem";
	opts.cert = "/cert.pem";
	begin();
	assert_string_equal(curl.ca, "/ca.pem");
	assert_null(curl.ca_path); /* not the system's beside it */
	assert_string_equal(curl.cert, "/cert.pem");
}

static void test_headers_that_cannot_be_had(void **state)
{
	(void)state;
	begin();
	for (int i = 1; i <= 2; i++) {
		curl.no_list = i;
		assert_retry("out of memory");
		assert_int_equal(curl.transfers, 0);
	}
	assert_int_equal(request(), GW_SINK_SENT);
}

static void test_transfers_that_cannot_begin(void **state)
{
	(void)state;
	begin();
	curl.no_add = true;
	assert_retry("Failed initialization");
	curl.no_add = false;
	curl.no_perform = true;
	assert_retry("Timeout");
	curl.no_perform = false;
	curl.odd_message = true; /* only the one that says "done" counts */
	assert_int_equal(request(), GW_SINK_SENT);
}

/* The platform hangs: never longer than the request's time, in naps of a second for the turn. */
static void test_time_is_up(void **state)
{
	(void)state;
	begin();
	curl.takes_ns = 60 * SEC;
	assert_retry("Timeout");
	assert_int_equal(curl.now_ns, 5 * SEC);
	assert_int_equal(curl.polls, 5);
	turns_left = 1;
	assert_retry("stopped while waiting for the answer");
	assert_int_equal(curl.now_ns, 6 * SEC);
}

static void fail_lookup(CURLcode code, curl_off_t looked_up)
{
	curl.code = code;
	curl.looked_up = looked_up;
	curl.second_code = CURLE_OK;
	curl.resolve[0] = '\0';
}

/* A name that cannot be looked up: the last good address, in what is left of the time. */
static void test_the_last_good_address(void **state)
{
	(void)state;
	begin();
	fail_lookup(CURLE_COULDNT_RESOLVE_HOST, 0);
	assert_retry("resolve"); /* there is none yet */
	assert_int_equal(curl.transfers, 1);
	fail_lookup(CURLE_OK, 0);
	assert_int_equal(request(), GW_SINK_SENT);
	assert_int_equal(curl.connect_ms, 5000);
	fail_lookup(CURLE_COULDNT_RESOLVE_HOST, 0);
	assert_int_equal(request(), GW_SINK_SENT);
	assert_int_equal(curl.transfers, 2);
	assert_string_equal(curl.resolve, "+city.example:8443:192.0.2.7");
	curl.takes_ns = 2 * SEC;
	fail_lookup(CURLE_OPERATION_TIMEDOUT, 0); /* it hung in the lookup */
	assert_int_equal(request(), GW_SINK_SENT);
	assert_int_equal(curl.timeout_ms, 3000);
	fail_lookup(CURLE_OPERATION_TIMEDOUT, 5); /* it hung after it */
	assert_retry("Timeout");
	assert_int_equal(curl.transfers, 1);
	fail_lookup(CURLE_COULDNT_CONNECT, 0);
	assert_retry("connect");
	assert_int_equal(curl.transfers, 1);
}

/* No time or no memory is left for the second try: the first one's answer stands. */
static void test_without_time_or_memory_there_is_no_second_try(void **state)
{
	(void)state;
	begin();
	assert_int_equal(request(), GW_SINK_SENT);
	fail_lookup(CURLE_COULDNT_RESOLVE_HOST, 0);
	curl.no_list = 3; /* after two headers */
	assert_retry("resolve");
	assert_int_equal(curl.transfers, 1);
	curl.takes_ns = timeout_ns;
	assert_retry("resolve");
	assert_int_equal(curl.transfers, 1);
}

/* What is no address to remember; with a name that cannot be looked up there is no second try. */
static void test_no_address_is_remembered_without_a_name_and_an_answer(void **state)
{
	static char long_url[400] = "https://";

	(void)state;
	memset(long_url + 8, 'x', sizeof(long_url) - 9);
	for (int i = 0; i < 5; i++) {
		opts.url = i == 0 ? "https://[::1]:8443/x"
			: i == 1  ? long_url
				  : "https://city.example/x";
		curl.no_address = i == 2;
		curl.address = i == 3 ? NULL : i == 4 ? "" : "192.0.2.7";
		begin();
		fail_lookup(CURLE_OK, 0);
		assert_int_equal(request(), GW_SINK_SENT);
		fail_lookup(CURLE_COULDNT_RESOLVE_HOST, 0);
		assert_retry("resolve");
		assert_int_equal(curl.transfers, 1);
		gw_sink_https.close(sink);
		memset(sink, 0, gw_sink_https.state_size);
	}
}

static void test_the_reason_of_a_failure_is_reported(void **state)
{
	(void)state;
	begin();
	curl.status = 503;
	assert_retry("HTTP 503");
	assert_string_equal(result.why, "HTTP 503");
	curl.body = "later\nplease";
	assert_retry("HTTP 503: later please");
	curl.code = curl.second_code =
		CURLE_WRITE_ERROR; /* not for a body that is too long */
	curl.said = "Failed writing received data";
	assert_retry("Failed writing received data");
	curl.code = CURLE_PEER_FAILED_VERIFICATION;
	curl.said = "no alternative name";
	assert_retry("no alternative name");
	curl.verify = 9;
	assert_retry("is not yet valid by this clock");
	assert_null(strstr(result.why, "synchronised"));
	curl.verify = 10;
	curl.synced = false;
	assert_retry("has expired by this clock, which is not synchronised yet");
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_handles_that_cannot_be_had),
		IT(test_only_the_configured_authority_is_trusted),
		IT(test_headers_that_cannot_be_had),
		IT(test_transfers_that_cannot_begin),
		IT(test_time_is_up),
		IT(test_the_last_good_address),
		IT(test_without_time_or_memory_there_is_no_second_try),
		IT(test_no_address_is_remembered_without_a_name_and_an_answer),
		IT(test_the_reason_of_a_failure_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
