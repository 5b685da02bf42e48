/* SPDX-License-Identifier: Apache-2.0 */
/* The driver that HACKING.md says to copy, in its own thread as any other source. */
#include "base/clock.h"
#include "drivers/skeleton.h"
#include "source/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct file_point_opts {
	const char *path;
};

static char path[] = "/tmp/test_skeleton.XXXXXX";
static struct file_point_opts own = {.path = path};
static struct gw_point_opts point = {.name = "p", .scale = 0.1, .driver = &own};
static struct gw_device_opts device = {.name = "d", .points = &point, .n_points = 1};
static const struct gw_source_opts opts = {.name = "s",
	.driver_table = &gw_driver_skeleton,
	.poll_ns = 10 * GW_NS_PER_MS,
	.devices = &device,
	.n_devices = 1,
	.n_points = 1,
	.down_point = 1};

static void write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* The next sample of the point that has this quality; at most 10 s. */
static struct gw_sample next_of(struct gw_ring *ring, enum gw_quality quality)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct gw_sample s;

	for (int i = 0; i < 10000; i++) {
		while (gw_ring_pop(ring, &s, 1, sizeof(s)) == 1)
			if (s.point == 0 && s.quality == quality)
				return s;
		nanosleep(&pause, NULL);
	}
	fail_msg("no sample");
	return s;
}

static void reads_numbers_and_says_what_is_none(void **state)
{
	struct gw_source *s;
	struct gw_ring *ring;

	(void)state;
	assert_int_equal(gw_source_new(&opts, 256, NULL, NULL, &s, NULL), GW_OK);
	ring = gw_source_ring(s);
	write_text("523\n");
	assert_int_equal(gw_source_start(s, NULL), GW_OK);
	assert_true(next_of(ring, GW_QUALITY_GOOD).value == 52.3);
	write_text("warm\n");
	next_of(ring, GW_QUALITY_BAD_PAYLOAD);
	unlink(path);
	while (next_of(ring, GW_QUALITY_BAD_PAYLOAD).boot_ns <
		gw_clock_boot_ns() - GW_NS_PER_MS)
		;
	write_text("-40");
	assert_true(next_of(ring, GW_QUALITY_GOOD).value == -4);
	gw_source_free(s); /* stops it */
}

static unsigned complaints;

static void count(struct gw_report *report, const void *where, const char *text)
{
	(void)report;
	assert_ptr_equal(where, &own.path);
	assert_string_equal(text, "path must begin with /");
	complaints++;
}

static void check_names_the_option(void **state)
{
	struct gw_report report = {.add = count};

	(void)state;
	gw_driver_skeleton.check(&opts, &report);
	assert_int_equal(complaints, 0);
	own.path = "relative";
	gw_driver_skeleton.check(&opts, &report);
	assert_int_equal(complaints, 1);
	own.path = path;
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_numbers_and_says_what_is_none),
		cmocka_unit_test(check_names_the_option),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
