/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "uplink/sink.h"
#include "uplink/sink_https.h"
#include "uplink/uplink_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char said[2048];
static const void *where;

static void say(struct gw_report *report, const void *at, const char *text)
{
	(void)report;
	where = at;
	strncat(said, text, sizeof(said) - strlen(said) - 1);
	strncat(said, "\n", sizeof(said) - strlen(said) - 1);
}

static unsigned check(const struct gw_uplink_opts *o)
{
	struct gw_report report = {.add = say};

	said[0] = '\0';
	where = NULL;
	gw_uplink_check(o, &report);
	return report.n;
}

static void test_urls_are_checked(void **state)
{
	static const struct {
		const char *url, *complaint; /* NULL: fine */
	} rows[] = {
		{"https://platform.example.cn/v1/alerts", NULL},
		{"https://127.0.0.1:8443/", NULL},
		{"https://[::1]:8443/x?y=1", NULL},
		{"https://h", NULL},
		{"file:///var/lib/x.ndjson", NULL},
		{"http://platform.example.cn/v1",
			"did you mean https://platform.example.cn/v1?"},
		{"HTTP://h/", "did you mean https://h/?"},
		{"ftp://h/", "neither https://... nor file:///..."},
		{"platform.example.cn", "neither"},
		{"https://", "no host"},
		{"https:///path", "no host"},
		{"https://h:0/", "port"},
		{"https://h:65536/", "port"},
		{"https://h:x/", "port"},
		{"https://h:/", "port"},
		{"https://[::1/", "no ]"},
		{"https://user:secret@h/", "token_file"},
		{"https://h/#top", "never sent"},
		{"https://h/a b", "no spaces"},
		{"https://h/\nX: y", "no spaces"},
		{"file:///", "names no file"},
		{"file://host/x", "names no file"},
		{"file:///dir/", "names no file"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_uplink_opts o = {
			.name = "city", .url = rows[i].url, .heartbeat_ns = GW_NS_PER_SEC};
		unsigned n = check(&o);

		if (rows[i].complaint == NULL) {
			assert_int_equal(n, 0);
			continue;
		}
		if (n != 1 || strstr(said, rows[i].complaint) == NULL)
			fail_msg("%s: %u complaints: %s", rows[i].url, n, said);
		assert_ptr_equal(where, &o.url);
		assert_null(strstr(said, "secret"));
	}
}

static void test_settings_that_need_each_other_are_checked(void **state)
{
	struct gw_uplink_opts o = {.url = "https://h/", .cert = "/c", .key = ""};

	(void)state;
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &o.cert);
	o.key = "/k";
	assert_int_equal(check(&o), 0);
	o.cert = "";
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &o.key);
	o = (struct gw_uplink_opts){.url = "file:///x", .token_file = "/t"};
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &o.token_file);
	o = (struct gw_uplink_opts){.url = "https://h/", .heartbeat_ns = GW_NS_PER_MS};
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &o.heartbeat_ns);
}

static const struct gw_setting *row(const char *key)
{
	const struct gw_setting *r;

	for (r = gw_uplink_settings; r->key; r++)
		if (strcmp(r->key, key) == 0)
			return r;
	fail_msg("no setting %s", key);
	return r;
}

static void test_rows_have_the_documented_defaults(void **state)
{
	static const char *const keys[] = {"name", "url", "format", "ca", "cert", "key",
		"token_file", "heartbeat", "timeout", "batch"};
	int64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_non_null(row(keys[i])->help);
	}
	assert_int_equal(gw_parse_duration(row("heartbeat")->def, &ns, NULL), GW_OK);
	assert_int_equal(ns, 30 * GW_NS_PER_SEC);
	assert_int_equal(gw_parse_duration(row("timeout")->def, &ns, NULL), GW_OK);
	assert_true(ns <= 5 * GW_NS_PER_SEC);
	assert_true(row("batch")->max <= GW_UPLINK_BATCH_MAX);
}

static void test_accept_needs_valid_pointers(void **state)
{
	static const struct gw_setting_pair good[] = {{"/errcode", "0", false},
		{"/data/ok", "true", false}},
					    bad[] = {{"errcode", "0", false}};
	struct gw_sink_https_opts own = {.accept = {.n = 2, .at = good}};
	struct gw_uplink_opts o = {.name = "city", .url = "https://h/", .sink_opts = &own};

	(void)state;
	assert_int_equal(check(&o), 0);
	own.accept = (struct gw_setting_pairs){.n = 1, .at = bad};
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &own.accept);
	assert_non_null(strstr(said, "\"errcode\": a JSON pointer begins with /"));
	own.accept = (struct gw_setting_pairs){.word = 1};
	assert_int_equal(check(&o), 0);
	/* a url that could not be read was said already */
	o.url = NULL;
	assert_int_equal(check(&o), 0);
}

static void test_a_certificate_and_its_key(void **state)
{
	struct gw_uplink_opts o = {
		.name = "city", .url = "https://h/", .cert = "/c.pem", .key = "/k.pem"};

	(void)state;
	assert_int_equal(check(&o), 0);
	o.key = "";
	assert_int_equal(check(&o), 1);
	o.key = NULL;
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &o.cert);
	o.key = "/k.pem";
	o.cert = NULL;
	assert_int_equal(check(&o), 1);
	assert_ptr_equal(where, &o.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls_are_checked),
		cmocka_unit_test(test_settings_that_need_each_other_are_checked),
		cmocka_unit_test(test_rows_have_the_documented_defaults),
		cmocka_unit_test(test_accept_needs_valid_pointers),
		cmocka_unit_test(test_a_certificate_and_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
