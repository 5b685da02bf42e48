/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of the view while the engine writes it. */
#include "engine_fixture.h"

#include "engine/engine_internal.h"

#include <pthread.h>
#include <sched.h>

static _Atomic bool reading, written;

static void *read_one(void *arg)
{
	struct gw_point_view *v = arg;

	atomic_store(&reading, true);
	gw_view_point(gw_engine_view(fixture.engine), 0, v);
	return NULL;
}

static void *read_alarm(void *arg)
{
	struct gw_alarm_view *v = arg;

	atomic_store(&reading, true);
	gw_view_alarm(gw_engine_view(fixture.engine), 0, v);
	return NULL;
}

/* The writer is amid a sample or a state: a reader waits for its end, and gets all of it. */
static void a_reader_never_sees_half(void **unused)
{
	struct gw_point_state *s;
	struct gw_alarm_published *slot;
	struct gw_point_view v;
	struct gw_alarm_view shown;
	pthread_t thread;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	s = &fixture.engine->view.points[0];
	slot = &fixture.engine->view.alarms[0];
	for (int i = 0; i < 4; i++) {
		uint32_t after = gw_view_begin_write(&s->seqlock);

		atomic_store(&reading, false);
		assert_int_equal(pthread_create(&thread, NULL, read_one, &v), 0);
		GW_VIEW_STORE(s->value, 100 + i);
		while (!atomic_load(&reading))
			sched_yield();
		for (int k = 0; k < 3; k++)
			sched_yield();
		GW_VIEW_STORE(s->boot_ns, i);
		GW_VIEW_STORE(s->seqlock, after);
		pthread_join(thread, NULL);
		assert_true(v.value == 100 + i);
		assert_int_equal(v.boot_ns, i);

		after = gw_view_begin_write(&slot->seqlock);
		atomic_store(&reading, false);
		assert_int_equal(pthread_create(&thread, NULL, read_alarm, &shown), 0);
		GW_VIEW_STORE(slot->seq, (uint64_t)i);
		while (!atomic_load(&reading))
			sched_yield();
		for (int k = 0; k < 3; k++)
			sched_yield();
		GW_VIEW_STORE(slot->raised, (uint64_t)i);
		GW_VIEW_STORE(slot->seqlock, after);
		pthread_join(thread, NULL);
		assert_int_equal(shown.seq, i);
		assert_int_equal(shown.raised, i);
	}
}

static void *write_on(void *arg)
{
	struct gw_point_state *s = &fixture.engine->view.points[0];
	struct gw_alarm_published *slot = &fixture.engine->view.alarms[0];

	(void)arg;
	for (int64_t i = 1; !atomic_load(&written); i++) {
		const struct gw_sample sample = {
			.quality = GW_QUALITY_GOOD, .boot_ns = i, .value = (double)i};
		uint32_t after;

		gw_view_write_current(&fixture.engine->view, s, &sample);
		after = gw_view_begin_write(&slot->seqlock);
		GW_VIEW_STORE(slot->seq, (uint64_t)i);
		GW_VIEW_STORE(slot->raised, (uint64_t)i);
		GW_VIEW_STORE(slot->seqlock, after);
	}
	return NULL;
}

static void a_reader_beside_a_busy_writer(void **unused)
{
	pthread_t thread;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture.engine->view.points[0].boot_ns = 60;
	fixture.engine->view.alarms[0].seq = fixture.engine->view.alarms[0].raised = 0;
	atomic_store(&written, false);
	assert_int_equal(pthread_create(&thread, NULL, write_on, NULL), 0);
	for (int i = 0; i < 5000; i++) {
		struct gw_point_view v;
		struct gw_alarm_view shown;

		gw_view_point(gw_engine_view(fixture.engine), 0, &v);
		assert_true(v.value == (double)v.boot_ns);
		gw_view_alarm(gw_engine_view(fixture.engine), 0, &shown);
		assert_int_equal(shown.seq, shown.raised);
	}
	atomic_store(&written, true);
	pthread_join(thread, NULL);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_reader_never_sees_half),
		IT(a_reader_beside_a_busy_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
