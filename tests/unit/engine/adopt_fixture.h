/* SPDX-License-Identifier: Apache-2.0 */
/* adopt_fixture.h: an older engine that the one under test takes over from. */
#ifndef ADOPT_FIXTURE_H
#define ADOPT_FIXTURE_H

#include "engine_fixture.h"

#define LONG_AGO (10000 * S)

static struct gw_alarm_opts was[FIXTURE_ALARMS];

static struct gw_condition_opts was_when[FIXTURE_ALARMS];

static char was_key[FIXTURE_ALARMS][64];

static struct gw_point_info was_point[FIXTURE_POINTS];

static char was_point_key[FIXTURE_POINTS][32];

static char was_members[FIXTURE_ALARMS][8][64];

static struct gw_member was_member[FIXTURE_ALARMS][8];

/* The engine begins with a configuration of its own, so that kit.alarms can be the next one. */
static inline void start_old(void)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = was_point,
		.n_points = FIXTURE_POINTS,
		.alarms = was,
		.n_alarms = fixture.n_alarms,
		.n_inputs = 1};

	for (int i = 0; i < FIXTURE_POINTS; i++) {
		was_point[i] = fixture.points[i];
		memcpy(was_point_key[i], fixture.point_key[i], sizeof was_point_key[i]);
		was_point[i].key = was_point_key[i];
	}
	for (size_t i = 0; i < fixture.n_alarms; i++) {
		was[i] = fixture.alarms[i];
		memcpy(was_key[i], fixture.alarm_key[i], sizeof was_key[i]);
		was[i].info.key = was_key[i];
		was_when[i] = *was[i].when;
		was[i].when = &was_when[i];
		for (size_t m = 0; m < was_when[i].n_members; m++) {
			was_member[i][m] = was_when[i].members[m];
			snprintf(was_members[i][m], sizeof was_members[i][m], "%s",
				was_when[i].members[m].key);
			was_member[i][m].key = was_members[i][m];
		}
		if (was_when[i].n_members)
			was_when[i].members = was_member[i];
	}
	fixture.n_alarms = 0;
	assert_int_equal(gw_engine_new(&opts, &fixture.engine, NULL), GW_OK);
	gw_engine_set_identity(
		fixture.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(
		gw_engine_add_output(fixture.engine, &fixture.out, NULL, NULL), GW_OK);
}

static inline void no_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	fail_msg("%s found no home", record->key);
}

/* Events of the exchange itself and of the first step are in kit.event. */
static inline void reload(int64_t at_ns)
{
	struct gw_engine *next = fixture_engine();

	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns), no_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	fixture_pass(at_ns);
}

static inline void silent_on(int point)
{
	fixture_when(fixture_alarm("silent", point, &gw_condition_silent))->window_ns = 30 *
		S;
}

static inline void rename_point(int point)
{
	snprintf(fixture.point_key[point], sizeof fixture.point_key[0], "s/d%d/q", point);
}

/* The one alarm, which had no event at the reload, is emitted now and not before. */
static inline void assert_silent_at(int64_t at_ns)
{
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_pass(at_ns - 1), 0);
	assert_int_equal(fixture_pass(at_ns), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static struct gw_member is_vote[8];

/* A vote over the alarms 0 .. n - 1, or over the points alike. */
static inline void confirmed(size_t n, bool alarms, int64_t at_least, int64_t within_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("confirmed", -1, &gw_condition_at_least);

	for (uint32_t i = 0; i < n; i++)
		is_vote[i] = (struct gw_member){.is_alarm = alarms,
			.index = i,
			.device = i,
			.key = alarms ? fixture.alarm_key[i] : fixture.point_key[i]};
	fixture_when(a)->at_least = at_least;
	fixture_when(a)->window_ns = within_ns;
	fixture_when(a)->members = is_vote;
	fixture_when(a)->n_members = n;
}

static inline bool raised(const char *key)
{
	for (size_t i = 0; i < fixture.n_events; i++)
		if (fixture.event[i].change == GW_CHANGE_RAISED &&
			strcmp(fixture.event[i].info->key, key) == 0)
			return true;
	return false;
}

/* ---- a restart ---- */

static inline struct gw_alarm_record stood(const char *key)
{
	return (struct gw_alarm_record){.key = key,
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.occurrence = {1},
		.level = GW_LEVEL_RED,
		.onset_ms = FIXTURE_WALL_MS - 100000,
		.since_ms = FIXTURE_WALL_MS - 100000,
		.value = 60,
		.peak = 60,
		.seq = 90};
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
