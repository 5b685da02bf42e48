/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start_config.h: the configuration to start from: the file, or if it is refused the copy that
 * ran last.
 *
 * Owner: main.c. Thread: main. Life: path set and the rest zeroed, load..., free.
 */
#ifndef GW_APP_START_CONFIG_H
#define GW_APP_START_CONFIG_H

#include "conf/config.h"
#include "yaml/files.h"

#define GW_START_CONFIG_FIRST 200

struct gw_start_config {
	const char *path; /* absolute: the copy is found again by it */
	/* Log no complaint about the file but the first, in gw_start_config_line. Those about a
	 * copy are logged once either way, and again when it has changed. */
	bool brief;
	struct gw_files files; /* what was read at path, refused or not */
	struct gw_files copy;  /* n > 0: config is of this copy */
	/* of the folder that the file names and of the default one, by the last loads */
	struct gw_files refused_copies[2];
	char unread_copies[2][sizeof(((struct gw_error *)0)->text)]; /* why not */
	char limits_said[sizeof(
		((struct gw_error *)0)->text)]; /* by the last load, if brief */
	struct gw_config *config; /* the caller takes it by setting it to NULL */
	bool missing;             /* there is no file at path */
	unsigned n_complaints;
	char first[GW_START_CONFIG_FIRST]; /* the first complaint */
};

/* May be called again. GW_ERR_CONFIG: refused, and there is no copy. */
enum gw_err gw_start_config_load(struct gw_start_config *s);
/* Why there is no configuration, and what to run, as one line. */
void gw_start_config_line(const struct gw_start_config *s, char *ret_line, size_t size);
/* gateway.control_socket as the refused file has it, or its default. */
void gw_start_config_socket(const struct gw_start_config *s, char *ret_path, size_t size);
/* An absolute path in a refused file: the rest of the first line with that key, for example
 * "state_dir:", that is no comment. False: there is none. */
bool gw_start_config_setting(
	const struct gw_files *files, const char *key, char *ret_path, size_t size);
void gw_start_config_free(struct gw_start_config *s); /* twice is fine; path stays */

#endif
