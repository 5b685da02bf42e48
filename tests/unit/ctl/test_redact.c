/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration without its secrets. */
#include "ctl/redact.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void is(const char *text, const char *expected)
{
	size_t n;
	char *got = gw_redact_config(text, strlen(text), &n);

	assert_non_null(got);
	assert_string_equal(got, expected);
	assert_int_equal(n, strlen(expected));
	free(got);
}

static void what_is_no_secret_stays(void **state)
{
	(void)state;
	is("", "");
	is("gateway:\n  id: box\n  area: \"120101\"\n",
		"gateway:\n  id: box\n  area: \"120101\"\n");
	is("points: [{name: ch4, register: \"holding:0\"}]",
		"points: [{name: ch4, register: \"holding:0\"}]");
	is("key: /etc/tocsin/gateway.key\ntoken_file: /run/t\npassword_file: '/x y'\n",
		"key: /etc/tocsin/gateway.key\ntoken_file: /run/t\npassword_file: '/x y'\n");
	is("url: file:///var/log/x?y\n", "url: file:///var/log/x?y\n");
	is("url: mqtt://10.0.3.7:1883\n", "url: mqtt://10.0.3.7:1883\n");
}

static void comments_are_left_out_and_lines_keep_their_numbers(void **state)
{
	(void)state;
	is("# S3CRET\na: 1 # S3CRET\nb: \"x # y\"\nc: x#y\n",
		"\na: 1 \nb: \"x # y\"\nc: x#y\n");
}

static void values_of_secret_keys_are_left_out(void **state)
{
	(void)state;
	is("password: S3CRET\nb: 1\n", "password: (left out)\nb: 1\n");
	is("u: {API-Token: S3CRET, b: 1}\n", "u: {API-Token: (left out), b: 1}\n");
	is("u: {\"secret\": \"S3,}CRET\", b: 1}\n", "u: {\"secret\": (left out), b: 1}\n");
	is("a:\n  password: |\n    S3CRET\n\n    S3CRET\n  b: 1\n",
		"a:\n  password: (left out)\n\n\n\n  b: 1\n");
	is("token: S3CRET\n  S3CRET\nb: 1\n", "token: (left out)\n\nb: 1\n");
	is("headers:\n  - X: S3CRET\nb: 1\n", "headers:(left out)\n\nb: 1\n");
	is("headers: {X: S3CRET,\n  Y: S3CRET}\nb: 1\n", "headers: (left out)\n\nb: 1\n");
}

static void urls_keep_scheme_and_host(void **state)
{
	(void)state;
	is("url: https://me:S3CRET@city.example:443/hook/S3CRET?k=S3CRET\n",
		"url: https://(left out)@city.example:443/(left out)\n");
	is("u: {url: \"https://city.example/\", b: 1}",
		"u: {url: \"https://city.example\", b: 1}");
	is("u: {url: https://city.example?k=S3CRET, b: 1}",
		"u: {url: https://city.example/(left out), b: 1}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_secret_stays),
		cmocka_unit_test(comments_are_left_out_and_lines_keep_their_numbers),
		cmocka_unit_test(values_of_secret_keys_are_left_out),
		cmocka_unit_test(urls_keep_scheme_and_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
