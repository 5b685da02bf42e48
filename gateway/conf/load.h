/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h: one run of gw_config_load as its files see it: memory, complaints, and the tables
 * that grow while the file is read. Private to gateway/conf.
 *
 * Owner: gw_config_load's stack. Thread: the caller's.
 */
#ifndef GW_CONF_LOAD_H
#define GW_CONF_LOAD_H

#include "base/arena.h"
#include "base/strmap.h"
#include "conf/config.h"
#include "conf/tree.h"

struct gw_settings_block; /* settings.h */
struct gw_pending_alarm;  /* alarms.h */
struct gw_profile;        /* profile.h */
struct gw_complaint;      /* complain.c */

#define GW_NAME_MAX    63
#define GW_POINTS_MAX  1000000 /* of the whole gateway, so that a typo cannot eat the box */
#define GW_ALARMS_MAX  3000000 /* with two faults of each point */
#define GW_UPLINKS_MAX 8 /* GW_ENGINE_OUTPUTS less store, alert log and live readers */

/* One device, flat over all sources. */
struct gw_load_device {
	const struct gw_yaml_node *node;
	struct gw_source_opts *source;
	struct gw_device_opts *device;
	const struct gw_profile *profile; /* or NULL */
	const char **units;               /* of its points */
	struct gw_place_info place;
	bool points_incomplete; /* not all of its points are known */
	uint32_t first_point;   /* into the config's point table */
};

struct gw_load {
	struct gw_arena *config_arena; /* the config's */
	struct gw_arena scratch;       /* until the end of the load */
	struct gw_config *config;
	const struct gw_files *from; /* instead of the disk; NULL: from the disk */
	struct gw_files *read;       /* what was read; NULL: nobody wants it */
	const char *folder;          /* of the site file, "" or with a slash at its end */

	struct gw_complaint *complaints;
	size_t n_complaints, cap_complaints;
	struct gw_strmap seen; /* lines, so that each is said once */
	uint32_t n_files;
	unsigned hints; /* distances worked out so far */

	struct gw_settings_block **blocks; /* every options struct that was filled */
	size_t n_blocks, cap_blocks;
	bool blocks_sorted;

	struct gw_strmap strings;     /* every text kept, once */
	struct gw_strmap names;       /* of sources and uplinks */
	struct gw_strmap points;      /* key -> index into the config's points */
	struct gw_strmap device_keys; /* source/device -> index into devices */
	struct gw_strmap profiles;    /* name -> index into profile */
	struct gw_profile **profile;
	size_t n_profiles, cap_profiles;

	struct gw_load_device *devices;
	size_t n_devices, cap_devices;
	size_t n_points;
	struct { /* incomplete.h */
		bool owners, alarms, any;
		struct gw_strmap sources;
	} incomplete;

	struct gw_pending_alarm **pending;
	size_t n_pending, cap_pending;
	struct gw_strmap pending_keys;
};

/* ---- complain.c ---- */

/* At a node, with its path before the text. */
void gw_complain(struct gw_load *l, const struct gw_yaml_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* At the key of a node. */
void gw_complain_key(struct gw_load *l, const struct gw_yaml_node *node, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));
/* At a map, of a key that is not in it. */
void gw_complain_within(struct gw_load *l, const struct gw_yaml_node *map, const char *key,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* At a bare place. */
void gw_complain_place(struct gw_load *l, struct gw_yaml_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Hand all of them over, by file, line and column, each once. */
void gw_complain_flush(struct gw_load *l, struct gw_complaints *to);

/* "alarms[3].when.above" into t; nothing for the root. */
struct gw_text;
void gw_complain_path(struct gw_text *t, const struct gw_yaml_node *node);

/* Nearest of several words to what was written: show each, then ask. */
struct gw_hint {
	struct gw_load *l;
	const char *written, *best;
	unsigned distance; /* of best; above it nothing is near */
};
void gw_hint_init(struct gw_hint *h, struct gw_load *l, const char *written);
void gw_hint_add(struct gw_hint *h, const char *word);
/* " (did you mean WORD?)", or "" if none is near. Scratch memory. */
const char *gw_hint_text(const struct gw_hint *h);

/* ---- load.c ---- */

/* One kept copy of a text; "" if there is no memory (the arena says so). */
const char *gw_load_text(struct gw_load *l, const char *text);
/* Complain if name cannot be part of a key. Nothing is said of "". */
bool gw_load_check_name(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name);
/* The same for a source or uplink, whose names share one space; node names it. */
void gw_load_check_owner(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name);
/* The items of a list; complains and returns NULL if it is none. Absent or empty: NULL. */
const struct gw_yaml_node *gw_load_list(
	struct gw_load *l, const struct gw_yaml_node *map, const char *key);
/* Whether node is a map; complains if not. */
bool gw_load_is_map(struct gw_load *l, const struct gw_yaml_node *node);

/* As gw_config_load, from memory: for tests and the fuzzer. */
enum gw_err gw_load_bytes(const char *path, const char *bytes, size_t n,
	struct gw_config **ret_config, struct gw_complaints *complaints);

#endif
