/* SPDX-License-Identifier: Apache-2.0 */
#include "base/start_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 64
static size_t page;
static char *map;

/* 'present' of /proc/self/pagemap, bit 63 of each page's word. */
static bool is_mapped(const char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	assert_true(fd >= 0);
	assert_int_equal(
		pread(fd, &word, sizeof(word), (off_t)((uintptr_t)at / page * 8)), 8);
	close(fd);
	return word >> 63;
}

/* A file of PAGES pages of 'f', mapped privately, and each page read. */
static int map_file(void **state)
{
	char path[] = "/tmp/tocsin-start-memory-XXXXXX";
	int fd = mkstemp(path);
	volatile char sum = 0;

	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	map = malloc(page);
	memset(map, 'f', page);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(write(fd, map, page), (ssize_t)page);
	free(map);
	map = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	unlink(path);
	for (size_t i = 0; i < PAGES; i++)
		sum = (char)(sum + map[i * page]);
	return 0;
}

static int unmap_file(void **state)
{
	(void)state;
	return munmap(map, PAGES * page);
}

static void constants_are_unmapped_and_come_back(void **state)
{
	(void)state;
	mprotect(map, PAGES * page, PROT_READ);
	assert_true(is_mapped(map));
	assert_in_range(gw_start_memory_release(), PAGES * page / 1024, 1000000);
	assert_false(is_mapped(map));
	assert_int_equal(map[5 * page], 'f');
}

static void a_page_that_was_relocated_stays(void **state)
{
	(void)state;
	map[5 * page] = 'w';
	mprotect(map, PAGES * page, PROT_READ);
	gw_start_memory_release();
	assert_int_equal(map[5 * page], 'w');
	assert_true(is_mapped(map));
}

static void what_can_be_written_stays(void **state)
{
	(void)state;
	gw_start_memory_release();
	assert_true(is_mapped(map));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			constants_are_unmapped_and_come_back, map_file, unmap_file),
		cmocka_unit_test_setup_teardown(
			a_page_that_was_relocated_stays, map_file, unmap_file),
		cmocka_unit_test_setup_teardown(
			what_can_be_written_stays, map_file, unmap_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
