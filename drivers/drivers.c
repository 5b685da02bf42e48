/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/sim.h"

const struct gw_driver *const gw_drivers[] = {
	&gw_driver_sim,
	NULL,
};
