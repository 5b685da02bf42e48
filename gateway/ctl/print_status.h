/* SPDX-License-Identifier: Apache-2.0 */
/* print_status.h: the document of `tocsin status` for a person. Thread: any. Pure but for
 * the stream. */
#ifndef GW_CTL_PRINT_STATUS_H
#define GW_CTL_PRINT_STATUS_H

#include "ctl/print.h"

void gw_print_status(FILE *out, const json_t *result, const struct gw_print_opts *opts);

#endif
