/* SPDX-License-Identifier: Apache-2.0 */
#include "base/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void patterns_match(void **state)
{
	(void)state;
	assert_true(gw_match("", ""));
	assert_true(gw_match("zigbee/smoke-3f-07/smoke", "zigbee/smoke-3f-07/smoke"));
	assert_true(gw_match("zigbee/smoke-*/smoke", "zigbee/smoke-3f-07/smoke"));
	assert_true(gw_match("zigbee/smoke-*/smoke", "zigbee/smoke-/smoke"));
	assert_true(gw_match("*/*/*", "a/b/c"));
	assert_true(gw_match("*", ""));
	assert_true(gw_match("**", "abc"));
	assert_true(gw_match("*b*b", "abab"));
	assert_true(gw_match("*aab", "aaaab"));
	assert_true(gw_match("a?c/*", "abc/d"));
	assert_true(gw_match("*/x*y", "ab/xyxy"));
	assert_true(gw_match("*a/b", "aaa/b"));
	assert_true(gw_match("走*", "走廊"));
	assert_true(gw_match("[a]", "[a]")); /* nothing else is special */
	assert_true(gw_match("a.c", "a.c"));
}

static void a_star_stays_within_a_part(void **state)
{
	(void)state;
	assert_false(gw_match("*", "a/b"));
	assert_false(gw_match("zigbee/*", "zigbee/smoke/battery"));
	assert_false(gw_match("*/smoke", "a/b/smoke"));
	assert_false(gw_match("a*c", "a/c"));
	assert_false(gw_match("a?c", "a/c"));
	assert_false(gw_match("*a/b*c", "xa/b/c"));
}

static void refuses_what_does_not_match(void **state)
{
	(void)state;
	assert_false(gw_match("", "a"));
	assert_false(gw_match("a", ""));
	assert_false(gw_match("a", "A"));
	assert_false(gw_match("a?", "a"));
	assert_false(gw_match("a*b", "ac"));
	assert_false(gw_match("abc", "abcd"));
	assert_false(gw_match("a.c", "abc"));
}

/* Backtracking over every star would take longer than the world has: 2^40 steps. */
static void many_stars_are_quick(void **state)
{
	char pattern[128] = "", key[512];
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		strcat(pattern, "*a");
	strcat(pattern, "*b");
	memset(key, 'a', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_false(gw_match(pattern, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match),
		cmocka_unit_test(a_star_stays_within_a_part),
		cmocka_unit_test(refuses_what_does_not_match),
		cmocka_unit_test(many_stars_are_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
