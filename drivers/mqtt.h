/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt.h: devices that publish to an MQTT broker. QoS 1 in a persistent session: what was not
 * acknowledged before a crash or a power cut is delivered again.
 */
#ifndef GW_DRIVERS_MQTT_H
#define GW_DRIVERS_MQTT_H

#include "source/driver.h"

extern const struct gw_driver gw_driver_mqtt;

#endif
