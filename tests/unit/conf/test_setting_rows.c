/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting there is, by its row: equality sees a change of it, a copy keeps it, and a reload
 * restarts what it is said to. And every member of an options struct has a row.
 */
#include "alarm/alarm_opts.h"
#include "alarm/chatter_flood.h"
#include "base/arena.h"
#include "conf/compare.h"
#include "conf/core_settings.h"
#include "conf/setting_groups.h"
#include "uplink/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Memory of the values, so that two structs never share a pointer by chance. */
static struct gw_arena values;

static const char *text(const char *s)
{
	return gw_arena_copy(&values, s, strlen(s));
}

static void *array(size_t n, size_t size)
{
	return gw_arena_alloc(&values, n, size);
}

static void set_list(const struct gw_setting *row, void *field, int variant)
{
	if (row->type == GW_SET_TABLE) {
		double *cells = array(2, sizeof(*cells));

		cells[0] = variant;
		cells[1] = 9;
		*(struct gw_table *)field = (struct gw_table){1, 2, cells};
	} else if (row->type == GW_SET_STRINGS) {
		const char **at = array(2, sizeof(*at));

		at[0] = text("first");
		at[1] = text(variant ? "b" : "a");
		*(struct gw_strings *)field = (struct gw_strings){2, at};
	} else if (row->type == GW_SET_CODES) {
		struct gw_code *at = array(1, sizeof(*at));

		*at = (struct gw_code){.raw = (uint64_t)variant, .is_raw = true};
		*(struct gw_codes *)field = (struct gw_codes){1, at};
	} else if (row->type == GW_SET_PAIRS) {
		struct gw_setting_pair *at = array(1, sizeof(*at));

		*at = (struct gw_setting_pair){text("/key"), text("0"), variant != 0};
		*(struct gw_setting_pairs *)field = (struct gw_setting_pairs){0, 1, at};
	} else {
		assert_true(row->size > 0); /* GW_SET_CUSTOM says how long its field is */
		memset(field, 1 + variant, row->size);
	}
}

/* One of two values into the field of a row. */
static void set(const struct gw_setting *row, void *opts, int variant)
{
	void *field = (unsigned char *)opts + row->offset;

	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH: *(const char **)field = text(variant ? "/b" : "/a"); return;
	case GW_SET_BOOL: *(bool *)field = variant != 0; return;
	case GW_SET_INT:
	case GW_SET_DURATION: *(int64_t *)field = 1000 + variant; return;
	case GW_SET_DOUBLE: *(double *)field = 0.5 + variant; return;
	case GW_SET_CHOICE: *(int *)field = variant; return;
	case GW_SET_TABLE:
	case GW_SET_STRINGS:
	case GW_SET_CODES:
	case GW_SET_PAIRS:
	case GW_SET_CUSTOM: set_list(row, field, variant); return;
	}
}

static void fill(const struct gw_setting *rows, void *opts)
{
	for (; rows && rows->key; rows++)
		set(rows, opts, 0);
}

/* A struct of its own, every setting at its first value. */
static void *filled(const struct gw_setting *rows, size_t size)
{
	void *opts = array(size, 1);

	fill(rows, opts);
	return opts;
}

/* ---- what every table of rows is held to ---- */

/* What a reload restarts for each group of rows, and for the rows that differ from their group. */
static enum gw_restart expected(const char *group, const char *key)
{
	static const struct {
		const char *group, *key;
		enum gw_restart restart;
	} rows[] = {
		{"gateway", "state_dir", GW_RESTART_DAEMON},
		{"gateway", "alert_log", GW_RESTART_DAEMON},
		{"gateway", "control_socket", GW_RESTART_DAEMON},
		{"gateway", "store_max_mb", GW_RESTART_DAEMON},
		{"gateway", NULL, GW_RESTART_NOTHING},
		{"place", NULL, GW_RESTART_NOTHING},
		{"devices[]", "profile", GW_RESTART_NOTHING}, /* its points count */
		{"points[]", "unit", GW_RESTART_NOTHING}, /* unless the driver reads it */
		{"alarms[]", NULL, GW_RESTART_NOTHING},
		{"profile", NULL, GW_RESTART_NOTHING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].group, group) == 0 &&
			(!rows[i].key || strcmp(rows[i].key, key) == 0))
			return rows[i].restart;
	return GW_RESTART_OWNER; /* sources, devices, points, conditions, uplinks, drivers */
}

