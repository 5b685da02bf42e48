/* SPDX-License-Identifier: Apache-2.0 */
#include "store/run_counter.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/parse.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define RANDOM_BITS 20
#define RANDOM_MASK ((UINT64_C(1) << RANDOM_BITS) - 1)
/* A clock beyond 2106 is wrong. Numbers taken from it would use up the range: half of it, enough
 * for 2^32 runs, lies above this clock. */
#define CLOCK_MAX_S  UINT32_MAX
#define JUMP_EPOCH_S INT64_C(1735689600) /* 2025-01-01 */
#define JUMP_PER_S   64

/* The number in that line of the file, the first is 0. */
static uint64_t read_line(const char *path, int line, int64_t max)
{
	char text[64], *saved = NULL, *word = text;
	int64_t number;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (int i = 0; word && i <= line; i++)
		word = strtok_r(i ? NULL : text, "\n", &saved);
	if (!word || gw_parse_int(word, 1, max, &number, NULL))
		return 0;
	return (uint64_t)number;
}

uint64_t gw_run_counter_read(const char *path)
{
	return read_line(path, 0, (int64_t)GW_RUN_MAX);
}

uint64_t gw_run_counter_read_seq(const char *path)
{
	return read_line(path, 1, (int64_t)GW_SEQ_MAX);
}

enum gw_err gw_run_counter_write(
	const char *path, uint64_t run, uint64_t seq, struct gw_error *err)
{
	char text[64];
	struct gw_file_part part = {.bytes = text};

	part.n = (size_t)snprintf(
		text, sizeof(text), "%" PRIu64 "\n%" PRIu64 "\n", run, seq);
	return gw_file_replace(path, 0640, &part, 1, err);
}

static uint64_t random_bits(unsigned bits)
{
	uint64_t random_value = 0;

	/* Non-blocking: it fails while the kernel has no entropy yet, and a start must not
	 * wait for that. */
	if (getrandom(&random_value, sizeof(random_value), GRND_NONBLOCK) !=
		(ssize_t)sizeof(random_value))
		random_value = (uint64_t)gw_clock_boot_ns() ^ (uint64_t)getpid() << 7;
	return random_value & ((UINT64_C(1) << bits) - 1);
}

uint64_t gw_run_counter_next(uint64_t previous)
{
	int64_t wall_s = gw_clock_wall_ms() / 1000;
	uint64_t base = 0;

	if (wall_s > 0 && wall_s <= CLOCK_MAX_S)
		base = (uint64_t)wall_s << RANDOM_BITS;
	if (previous > base && previous < GW_RUN_MAX - RANDOM_MASK)
		base = previous;
	return base + 1 + random_bits(RANDOM_BITS);
}

uint64_t gw_run_counter_unknown_seq(void)
{
	int64_t wall_s = gw_clock_wall_ms() / 1000;

	if (wall_s > JUMP_EPOCH_S && wall_s <= CLOCK_MAX_S)
		return (uint64_t)(wall_s - JUMP_EPOCH_S) * JUMP_PER_S;
	return (UINT64_C(1) << 33) + random_bits(40);
}
