/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h: the bytes of a configuration and of the profiles it names, as they were read: to keep
 * a copy that was good, and to load from such a copy instead of from the disk.
 *
 * Owner: the caller. Thread: any, one at a time. Life: zeroed, add..., free.
 */
#ifndef GW_YAML_FILES_H
#define GW_YAML_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct gw_file {
	char *path, *bytes;
	size_t n;
};

struct gw_files {
	struct gw_file *at; /* the configuration, then profiles */
	size_t n;
};

bool gw_files_add(struct gw_files *f, const char *path, const char *bytes, size_t n);
const struct gw_file *gw_files_find(const struct gw_files *f, const char *path);
void gw_files_free(struct gw_files *f); /* zeroed or twice is fine */
bool gw_files_equal(const struct gw_files *a, const struct gw_files *b);

/* One self-contained text, with a sum over it; malloc'd. NULL: no memory. */
char *gw_files_encode(const struct gw_files *f, size_t *ret_n);
/* GW_ERR_CORRUPT: not such a text, or not whole. */
enum gw_err gw_files_decode(
	const char *text, size_t n, struct gw_files *ret_files, struct gw_error *err);

#endif
