/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: the daemon's own log: stderr, one line a message, with a priority prefix (<4>) if stderr
 * is systemd's journal, plain otherwise. Who returns an error does not log it; the place that
 * decides what follows does, once per change of state.
 *
 * Thread: any. Lines never interleave, and logging never waits for whoever reads stderr once
 * log_writer.h has started: that thread is the only one that writes.
 */
#ifndef GW_BASE_LOG_H
#define GW_BASE_LOG_H

enum gw_log_level {
	GW_LOG_ERR = 3, /* the values are syslog(3)'s */
	GW_LOG_WARNING = 4,
	GW_LOG_NOTICE = 5,
	GW_LOG_INFO = 6,
	GW_LOG_DEBUG = 7,
};

/* Messages above max are dropped; default GW_LOG_INFO. Call before threads start. */
void gw_log_init(enum gw_log_level max);

void gw_log(enum gw_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
