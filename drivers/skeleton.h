/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skeleton.h: the smallest complete driver, to be copied: each point is a file that holds one
 * number, as those under /sys/class/hwmon do. It is compiled and tested (tests/unit/drivers/
 * test_skeleton.c) but not in drivers.c, so no configuration can name it.
 */
#ifndef GW_DRIVERS_SKELETON_H
#define GW_DRIVERS_SKELETON_H

#include "source/driver.h"

extern const struct gw_driver gw_driver_skeleton;

#endif
