/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pages.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 700 /* more than a huge page */

static size_t count_resident(void *at, size_t page)
{
	static unsigned char resident[PAGES];
	size_t n = 0;

	assert_int_equal(mincore(at, PAGES * page, resident), 0);
	for (size_t i = 0; i < PAGES; i++)
		n += resident[i] & 1;
	return n;
}

/* What was written to the heap before does not count, whatever malloc has of it. */
static void a_page_takes_memory_when_it_is_written(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *used = malloc(PAGES * page), *at;

	(void)state;
	assert_non_null(used);
	memset(used, 'x', PAGES * page);
	free(used);
	at = gw_pages_map(PAGES, page);
	assert_non_null(at);
	assert_int_equal(count_resident(at, page), 0);
	for (size_t i = 0; i < PAGES; i += PAGES / 7)
		at[i * page + i] = 1;
	assert_int_equal(count_resident(at, page), 7);
	assert_int_equal(at[1], 0);
	assert_int_equal(at[PAGES * page - 1], 0);
	gw_pages_unmap(at, PAGES, page);
}

static void an_overrun_meets_a_page_without_access(void **state)
{
	const size_t sizes[] = {1, 24, 4096, 100000};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *at = gw_pages_map(3, sizes[i]);

		assert_non_null(at);
		assert_int_equal(write(ends[1], at, 3), 3);
		assert_int_equal(write(ends[1], at + 3 * sizes[i] - 1, 1), 1);
		assert_int_equal(write(ends[1], at + 3 * sizes[i], 1), -1);
		assert_int_equal(errno, EFAULT);
		gw_pages_unmap(at, 3, sizes[i]);
	}
	close(ends[0]);
	close(ends[1]);
}

static void more_than_there_can_be_is_refused(void **state)
{
	(void)state;
	errno = 0;
	assert_null(gw_pages_map(SIZE_MAX / 2, 4));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(gw_pages_map(SIZE_MAX / 4, 2));
	assert_int_equal(errno, ENOMEM);
	gw_pages_unmap(NULL, SIZE_MAX / 4, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_takes_memory_when_it_is_written),
		cmocka_unit_test(an_overrun_meets_a_page_without_access),
		cmocka_unit_test(more_than_there_can_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
