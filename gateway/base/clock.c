/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* A box stays in service past 2038, and its files may grow past 2 GiB: meson.build asks for 64
 * bits where they are a choice. */
static_assert(sizeof(time_t) == 8, "time_t must have 64 bits");
static_assert(sizeof(off_t) == 8, "off_t must have 64 bits");

int64_t gw_clock_boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * GW_NS_PER_SEC + ts.tv_nsec;
}

int64_t gw_clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / GW_NS_PER_MS;
}

bool gw_clock_synced(void)
{
	struct timex tx = {.modes = 0};

	if (access("/run/systemd/timesync/synchronized", F_OK) == 0)
		return true;
	/* chrony and ntpd tell the kernel only */
	return adjtimex(&tx) >= 0 && !(tx.status & STA_UNSYNC);
}

void gw_clock_boot_id(char ret_id[37])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char id[36];
	ssize_t n = fd >= 0 ? read(fd, id, sizeof(id)) : -1;

	if (fd >= 0)
		close(fd);
	memcpy(ret_id, "00000000-0000-0000-0000-000000000000", 37);
	if (n == (ssize_t)sizeof(id))
		memcpy(ret_id, id, sizeof(id));
}
