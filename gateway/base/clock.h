/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h: the only place that reads a clock, but for deadlines of libc's waits. `boot_ns` is
 * CLOCK_BOOTTIME in nanoseconds, by which all durations are measured: it never jumps, and it goes
 * on during suspend. Wall time only labels. A test that defines these functions displaces this
 * object.
 *
 * Thread: any.
 */
#ifndef GW_BASE_CLOCK_H
#define GW_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define GW_NS_PER_MS  INT64_C(1000000)
#define GW_NS_PER_SEC INT64_C(1000000000)

/* One reading of every clock that labels an event; taken once per batch, not per sample. */
struct gw_time {
	int64_t boot_ns; /* CLOCK_BOOTTIME */
	int64_t wall_ms; /* CLOCK_REALTIME since 1970 */
	bool synced; /* wall time is disciplined (systemd-timesyncd or the kernel says so) */
};

static inline int64_t gw_min_ns(int64_t a_ns, int64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

int64_t gw_clock_boot_ns(void); /* CLOCK_BOOTTIME */
int64_t gw_clock_wall_ms(void);

/* Whether wall time is disciplined. Reads /run/systemd/timesync/synchronized, else adjtimex
 * (which systemd's ProtectClock blocks, see doc/hazards.md). One or two system calls: call it once
 * a second. */
bool gw_clock_synced(void);

/* The kernel's boot id, 36 characters and NUL; zeros if it cannot be read. */
void gw_clock_boot_id(char ret_id[37]);

#endif
