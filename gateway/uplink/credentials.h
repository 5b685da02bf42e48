/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.h: certificates, keys and tokens in files that may be replaced while the daemon runs.
 *
 * Owner: the caller's structs, zeroed at first. Thread: the uplink's.
 */
#ifndef GW_UPLINK_CREDENTIALS_H
#define GW_UPLINK_CREDENTIALS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Differs between two versions of a file. */
struct gw_file_version {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

/* Of the file as it is now; all zero: there is none, or path is not given. */
struct gw_file_version gw_credentials_version(const char *path);
bool gw_credentials_version_equal(struct gw_file_version a, struct gw_file_version b);

/* Of all these files together. */
uint64_t gw_credentials_fingerprint(const char *const *paths, size_t n);

#define GW_TOKEN_MAX 8192

struct gw_bearer {
	struct gw_file_version version;
	char line[GW_TOKEN_MAX + 32]; /* the header's line; "" for none */
};

/* The first line of the file, read again when the file has changed. The last valid token stays
 * while the file cannot be read or has none; a failure means that there never was one. Without
 * a path there is no line, and that is no failure. */
enum gw_err gw_credentials_bearer(
	struct gw_bearer *b, const char *path, struct gw_error *err);

#endif