static void equality_sees_each_row(void **state)
{
	size_t n, n_rows = 0;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		void *a = filled(g[i].rows, g[i].opts_size);
		void *b = filled(g[i].rows, g[i].opts_size);

		assert_true(gw_setting_rows_equal(g[i].rows, a, b));
		for (const struct gw_setting *r = g[i].rows; r->key; r++, n_rows++) {
			set(r, b, 1);
			if (gw_setting_rows_equal(g[i].rows, a, b))
				fail_msg("%s.%s: a change is not seen", g[i].name, r->key);
			for (int k = GW_RESTART_OWNER; k <= GW_RESTART_DAEMON; k++)
				if (gw_setting_rows_differ(
					    g[i].rows, a, b, (enum gw_restart)k) !=
					(k == (int)expected(g[i].name, r->key)))
					fail_msg("%s.%s: restart %d", g[i].name, r->key, k);
			set(r, b, 0);
		}
	}
	assert_true(n_rows > 100);
}

static void copies_keep_each_row(void **state)
{
	size_t n;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct gw_arena originals = values, copies = {.chunk_bytes = 64};
		void *copy = calloc(1, g[i].opts_size), *from, *same;

		values = (struct gw_arena){0};
		from = filled(g[i].rows, g[i].opts_size);
		for (const struct gw_setting *r = g[i].rows; r->key; r++)
			set(r, from, 1);
		assert_true(gw_setting_rows_copy(g[i].rows, copy, from, &copies));
		gw_arena_free(
			&values); /* whoever still points there is caught by valgrind */
		values = originals;
		same = filled(g[i].rows, g[i].opts_size);
		for (const struct gw_setting *r = g[i].rows; r->key; r++) {
			assert_false(gw_setting_equal(r, copy, same));
			set(r, same, 1);
			if (!gw_setting_equal(r, copy, same))
				fail_msg("%s.%s is not copied", g[i].name, r->key);
		}
		gw_arena_free(&copies);
		free(copy);
	}
}

/* ---- what a reload does ---- */

struct source {
	struct gw_point_info info;
	struct gw_point_opts point;
	struct gw_device_opts device;
	struct gw_source_opts opts;
};

static void make_source(struct source *s, const struct gw_driver *driver)
{
	*s = (struct source){.info.unit_of_measure = "°C"};
	fill(gw_source_settings, &s->opts);
	fill(gw_device_settings, &s->device);
	fill(gw_point_settings, &s->point);
	s->opts.driver_table = driver;
	s->opts.driver = filled(driver->source_settings, driver->source_opts_size);
	s->opts.devices = &s->device;
	s->opts.n_devices = s->device.n_points = 1;
	s->device.driver = filled(driver->device_settings, driver->device_opts_size);
	s->device.points = &s->point;
	s->point.driver = filled(driver->point_settings, driver->point_opts_size);
	s->point.info = &s->info;
}

static void each_changes_the_source(const struct gw_setting *rows, void *opts,
	const struct source *a, const struct source *b)
{
	for (; rows && rows->key; rows++) {
		set(rows, opts, 1);
		if (gw_config_equal_source(&a->opts, &b->opts))
			fail_msg("%s: %s restarts nothing", a->opts.driver_table->name,
				rows->key);
		set(rows, opts, 0);
		assert_true(gw_config_equal_source(&a->opts, &b->opts));
	}
}

static void a_changed_source_restarts(void **state)
{
	(void)state;
	for (const struct gw_driver *const *d = gw_drivers; *d; d++) {
		struct source a, b;

		make_source(&a, *d);
		make_source(&b, *d);
		assert_true(gw_config_equal_source(&a.opts, &b.opts));
		each_changes_the_source(gw_source_settings, &b.opts, &a, &b);
		each_changes_the_source(gw_device_settings, &b.device, &a, &b);
		each_changes_the_source(gw_point_settings, &b.point, &a, &b);
		each_changes_the_source((*d)->source_settings, b.opts.driver, &a, &b);
		each_changes_the_source((*d)->device_settings, b.device.driver, &a, &b);
		each_changes_the_source((*d)->point_settings, b.point.driver, &a, &b);
		/* MQTT takes "21.5 °C" for a number if that is the point's unit */
		b.info.unit_of_measure = "°F";
		assert_int_equal(gw_config_equal_source(&a.opts, &b.opts),
			strcmp((*d)->name, "mqtt") != 0);
		b.info.unit_of_measure = a.info.unit_of_measure;
		b.device.n_points = 0;
		assert_false(gw_config_equal_source(&a.opts, &b.opts));
		b.device.n_points = 1;
		b.opts.driver_table = d[1] ? d[1] : gw_drivers[0];
		assert_false(gw_config_equal_source(&a.opts, &b.opts));
	}
}

