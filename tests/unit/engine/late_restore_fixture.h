/* SPDX-License-Identifier: Apache-2.0 */
/* late_restore_fixture.h: records of before the start, handed over while the engine runs. */
#ifndef LATE_RESTORE_FIXTURE_H
#define LATE_RESTORE_FIXTURE_H

#include "engine_fixture.h"

#define LATE 8
#define OLD  0xee /* first byte of the occurrence that is remembered */

static const struct gw_alarm_info gone = {.key = "s/d9/p:gone",
	.name = "gone",
	.subject = "s/d9/p",
	.condition = "above 1",
	.text = "",
	.point = "",
	.source = "",
	.device = "",
	.unit_of_measure = "u",
	.place = {"", "", ""},
	.site = &fixture_site};

static struct gw_late_record late[LATE];

static struct gw_late_records batch;

static inline struct gw_alarm_record stood(const char *key)
{
	return (struct gw_alarm_record){.key = key,
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.occurrence = {OLD},
		.level = GW_LEVEL_RED,
		.onset_ms = FIXTURE_WALL_MS - 100000,
		.since_ms = FIXTURE_WALL_MS - 100000,
		.value = 60,
		.peak = 60,
		.seq = 90};
}

static inline struct gw_alarm_record was(const char *key, enum gw_state underlying)
{
	struct gw_alarm_record m = stood(key);

	m.state = m.underlying = (uint8_t)underlying;
	return m;
}

static inline void remember(struct gw_alarm_record m)
{
	late[batch.n++] = (struct gw_late_record){.record = m, .info = &gone};
}

/* Hand over what was remembered and let the engine take it. */
static inline size_t restore_late(int64_t at_ns)
{
	batch.at = late;
	assert_true(gw_engine_restore_late(fixture.engine, &batch));
	assert_false(gw_engine_restore_done(fixture.engine));
	assert_true(gw_engine_has_input(fixture.engine));
	fixture_pass(at_ns);
	assert_true(gw_engine_restore_done(fixture.engine));
	batch.n = 0;
	return fixture.n_events;
}

static inline size_t late_one(int64_t at_ns, struct gw_alarm_record m)
{
	remember(m);
	return restore_late(at_ns);
}

static inline int setup(void **state)
{
	batch.n = 0;
	return fixture_setup(state);
}

static inline struct gw_alarm_opts *high(void)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	static const double clear[] = {45};

	fixture_when(a)->limit = 50;
	fixture_when(a)->clear = (struct gw_table){.rows = 1, .columns = 1, .cells = clear};
	return a;
}

static const char key[] = "s/d0/p:high";

static inline void assert_old(size_t i)
{
	assert_int_equal(fixture.event[i].occurrence[0], OLD);
	assert_true(fixture.event[i].onset_ms == FIXTURE_WALL_MS - 100000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

#endif
