/* SPDX-License-Identifier: Apache-2.0 */
/* print_lists.h: the arrays of `tocsin points` and `alarms` as tables. Thread: any. Pure
 * but for the stream. */
#ifndef GW_CTL_PRINT_LISTS_H
#define GW_CTL_PRINT_LISTS_H

#include "ctl/print.h"

void gw_print_points(FILE *out, const json_t *result, const struct gw_print_opts *opts);
void gw_print_alarms(FILE *out, const json_t *result, const struct gw_print_opts *opts);

#endif
