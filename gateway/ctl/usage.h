/* SPDX-License-Identifier: Apache-2.0 */
/* usage.h: usage lines and --help, from the rows. Thread: the only one. */
#ifndef GW_CTL_USAGE_H
#define GW_CTL_USAGE_H

#include "base/text.h"
#include "ctl/invocation.h"

/* By enum gw_option_id. */
extern const struct gw_option gw_usage_options[GW_OPTIONS];

/* "shelve ALARM --for T [-m NOTE]" */
void gw_usage_line(const struct gw_cli_command *c, struct gw_text *t);
void gw_usage_help(const struct gw_cli_command *commands, size_t n, FILE *out);

#endif
