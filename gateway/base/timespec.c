/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timespec.h"

#include "base/clock.h"

struct timespec gw_timespec_from_ns(int64_t ns)
{
	if (ns < 0)
		ns = 0;
	return (struct timespec){.tv_sec = (time_t)(ns / GW_NS_PER_SEC),
		.tv_nsec = (long)(ns % GW_NS_PER_SEC)};
}
