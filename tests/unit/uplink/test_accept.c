/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_html_pages_are_recognised(void **state)
{
	static const char *const pages[] = {"<!DOCTYPE html><html>", "<!doctype HTML>",
		"<html>", "<HTML lang=zh>", " \t\r\n\f\v<html>",
		"\xef\xbb\xbf<!doctype html>", "\xef\xbb\xbf\n \xef\xbb\xbf<html>",
		"<html"};
	static const char *const others[] = {"", "ok", "<", "<htm", "<!doctype",
		"<p>ok</p>", "{\"a\":\"<html>\"}", "ok <html>", "<?xml version=\"1.0\"?>",
		"\xef\xbb", "    "};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (!gw_accept_is_html(pages[i], strlen(pages[i])))
			fail_msg("\"%s\" is a page", pages[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (gw_accept_is_html(others[i], strlen(others[i])))
			fail_msg("\"%s\" is no page", others[i]);
	assert_false(gw_accept_is_html("<html>", 4)); /* not beyond its end */
	assert_false(gw_accept_is_html("\0<html>", 7));
}

static void test_pointers_are_checked(void **state)
{
	(void)state;
	assert_null(gw_accept_pointer_error("/errcode"));
	assert_null(gw_accept_pointer_error("/a/0/b~1c~0"));
	assert_null(gw_accept_pointer_error("/"));
	assert_non_null(gw_accept_pointer_error("errcode"));
	assert_non_null(gw_accept_pointer_error(""));
	assert_non_null(gw_accept_pointer_error("/a~2"));
	assert_non_null(gw_accept_pointer_error("/a~"));
}

/* A name that is too long is said for what it is. */
static void test_a_name_in_a_pointer_has_a_limit(void **state)
{
	char pointer[260];

	(void)state;
	memset(pointer, 'x', sizeof(pointer));
	pointer[0] = '/';
	pointer[256] = '\0';
	assert_null(gw_accept_pointer_error(pointer));
	pointer[256] = 'x';
	pointer[257] = '\0';
	assert_string_equal(gw_accept_pointer_error(pointer),
		"a name in a JSON pointer has 255 bytes at most");
	assert_string_equal(gw_accept_pointer_error("/a~2"),
		"in a JSON pointer ~ is written ~0, and / in a name ~1");
}

static void test_values_match_by_type_and_number(void **state)
{
	static const struct {
		struct gw_setting_pair want;
		const char *body, *why; /* NULL: it matches */
	} rows[] = {
		{{"/errcode", "0", false}, "{\"errcode\":0,\"errmsg\":\"ok\"}", NULL},
		{{"/errcode", "0", false}, " {\"errcode\": 0.0}\n", NULL},
		{{"/errcode", "0", false}, "{\"errcode\":\"0\"}", NULL},
		{{"/errcode", "0", true}, "{\"errcode\":0}", "but /errcode is 0, not 0"},
		{{"/errcode", "0", true}, "{\"errcode\":\"0\"}", NULL},
		{{"/errcode", "0", false}, "{\"errcode\":310000}",
			"but /errcode is 310000, not 0"},
		{{"/errcode", "0", false}, "{\"errcode\":false}",
			"but /errcode is false, not 0"},
		{{"/errcode", "0", false}, "{\"errcode\":null}",
			"but /errcode is null, not 0"},
		{{"/errcode", "0", false}, "{\"errcode\":\"\"}",
			"but /errcode is \"\", not 0"},
		{{"/errcode", "0", false}, "{\"errcode\":[0]}",
			"but /errcode is [0], not 0"},
		{{"/errcode", "0", false}, "{\"code\":0}", "but there is no /errcode"},
		{{"/errcode", "0", false}, "", "but no body"},
		{{"/errcode", "0", false}, "ok", "but its body is not JSON"},
		{{"/errcode", "0", false}, "{\"errcode\":0} x", "but its body is not JSON"},
		{{"/errcode", "0", false}, "0", "but there is no /errcode"},
		{{"/success", "true", false}, "{\"success\":true}", NULL},
		{{"/success", "true", false}, "{\"success\":\"true\"}", NULL},
		{{"/success", "true", false}, "{\"success\":false}",
			"but /success is false, not true"},
		{{"/success", "true", true}, "{\"success\":true}",
			"but /success is true, not true"},
		{{"/error", "null", false}, "{\"error\":null}", NULL},
		{{"/error", "null", false}, "{}", "but there is no /error"},
		{{"/data/0/state", "OK", false}, "{\"data\":[{\"state\":\"OK\"}]}", NULL},
		{{"/data/1/state", "OK", false}, "{\"data\":[{\"state\":\"OK\"}]}",
			"but there is no /data/1/state"},
		{{"/data/x", "OK", false}, "{\"data\":[1]}", "but there is no /data/x"},
		{{"/a~1b~0", "1", false}, "{\"a/b~\":1}", NULL},
		{{"/n", "9007199254740993", false}, "{\"n\":9007199254740993}", NULL},
		{{"/n", "9007199254740993", false}, "{\"n\":9007199254740992}",
			"but /n is 9007199254740992, not 9007199254740993"},
		{{"/n", "1.5", false}, "{\"n\":1.5}", NULL},
		{{"/n", "1.5", false}, "{\"n\":1.25}", "but /n is 1.25, not 1.5"},
		{{"/n", "1.5", false}, "{\"n\":1.75}", "but /n is 1.75, not 1.5"},
		{{"/n", "1.0", false}, "{\"n\":1}", NULL},
		{{"/n", "ok", false}, "{\"n\":1}", "but /n is 1, not ok"},
		{{"/n", "1.5", true}, "{\"n\":1.5}", "but /n is 1.5, not 1.5"},
		{{"/s", "yes", false}, "{\"s\":\"noo\"}", "but /s is \"noo\", not yes"},
		{{"/s", "false", false}, "{\"s\":false}", NULL},
		{{"/s", "false", true}, "{\"s\":false}", "but /s is false, not false"},
		{{"/s", "null", true}, "{\"s\":null}", "but /s is null, not null"},
		{{"/s", "x", false}, "{\"s\":{}}", "but /s is {}, not x"},
		{{"/~2", "0", false}, "{\"~2\":0}", "but there is no /~2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_setting_pairs want = {.n = 1, .at = &rows[i].want};
		char memory[256];
		struct gw_text why;
		bool good;

		gw_text_init(&why, memory, sizeof(memory));
		good = gw_accept_matches(&want, rows[i].body, strlen(rows[i].body), &why);
		if (good != (rows[i].why == NULL))
			fail_msg("row %zu: %s", i, rows[i].body);
		if (!good)
			assert_string_equal(memory, rows[i].why);
	}
}

static void test_every_pair_must_match(void **state)
{
	static const struct gw_setting_pair want[] = {
		{"/code", "200", false}, {"/success", "true", false}};
	static const struct gw_setting_pairs pairs = {.n = 2, .at = want};
	static const char good[] = "{\"code\":200,\"success\":true}",
			  bad[] = "{\"code\":200,\"success\":false}";
	char memory[256], big[1000];
	struct gw_text why;

	(void)state;
	gw_text_init(&why, memory, sizeof(memory));
	assert_true(gw_accept_matches(&pairs, good, strlen(good), &why));
	assert_false(gw_accept_matches(&pairs, bad, strlen(bad), &why));
	/* what is quoted is short, however long it is */
	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"code\":\"", 9);
	memcpy(big + sizeof(big) - 2, "\"}", 2);
	gw_text_init(&why, memory, sizeof(memory));
	assert_false(gw_accept_matches(&pairs, big, sizeof(big), &why));
	assert_in_range(strlen(memory), 60, 100);
	assert_non_null(strstr(memory, "..., not 200"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_pages_are_recognised),
		cmocka_unit_test(test_pointers_are_checked),
		cmocka_unit_test(test_a_name_in_a_pointer_has_a_limit),
		cmocka_unit_test(test_values_match_by_type_and_number),
		cmocka_unit_test(test_every_pair_must_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
