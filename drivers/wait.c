/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>

/* Half of what driver.h allows between two beats. */
#define BEAT_NS (GW_NS_PER_SEC / 2)

enum gw_err gw_wait_ready(
	int fd, short events, int64_t until_ns, struct gw_emit *emit, short *ret_revents)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events},
		{.fd = gw_emit_stop_fd(emit), .events = POLLIN}};

	for (;;) {
		int64_t left_ns = until_ns - gw_clock_boot_ns();

		gw_emit_beat(emit);
		if (left_ns <= 0)
			return GW_ERR_TIMEOUT;
		if (left_ns > BEAT_NS)
			left_ns = BEAT_NS;
		if (poll(fds, 2, (int)(left_ns / GW_NS_PER_MS) + 1) < 0) {
			if (errno != EINTR)
				return GW_ERR_SYSTEM;
			continue;
		}
		if (fds[1].revents)
			return GW_ERR_STOPPED;
		if (fds[0].revents) {
			*ret_revents = fds[0].revents;
			return GW_OK;
		}
	}
}
