/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_running.h: what a new configuration would leave behind in the gateway that runs: asked of its
 * control socket.
 *
 * Thread: main of tocsind --check.
 */
#ifndef GW_APP_CHECK_RUNNING_H
#define GW_APP_CHECK_RUNNING_H

#include "conf/config.h"

#include <stdio.h>

/* One warning a line to out: alerts owed to uplinks that c does not have, in either of the two
 * forms such a debt has. GW_ERR_LINK: nobody answers. */
enum gw_err gw_check_running(const struct gw_config *c, FILE *out, struct gw_error *err);

#endif
