/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h: the two halves of a failure: what the caller may do next (enum gw_err) and what
 * a person reads (struct gw_error, filled once where it happened, context added on the way up).
 *
 * Thread: any; a struct gw_error belongs to one caller. The sample path has neither.
 */
#ifndef GW_BASE_ERROR_H
#define GW_BASE_ERROR_H

#include <stddef.h>

enum gw_err {
	GW_OK = 0,
	GW_ERR_CONFIG,   /* a person must change the configuration */
	GW_ERR_SYSTEM,   /* a system call or an allocation failed; see native */
	GW_ERR_LINK,     /* the connection is lost: close, back off, open again */
	GW_ERR_TIMEOUT,  /* no answer in time; the link may still be good */
	GW_ERR_PROTOCOL, /* an answer that is not exactly what was asked for */
	GW_ERR_REFUSED,  /* refused by the peer or by the state; trying again is no use */
	GW_ERR_FULL,     /* no space at present */
	GW_ERR_CORRUPT,  /* stored data cannot be trusted */
	GW_ERR_STOPPED,  /* the thread or the daemon is being stopped */
};

struct gw_error {
	enum gw_err kind;
	int native;     /* errno, CURLcode, SQLite code ... or 0 */
	char text[200]; /* UTF-8, no trailing newline */
};

/* Fill err (which may be NULL) and return rc, so that callers write return gw_fail(...). */
enum gw_err gw_fail(struct gw_error *err, enum gw_err rc, int native, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put context before what err already says: "open config: no such file". Returns err's kind;
 * GW_ERR_SYSTEM if err is NULL. */
enum gw_err gw_error_wrap(struct gw_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A short English name, static storage. */
const char *gw_err_name(enum gw_err rc);

/* strerror for native errno values, thread-safe, static storage. */
const char *gw_errno_text(int errnum);

#endif
