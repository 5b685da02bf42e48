/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h: seeded, scripted values without hardware, for demos and tests. The driver to copy for
 * a new one is skeleton.h.
 */
#ifndef GW_DRIVERS_SIM_H
#define GW_DRIVERS_SIM_H

#include "source/driver.h"

extern const struct gw_driver gw_driver_sim;

#endif
