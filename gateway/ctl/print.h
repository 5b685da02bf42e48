/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h: the daemon's documents as a person reads them.
 *
 * Thread: any. Pure but for the stream.
 */
#ifndef GW_CTL_PRINT_H
#define GW_CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* result: what stands under "result"; fields that are missing show as "-". */
void gw_print_status(FILE *out, const json_t *result, bool colour);
void gw_print_points(FILE *out, const json_t *result, bool colour, const char *pattern);
void gw_print_alarms(FILE *out, const json_t *result, bool colour, bool all);
void gw_print_changed(FILE *out, const json_t *result, bool colour);
void gw_print_resent(FILE *out, const json_t *result);
void gw_print_verified(FILE *out, const json_t *result);
/* One line of the alert log. */
void gw_print_line(FILE *out, const char *line, bool colour);

#endif
