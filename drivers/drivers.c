/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus.h"
#include "drivers/mqtt.h"
#include "drivers/sim.h"

const struct gw_driver *const gw_drivers[] = {
	&gw_driver_modbus_rtu,
	&gw_driver_modbus_tcp,
	&gw_driver_mqtt,
	&gw_driver_sim,
	NULL,
};
