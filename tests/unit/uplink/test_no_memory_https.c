/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS sink without memory, at its start or later: every try says so and leaves nothing
 * behind, and the first one with memory again is sent. */
#include "scripted_curl.h"

#include "uplink/sink.h"
#include "uplink/uplink_settings.h"
#include "uplink_rows.h"

#include "tests/unit/fixture/failing_memory.h"

static struct gw_uplink_opts opts = {.name = "city", .url = "https://city.example/x"};
static void *sink;
static struct gw_wake wake;
static struct gw_sink_result answer;
static enum gw_err opened;
static struct gw_error err;

static int setup(void **state)
{
	(void)state;
	memset(&curl, 0, sizeof(curl));
	curl.status = 200;
	curl.address = "192.0.2.7";
	curl.no_opt = (CURLoption)-1;
	sink = calloc(1, gw_sink_https.state_size);
	return gw_wake_init(&wake, NULL) != GW_OK;
}

static int teardown(void **state)
{
	(void)state;
	gw_sink_https.close(sink);
	free(sink);
	gw_wake_fini(&wake);
	assert_int_equal(curl.easies, 0);
	assert_int_equal(curl.lists, 0);
	return 0;
}

static bool service(void *arg)
{
	(void)arg;
	return true;
}

static void begin(void)
{
	opened = gw_sink_https.open(sink, &opts, "tocsin/test", &err);
}

static void request(void)
{
	static char body[] = "{}";
	struct gw_sink_body one = {.parts = {{body, 2}}, .n_parts = 1};

	curl.transfers = 0;
	gw_sink_https.send(sink,
		&(struct gw_sink_request){.bodies = &one,
			.n_bodies = 1,
			.content_type = "application/json",
			.before = "[",
			.between = ",",
			.after = "]",
			.timeout_ns = 5 * SEC,
			.wake = &wake,
			.service = service},
		&answer);
}

static void assert_no_memory(void)
{
	assert_int_equal(answer.verdict, GW_SINK_RETRY);
	assert_string_equal(answer.why, "out of memory");
	assert_int_equal(curl.transfers, 0);
}

static void an_https_sink_without_memory_fails_to_open(void **state)
{
	(void)state;
	run_failing(begin, 1, true);
	assert_int_equal(opened, GW_ERR_SYSTEM);
	assert_string_equal(err.text, "libcurl cannot be set up");
	run_failing(request, 1, true);
	assert_no_memory();
	request();
	assert_int_equal(answer.verdict, GW_SINK_SENT);
	request();
	assert_int_equal(answer.verdict, GW_SINK_SENT);
}

static void a_request_without_memory_is_retried(void **state)
{
	(void)state;
	begin();
	assert_int_equal(opened, GW_OK);
	run_failing(request, 1, true);
	assert_no_memory();
	request();
	assert_int_equal(answer.verdict, GW_SINK_SENT);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(an_https_sink_without_memory_fails_to_open),
		IT(a_request_without_memory_is_retried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