static void a_changed_uplink_restarts(void **state)
{
	struct gw_uplink_opts a = {0}, b = {0};

	(void)state;
	fill(gw_uplink_settings, &a);
	fill(gw_uplink_settings, &b);
	assert_true(gw_config_equal_uplink(&a, &b));
	for (const struct gw_setting *r = gw_uplink_settings; r->key; r++) {
		set(r, &b, 1);
		if (gw_config_equal_uplink(&a, &b))
			fail_msg("%s restarts nothing", r->key);
		set(r, &b, 0);
	}
}

/* The own settings of each sink. */
static void a_changed_setting_of_a_sink_restarts(void **state)
{
	(void)state;
	for (const struct gw_sink *const *s = gw_sinks; *s; s++) {
		unsigned char own_a[256] = {0}, own_b[256] = {0};
		struct gw_uplink_opts a = {0}, b = {0};

		if (!(*s)->settings)
			continue;
		assert_true((*s)->opts_size <= sizeof(own_a));
		fill(gw_uplink_settings, &a);
		a.url = (*s)->scheme;
		b = a;
		a.sink_opts = own_a;
		b.sink_opts = own_b;
		fill((*s)->settings, own_a);
		fill((*s)->settings, own_b);
		assert_true(gw_config_equal_uplink(&a, &b));
		for (const struct gw_setting *r = (*s)->settings; r->key; r++) {
			set(r, own_b, 1);
			if (gw_config_equal_uplink(&a, &b))
				fail_msg("%s of %s restarts nothing", r->key, (*s)->name);
			set(r, own_b, 0);
		}
	}
}

static void a_changed_condition_forgets(void **state)
{
	(void)state;
	for (const struct gw_condition_kind *const *k = gw_condition_kinds; *k; k++) {
		const struct gw_setting *const tables[] = {(*k)->settings, (*k)->derived};
		struct gw_condition_opts a = {.kind = *k}, b = {.kind = *k};

		for (int i = 0; i < 2; i++)
			fill(tables[i], &a), fill(tables[i], &b);
		assert_true(gw_condition_equal(&a, &b));
		for (int i = 0; i < 2; i++) {
			for (const struct gw_setting *r = tables[i]; r && r->key; r++) {
				set(r, &b, 1);
				if (gw_condition_equal(&a, &b))
					fail_msg("%s: %s keeps the history", (*k)->key,
						r->key);
				set(r, &b, 0);
			}
		}
		b.kind = k[1] ? k[1] : gw_condition_kinds[0];
		assert_false(gw_condition_equal(&a, &b));
	}
}

static char kept[256];

static void note_kept(void *arg, const char *key, const char *value)
{
	size_t used = strlen(kept);

	(void)arg;
	snprintf(kept + used, sizeof(kept) - used, "%s %s\n", key, value);
}

static void the_gateway_keeps_what_only_a_start_changes(void **state)
{
	struct gw_arena arena = {.chunks = NULL};
	struct gw_config a = {.n_sources = 0}, b = {.arena = &arena};

	(void)state;
	fill(gw_gateway_settings, &a.gateway);
	fill(gw_gateway_settings, &b.gateway);
	assert_true(gw_config_copy_fixed(&a, &b, note_kept, NULL));
	assert_string_equal(kept, "");
	for (const struct gw_setting *r = gw_gateway_settings; r->key; r++)
		set(r, &b.gateway, 1);
	assert_true(gw_config_copy_fixed(&a, &b, note_kept, NULL));
	assert_string_equal(
		kept, "state_dir /a\nalert_log /a\ncontrol_socket /a\nstore_max_mb 1000\n");
	for (const struct gw_setting *r = gw_gateway_settings; r->key; r++)
		assert_int_equal(gw_setting_equal(r, &a.gateway, &b.gateway),
			r->restart == GW_RESTART_DAEMON);
	assert_ptr_not_equal(a.gateway.state_dir, b.gateway.state_dir);
	kept[0] = '\0';
	assert_true(gw_config_copy_fixed(&a, &b, note_kept, NULL));
	assert_string_equal(kept, "");
	gw_arena_free(&arena);
}

/* ---- every member has a row ---- */

struct member {
	size_t offset, size;
};
#define MEMBER(tag, name) \
	{ \
		offsetof(struct tag, name), sizeof(((struct tag *)0)->name) \
	}

