/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt.h: devices that publish to an MQTT broker. QoS 1 in a persistent session: what was not
 * acknowledged before a crash or a power cut is delivered again.
 *
 * The parts: mqtt_opts (settings), mqtt_open (connect, subscribe), mqtt_link (the loop over the
 * socket), mqtt_ack (when acknowledgements leave), mqtt_peek (the header of the next packet),
 * mqtt_oversize (messages that are too long), mqtt_topics (topic to points), mqtt_retained (age of
 * retained messages), mqtt_payload, mqtt_json, mqtt_chars (bytes to numbers).
 */
#ifndef GW_DRIVERS_MQTT_H
#define GW_DRIVERS_MQTT_H

#include "source/driver.h"

extern const struct gw_driver gw_driver_mqtt;

#endif
