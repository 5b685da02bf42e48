/* SPDX-License-Identifier: Apache-2.0 */
/*
 * against.h: what a new configuration would leave behind in the gateway that runs: asked of its
 * control socket.
 *
 * Thread: main of tocsind --check.
 */
#ifndef GW_APP_AGAINST_H
#define GW_APP_AGAINST_H

#include "conf/config.h"

#include <stdio.h>

/* One warning a line to out: alerts owed to uplinks that c does not have, in either of the two
 * forms such a debt has. GW_ERR_LINK: nobody answers. */
enum gw_err gw_against_running(const struct gw_config *c, FILE *out, struct gw_error *err);

#endif
