/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h: results of the daemon for a person. A field that is missing is printed as "-"
 * or left out. See also print_status.h and print_lists.h.
 *
 * Thread: any. Pure but for the stream.
 */
#ifndef GW_CTL_PRINT_H
#define GW_CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What a printer knows of the command line. */
struct gw_print_opts {
	bool colour;
	bool all;            /* alarms --all */
	const char *pattern; /* points PATTERN; NULL: not given */
};

/* result: the field "result" of a reply. */
void gw_print_changed(FILE *out, const json_t *result, const struct gw_print_opts *opts);
void gw_print_resent(FILE *out, const json_t *result, const struct gw_print_opts *opts);
void gw_print_verified(FILE *out, const json_t *result, const struct gw_print_opts *opts);
void gw_print_reloaded(FILE *out, const json_t *result, const struct gw_print_opts *opts);
/* One line of the alert log. */
void gw_print_line(FILE *out, const char *line, bool colour);

#endif
