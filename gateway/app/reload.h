/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload.h: SIGHUP and `tocsin reload`: replaces the running configuration.
 *
 * Thread: main.
 */
#ifndef GW_APP_RELOAD_H
#define GW_APP_RELOAD_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_gateway;

/* force: also if it removes what is needed now (see check_removals). On failure the running
 * configuration stays; err, which may be NULL, says why. */
enum gw_err gw_reload(struct gw_gateway *g, bool force, struct gw_error *err);
/* Sets and clears the fault gateway:config: why the file on disk is refused; NULL: it
 * runs. */
void gw_reload_set_refused(struct gw_gateway *g, const char *why);
void gw_reload_tick(struct gw_gateway *g, int64_t now_ns); /* once a second */

#endif
