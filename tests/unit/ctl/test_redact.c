/* SPDX-License-Identifier: Apache-2.0 */
/* Texts without what may be secret in their URLs. */
#include "ctl/redact.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef char *redact_fn(const char *text, size_t n, size_t *ret_n);

static void becomes(redact_fn *redact, const char *text, const char *expected)
{
	size_t n;
	char *got = redact(text, strlen(text), &n);

	assert_non_null(got);
	assert_string_equal(got, expected);
	assert_int_equal(n, strlen(expected));
	free(got);
}

static void text_is(const char *text, const char *expected)
{
	becomes(gw_redact_urls, text, expected);
}

static void value_is(const char *text, const char *expected)
{
	becomes(gw_redact_value, text, expected);
}

static void what_is_no_url_stays(void **state)
{
	(void)state;
	text_is("", "");
	text_is("# token: x\n", "# token: x\n");
	text_is("[\"mqtt://a.example\",\"file:///x?y\"]",
		"[\"mqtt://a.example\",\"file:///x?y\"]");
	value_is("file:///var/log/x?y", "file:///var/log/x?y");
	value_is("holding:0", "holding:0");
}

static void scheme_host_and_port_stay(void **state)
{
	(void)state;
	value_is("https://me:S3@city.example:443/hook/S3?k=S3",
		"https://(left out)@city.example:443/(left out)");
	value_is("mqtt://10.0.3.7:1883", "mqtt://10.0.3.7:1883");
	value_is("https://[fe80::1%25en0]:8443/S3",
		"https://[fe80::1%25en0]:8443/(left out)");
	value_is("https://a.example/", "https://a.example");
	value_is("https://a.example?S3", "https://a.example/(left out)");
	value_is("https://a.example#S3", "https://a.example/(left out)");
	value_is("profile:///S3", "profile:///(left out)");
	value_is("file://me:S3@a.example/", "file://(left out)@a.example");
}

static void what_may_be_a_password_is_no_host(void **state)
{
	(void)state;
	value_is("https://me:S3/S3@a.example/x", "https://(left out)");
	value_is("https://me:53/S3@a.example/x", "https://(left out)");
	value_is("https://me:S3 S3@a.example/x", "https://(left out)@a.example/(left out)");
	value_is("https://me:S3", "https://(left out)");
	value_is("https://a.example S3", "https://(left out)");
	value_is("https://[S3", "https://(left out)");
	text_is("to https://me:S3/S3@a.example/x S\n", "to https://(left out) S\n");
}

static void a_value_is_a_url_to_its_end(void **state)
{
	(void)state;
	value_is("https://a.example/x,S3}S3'S3]S3\"\nS3 \"S3",
		"https://a.example/(left out)");
	value_is("https://a.example/S3 https://S3/", "https://a.example/(left out)");
	value_is("file:///x https://a.example/S3 S3",
		"file:///x https://a.example/(left out)");
}

static void a_text_goes_on_behind_its_urls(void **state)
{
	(void)state;
	text_is("{\"url\":\"https://me:S3@a.example:1/S3?S3\\\"S3\\\\\",\"b\":1}\n",
		"{\"url\":\"https://(left out)@a.example:1/(left out)\",\"b\":1}\n");
	text_is("[\"https://a.example/S3\\\",S3\"]", "[\"https://a.example/(left out)\"]");
	text_is("to https://a.example/x,S3}S3'S3\"S3)S3: failed\nto x\n",
		"to https://a.example/(left out) failed\nto x\n");
	text_is("\"https://a.example/S3\" is bad",
		"\"https://a.example/(left out)\" is bad");
	text_is("\"https://a.example/S3", "\"https://a.example/(left out)");
	text_is("https://a.example/S3\\", "https://a.example/(left out)");
	text_is("[\"https://a.example/S3\"] [\"https://a.example/S3\"]",
		"[\"https://a.example/(left out)\"] [\"https://a.example/(left out)\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_url_stays),
		cmocka_unit_test(scheme_host_and_port_stay),
		cmocka_unit_test(what_may_be_a_password_is_no_host),
		cmocka_unit_test(a_value_is_a_url_to_its_end),
		cmocka_unit_test(a_text_goes_on_behind_its_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