static int by_offset(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static size_t aligned(size_t at, size_t size)
{
	size_t alignment = size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1;

	return (at + alignment - 1) / alignment * alignment;
}

/* Where a struct has a member that neither a row nor `others` (members that are no settings) is
 * about: what follows begins later than its alignment wants. SIZE_MAX: nowhere. */
static size_t undescribed(size_t size, const struct gw_setting *const *tables,
	const struct member *others, size_t n_others)
{
	struct member all[128];
	size_t n = 0, end = 0;

	for (; *tables; tables++)
		for (const struct gw_setting *r = *tables; r->key; r++)
			all[n++] = (struct member){r->offset, gw_setting_size(r)};
	for (size_t i = 0; i < n_others; i++)
		all[n++] = others[i];
	qsort(all, n, sizeof(all[0]), by_offset);
	for (size_t i = 0; i < n; i++) {
		if (aligned(end, all[i].size) < all[i].offset)
			return end;
		if (all[i].offset + all[i].size > end)
			end = all[i].offset + all[i].size;
	}
	return size > 0 && aligned(end, size) < size ? end : SIZE_MAX;
}

static void each_member_has_a_row(void **state)
{
	static const struct member source[] = {MEMBER(gw_source_opts, driver_table),
		MEMBER(gw_source_opts, devices), MEMBER(gw_source_opts, n_devices),
		MEMBER(gw_source_opts, n_points), MEMBER(gw_source_opts, down_point),
		MEMBER(gw_source_opts, driver)};
	static const struct member device[] = {MEMBER(gw_device_opts, points),
		MEMBER(gw_device_opts, n_points), MEMBER(gw_device_opts, driver)};
	static const struct member point[] = {MEMBER(gw_point_opts, info),
		MEMBER(gw_point_opts, index), MEMBER(gw_point_opts, driver)};
	static const struct member alarm[] = {MEMBER(gw_alarm_opts, first_point),
		MEMBER(gw_alarm_opts, n_points), MEMBER(gw_alarm_opts, when),
		MEMBER(gw_alarm_opts, info), MEMBER(gw_alarm_opts, chatter_alarm),
		MEMBER(gw_alarm_opts, unless), MEMBER(gw_alarm_opts, n_unless),
		MEMBER(gw_alarm_opts, unless_stale_ns)};
	static const struct member uplink[] = {
		MEMBER(gw_uplink_opts, sink_opts), MEMBER(gw_uplink_opts, payload_opts)};
	static const struct member condition[] = {MEMBER(gw_condition_opts, kind),
		MEMBER(gw_condition_opts, members), MEMBER(gw_condition_opts, n_members)};
	const struct gw_setting *conditions[64] = {NULL};
	size_t n, n_conditions = 0;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	(void)state;
	for (const struct gw_condition_kind *const *k = gw_condition_kinds; *k; k++) {
		conditions[n_conditions++] = (*k)->settings;
		if ((*k)->derived)
			conditions[n_conditions++] = (*k)->derived;
	}
	conditions[n_conditions++] = gw_condition_flood.derived;
	for (size_t i = 0; i < n; i++) {
		const struct gw_setting *const rows[] = {g[i].rows, NULL};
		const struct member *others = NULL;
		size_t n_others = 0, at;

		if (strncmp(g[i].name, "when", 4) == 0)
			continue;
		if (g[i].rows == gw_source_settings)
			others = source, n_others = sizeof(source) / sizeof(source[0]);
		else if (g[i].rows == gw_device_settings)
			others = device, n_others = sizeof(device) / sizeof(device[0]);
		else if (g[i].rows == gw_point_settings)
			others = point, n_others = sizeof(point) / sizeof(point[0]);
		else if (g[i].rows == gw_alarm_settings)
			others = alarm, n_others = sizeof(alarm) / sizeof(alarm[0]);
		else if (g[i].rows == gw_uplink_settings)
			others = uplink, n_others = sizeof(uplink) / sizeof(uplink[0]);
		at = undescribed(g[i].opts_size, rows, others, n_others);
		if (at != SIZE_MAX)
			fail_msg("%s: no row for the member at byte %zu", g[i].name, at);
	}
	assert_true(undescribed(sizeof(struct gw_condition_opts), conditions, condition,
			    sizeof(condition) / sizeof(condition[0])) == SIZE_MAX);
}

static int teardown(void **state)
{
	(void)state;
	gw_arena_free(&values);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_sees_each_row),
		cmocka_unit_test(copies_keep_each_row),
		cmocka_unit_test(a_changed_source_restarts),
		cmocka_unit_test(a_changed_uplink_restarts),
		cmocka_unit_test(a_changed_setting_of_a_sink_restarts),
		cmocka_unit_test(a_changed_condition_forgets),
		cmocka_unit_test(the_gateway_keeps_what_only_a_start_changes),
		cmocka_unit_test(each_member_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
