/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store from start to end, once for each allocation that may fail, SQLite's and OpenSSL's among
 * them. What a platform has may be sent to it once more, because a mark found no memory; nothing
 * owed or refused is forgotten, every alarm stands as it should, and the chain of hashes is whole.
 */
#include "store_scenario.h"

#include "tests/unit/fixture/failing_memory.h"
#include "tests/unit/fixture/skipping.h"

#include <openssl/err.h>

#ifdef FAILING_MEMORY_OFF

static void each_failing_allocation_is_survived(void **state)
{
	(void)state;
	skip_test("a sanitizer has its own heap");
}

#else

#define CALLS_MAX 20000
#define STRIDE    97 /* with all after it failing, too */

static char expected[8192], found[8192];

static void heal_memory(void)
{
	heap.fail_at = -1;
	heap.for_ever = false;
}

/* The line that begins so, in a buffer of the caller's, with a space at its end. */
static const char *line_of(const char *text, const char *name, char line[2048])
{
	const char *at = strstr(text, name);
	size_t n = at ? strcspn(at, "\n") : 0;

	assert_true(at && n < 2000);
	snprintf(line, 2048, "%.*s ", (int)n, at);
	return line + strlen(name);
}

/* Each number of the list is in one of the two. */
static bool holds(const char *list, const char *one, const char *other)
{
	char word[32];
	int n = 0;

	for (; sscanf(list, " %30s%n", word, &n) == 1; list += n) {
		char token[40];

		snprintf(token, sizeof(token), " %s ", word);
		if (!strstr(one, token) && !strstr(other, token))
			return false;
	}
	return true;
}

static bool nothing_is_missing(void)
{
	static const char *const names[] = {"city", "file", "newer"};
	const char *lists = strstr(expected, "city owed:");

	if (strncmp(expected, found, (size_t)(lists - expected)) != 0 || strchr(found, '#'))
		return false;
	for (size_t i = 0; i < 3; i++) {
		char owes[32], parks[32], a[2048], b[2048], c[2048];

		snprintf(owes, sizeof(owes), "\n%s owed:", names[i]);
		snprintf(parks, sizeof(parks), "\n%s parked:", names[i]);
		if (!holds(line_of(expected, owes + 1, a), line_of(found, owes + 1, b),
			    b) ||
			!holds(line_of(expected, parks + 1, a),
				line_of(found, parks + 1, c), b))
			return false;
	}
	return true;
}

/* Whether the n-th is the first that was asked for there. */
static bool is_first(long n)
{
	for (long i = 0; i < n - 1; i++)
		if (heap.sites[i] == heap.sites[n - 1])
			return false;
	return true;
}

static void work(void)
{
	scenario_work();
	ERR_clear_error(); /* why the last hash failed */
}

static void each_failing_allocation_is_survived(void **state)
{
	long calls, trials = 0, wrong = 0;

	(void)state;
	scenario_state.heal = heal_memory;
	scenario_state.resend = true;
	scenario_prepare();
	scenario_restore(true);
	work(); /* what libraries keep for ever */
	scenario_restore(true);
	heap.sites = calloc(CALLS_MAX, sizeof(*heap.sites));
	heap.n_sites = CALLS_MAX;
	calls = run_failing(work, 0, false);
	assert_in_range(calls, 1000, CALLS_MAX);
	heap.n_sites = 0;
	scenario_describe(expected);
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		for (long n = 1; n <= calls; n++) {
			if (for_ever ? n % STRIDE : !is_first(n))
				continue;
			trials++;
			scenario_restore(true);
			run_failing(work, n, for_ever);
			assert_int_equal(heap.live, 0);
			if (!scenario_state.began)
				continue;
			scenario_describe(found);
			if (nothing_is_missing())
				continue;
			printf("allocation %ld%s: expected%s\nfound%s", n,
				for_ever ? " and all after it" : "", expected, found);
			wrong++;
		}
	}
	print_message("%ld trials of %ld allocations\n", trials, calls);
	scenario_end();
	free(heap.sites);
	assert_int_equal(wrong, 0);
}

#endif

static int begin(void **state)
{
	now_ns = 1000 * GW_NS_PER_SEC;
	return fixture_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_failing_allocation_is_survived, begin, fixture_teardown),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	return with_skipped(cmocka_run_group_tests(tests, NULL, NULL));
}
