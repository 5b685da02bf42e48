/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h: a site file and the profiles it names into one struct gw_config. Every complaint names
 * its place; all of them come in one run.
 *
 * Owner: the caller frees the config. Thread: any.
 */
#ifndef GW_CONF_LOAD_H
#define GW_CONF_LOAD_H

#include "conf/config.h"
#include "yaml/complain.h"
#include "yaml/files.h"

/* Touches no network and no device; reads path, the profiles it names and, if
 * complaints->inspect_keys, the private keys. GW_ERR_CONFIG: every complaint was said;
 * GW_ERR_SYSTEM: out of memory. Profiles are looked for beside the file (profiles/NAME.yaml), in
 * ../profiles, in $TOCSIN_PROFILES and in the installed directory. */
enum gw_err gw_config_load(
	const char *path, struct gw_config **ret_config, struct gw_complaints *complaints);
/* The same; what was read goes to ret_read, also if it was refused, unless that is NULL. With from
 * nothing is read: all bytes come from there, as if they still stood at their paths. */
enum gw_err gw_config_load_files(const char *path, const struct gw_files *from,
	struct gw_files *ret_read, struct gw_config **ret_config,
	struct gw_complaints *complaints);
/* The same from memory: for tests and the fuzzer. */
enum gw_err gw_load_bytes(const char *path, const char *bytes, size_t n,
	struct gw_config **ret_config, struct gw_complaints *complaints);
void gw_config_free(struct gw_config *c); /* NULL is fine */

#endif
