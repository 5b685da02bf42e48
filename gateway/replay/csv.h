/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.h: lines of CSV -> readings. The header is time_ms,point,value or
 * time_ms,point,value,quality; nothing is quoted; CRLF and a byte order mark are accepted.
 * Times are whole milliseconds of any origin and do not fall; a value is a number as in the
 * configuration, true or false; quality is good where it is left out or empty, and where it
 * is not usable the value may be empty.
 *
 * Owner: the caller. Thread: one. Life: zeroed, line...; no I/O, no allocation but for
 * names.
 */
#ifndef GW_REPLAY_CSV_H
#define GW_REPLAY_CSV_H

#include "base/error.h"
#include "replay/point_names.h"
#include "replay/reading.h"

#include <stdbool.h>

#define GW_CSV_LINE_MAX 4096
#define GW_CSV_TIME_MAX INT64_C(4000000000000) /* ms either way: to the year 2096 */

struct gw_csv {
	uint64_t line;                /* that was read last, from 1 */
	unsigned column;              /* byte in the line, from 1, of the last failure */
	bool has_header, has_quality; /* the header was read; it has a quality */
	bool has_time;                /* last_ms is valid */
	int64_t last_ms;
};

/* One line of n bytes without its line feed. *ret_any: it is a reading, not the header.
 * GW_ERR_PROTOCOL: what is wrong, at csv->line and csv->column; GW_ERR_SYSTEM: no
 * memory. */
enum gw_err gw_csv_line(struct gw_csv *csv, struct gw_point_names *names, const char *bytes,
	size_t n, struct gw_reading *ret_reading, bool *ret_any, struct gw_error *err);

/* "good", "bad-timeout" ...; GW_QUALITY_NONE if it is no quality. */
enum gw_quality gw_csv_quality(const char *word, size_t n);

#endif
