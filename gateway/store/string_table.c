/* SPDX-License-Identifier: Apache-2.0 */
#include "store/string_table.h"

#include "base/hash.h"

#include <string.h>

#define N_STRINGS 16

void gw_string_table_clear_cache(struct gw_string_table *t)
{
	uint64_t added = t->added;

	memset(t, 0, sizeof(*t));
	t->added = added;
}

/* Every text of an alarm, in the order of the columns of table info. */
static void collect_strings(const struct gw_alarm_info *i, const char *ret_texts[N_STRINGS])
{
	const char *all[N_STRINGS] = {i->key, i->name, i->subject, i->condition, i->text,
		i->point, i->source, i->device, i->unit_of_measure, i->place.building,
		i->place.floor, i->place.room, i->site->gateway, i->site->unit,
		i->site->area, i->site->grid};

	memcpy(ret_texts, all, sizeof(all));
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

/* Two independent 64-bit hashes (FNV-1a and a multiplicative one): two different sets of texts have
 * the same digest once in 2^128. The digests are in databases: never change this. */
static void digest(const char *const texts[N_STRINGS], unsigned class_,
	unsigned char ret_digest[GW_STRING_TABLE_DIGEST])
{
	uint64_t a = GW_HASH_START ^ class_, b = class_;

	for (size_t i = 0; i < N_STRINGS; i++) {
		const unsigned char *p = (const unsigned char *)texts[i];

		a = gw_hash(a, texts[i], strlen(texts[i]) + 1);
		do {
			b = (b + *p + 1) * UINT64_C(0x9e3779b97f4a7c15);
			b ^= b >> 29;
		} while (*p++);
	}
	a = mix(a);
	b = mix(b);
	for (size_t i = 0; i < 8; i++) {
		ret_digest[i] = (unsigned char)(a >> 8 * i);
		ret_digest[8 + i] = (unsigned char)(b >> 8 * i);
	}
}

enum gw_err gw_string_table_info_id(struct gw_string_table *t, struct gw_db *db,
	const struct gw_alarm_info *info, int64_t *ret_id, struct gw_error *err)
{
	unsigned char name[GW_STRING_TABLE_DIGEST];
	const char *texts[N_STRINGS];
	sqlite3_stmt *st;
	size_t slot;
	int64_t id = 0;
	enum gw_err rc;

	collect_strings(info, texts);
	digest(texts, info->class_, name);
	slot = (name[0] | (size_t)name[1] << 8) & (GW_STRING_TABLE_CACHE - 1);
	if (t->cache[slot].id && memcmp(t->cache[slot].digest, name, sizeof(name)) == 0) {
		*ret_id = t->cache[slot].id;
		return GW_OK;
	}
	st = gw_db_stmt(db, GW_DB_INFO_FIND);
	sqlite3_bind_blob(st, 1, name, sizeof(name), SQLITE_STATIC);
	rc = gw_db_query_int(db, GW_DB_INFO_FIND, &id, err);
	if (rc)
		return rc;
	if (id == 0) {
		st = gw_db_stmt(db, GW_DB_INFO_PUT);
		sqlite3_bind_blob(st, 1, name, sizeof(name), SQLITE_STATIC);
		sqlite3_bind_int(st, 2, (int)info->class_);
		for (int i = 0; i < N_STRINGS; i++)
			sqlite3_bind_text(st, 3 + i, texts[i], -1, SQLITE_STATIC);
		rc = gw_db_run(db, GW_DB_INFO_PUT, err);
		if (rc)
			return rc;
		id = sqlite3_last_insert_rowid(db->handle);
		t->added++;
	}
	memcpy(t->cache[slot].digest, name, sizeof(name));
	t->cache[slot].id = id;
	*ret_id = id;
	return GW_OK;
}

enum gw_err gw_string_table_boot_id(struct gw_string_table *t, struct gw_db *db,
	const char boot[GW_BOOT_ID], int64_t *ret_id, struct gw_error *err)
{
	int n = (int)strnlen(boot, GW_BOOT_ID);
	int64_t id = 0;
	enum gw_err rc;

	if (t->boot_id && strncmp(t->boot, boot, GW_BOOT_ID) == 0) {
		*ret_id = t->boot_id;
		return GW_OK;
	}
	sqlite3_bind_text(gw_db_stmt(db, GW_DB_BOOT_FIND), 1, boot, n, SQLITE_STATIC);
	rc = gw_db_query_int(db, GW_DB_BOOT_FIND, &id, err);
	if (rc)
		return rc;
	if (id == 0) {
		sqlite3_bind_text(
			gw_db_stmt(db, GW_DB_BOOT_PUT), 1, boot, n, SQLITE_STATIC);
		rc = gw_db_run(db, GW_DB_BOOT_PUT, err);
		if (rc)
			return rc;
		id = sqlite3_last_insert_rowid(db->handle);
	}
	memcpy(t->boot, boot, (size_t)n);
	if (n < GW_BOOT_ID)
		t->boot[n] = '\0';
	t->boot_id = id;
	*ret_id = id;
	return GW_OK;
}

/* Copies the texts into the arena, in the order of collect_strings. */
static const struct gw_alarm_info *build_info(
	struct gw_arena *arena, const char *texts[N_STRINGS], enum gw_class class_)
{
	struct gw_alarm_info *i = gw_arena_alloc(arena, 1, sizeof(*i));
	struct gw_site_info *site = gw_arena_alloc(arena, 1, sizeof(*site));

	for (size_t k = 0; k < N_STRINGS; k++) {
		texts[k] = gw_arena_copy(arena, texts[k], strlen(texts[k]));
		if (!texts[k])
			return NULL;
	}
	if (!i || !site)
		return NULL;
	*site = (struct gw_site_info){texts[12], texts[13], texts[14], texts[15]};
	*i = (struct gw_alarm_info){
		.key = texts[0],
		.name = texts[1],
		.subject = texts[2],
		.condition = texts[3],
		.text = texts[4],
		.point = texts[5],
		.source = texts[6],
		.device = texts[7],
		.unit_of_measure = texts[8],
		.place = {texts[9], texts[10], texts[11]},
		.site = site,
		.class_ = class_,
	};
	return i;
}

enum gw_err gw_string_table_load_info(struct gw_db *db, int64_t id, struct gw_arena *arena,
	const struct gw_alarm_info **ret_info, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_INFO_GET);
	const struct gw_alarm_info *info;
	const char *texts[N_STRINGS];
	bool complete = true;
	enum gw_err rc;
	int code;

	sqlite3_bind_int64(st, 1, id);
	code = sqlite3_step(st);
	if (code != SQLITE_ROW) {
		rc = code == SQLITE_DONE ? gw_fail(err, GW_ERR_CORRUPT, 0,
						   "database: no texts %lld", (long long)id)
					 : gw_db_fail(db, code, "database", err);
		sqlite3_reset(st);
		return rc;
	}
	for (int i = 0; i < N_STRINGS; i++)
		complete &= (texts[i] = gw_db_text(st, 1 + i)) != NULL;
	info = complete ? build_info(arena, texts, (enum gw_class)sqlite3_column_int(st, 0))
			: NULL;
	sqlite3_reset(st);
	if (!info)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	*ret_info = info;
	return GW_OK;
}

const struct gw_alarm_info *gw_string_table_copy_info(
	const struct gw_alarm_info *info, struct gw_arena *arena)
{
	const char *texts[N_STRINGS];

	collect_strings(info, texts);
	return build_info(arena, texts, info->class_);
}

bool gw_string_table_copy_texts(struct gw_event *e, struct gw_arena *arena)
{
	e->info = gw_string_table_copy_info(e->info, arena);
	for (size_t i = 0; e->info && i < e->n_confirmed_by; i++) {
		const char *key = e->confirmed_by[i];

		e->confirmed_by[i] = gw_arena_copy(arena, key, strlen(key));
		if (!e->confirmed_by[i])
			return false;
	}
	return e->info != NULL;
}
