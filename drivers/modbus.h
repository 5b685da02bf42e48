/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus.h: the two Modbus drivers. Only functions 1 to 4 (read coils, discrete inputs, holding
 * and input registers) exist here: the gateway observes and never actuates.
 *
 * The parts, each by itself: modbus_opts (options), modbus_map (fields), modbus_plan (fields to
 * requests), modbus_codec (frames), modbus_value (numbers), modbus_unit (one unit's schedule and
 * health), modbus_link (the port or the connection), modbus_bus (the request under way), modbus
 * (open, close).
 */
#ifndef GW_DRIVERS_MODBUS_H
#define GW_DRIVERS_MODBUS_H

#include "source/driver.h"

extern const struct gw_driver gw_driver_modbus_rtu;
extern const struct gw_driver gw_driver_modbus_tcp;

#endif
