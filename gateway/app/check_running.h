/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_running.h: `tocsind --check --against-running`: alerts that the running gateway
 * owes to uplinks that a new configuration does not have, asked through its control
 * socket.
 *
 * Thread: main of tocsind --check.
 */
#ifndef GW_APP_CHECK_RUNNING_H
#define GW_APP_CHECK_RUNNING_H

#include "conf/config.h"

#include <stdio.h>

/* Writes a warning for each such uplink, configured or removed already, to out.
 * GW_ERR_LINK: no gateway answers. */
enum gw_err gw_check_running(const struct gw_config *c, FILE *out, struct gw_error *err);

#endif
