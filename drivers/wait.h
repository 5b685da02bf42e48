/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.h: the waits of a driver's open: for a connection, a handshake, a look-up. However long one
 * may take by its configuration, the thread beats meanwhile, and a stop ends the wait at once.
 *
 * Thread: the source's.
 */
#ifndef GW_DRIVERS_WAIT_H
#define GW_DRIVERS_WAIT_H

#include "base/error.h"
#include "source/driver.h"

#include <stdint.h>

/* Until fd has one of the events of poll(2), its errors and hang-ups among them: *ret_revents.
 * GW_ERR_TIMEOUT: not before until_ns; GW_ERR_STOPPED: the source is to stop; GW_ERR_SYSTEM: poll
 * failed, errno says why. */
enum gw_err gw_wait_ready(
	int fd, short events, int64_t until_ns, struct gw_emit *emit, short *ret_revents);

#endif
