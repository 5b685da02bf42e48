/* SPDX-License-Identifier: Apache-2.0 */
/* What is made at start and at a reload, with each single allocation failing: an error that can be
 * read, and nothing left behind. */
#include "conf/config.h"
#include "conf/load.h"
#include "engine/engine.h"
#include "source/emit.h"
#include "source/source.h"
#include "uplink/outbox.h"
#include "uplink/uplink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture/failing_memory.h"
#include "tests/unit/fixture/temp_dir.h"

static struct gw_config *config;
static struct gw_store *store;
static char dir[TEMP_DIR_MAX];

static void ignore(void *arg, const char *line)
{
	unsigned *lines = arg;

	(*lines)++;
	assert_non_null(line);
}

static enum gw_err load(struct gw_config **ret_config)
{
	unsigned lines = 0;
	struct gw_complaints complaints = {.say = ignore, .arg = &lines};
	char path[1024];
	enum gw_err rc;

	snprintf(path, sizeof(path), "%s/config/tocsin.yaml", getenv("TOCSIN_SOURCE"));
	rc = gw_config_load(path, ret_config, &complaints);
	assert_int_equal(rc == GW_ERR_CONFIG, lines > 0);
	assert_true(rc == GW_OK || rc == GW_ERR_CONFIG || rc == GW_ERR_SYSTEM);
	return rc;
}

static void load_and_free(void)
{
	struct gw_config *c = NULL;

	if (load(&c) == GW_OK)
		gw_config_free(c);
}

static void make_engine(void)
{
	const struct gw_engine_opts opts = {.site = &config->site,
		.points = config->points,
		.n_points = config->n_points,
		.alarms = config->alarms,
		.n_alarms = config->n_alarms,
		.n_inputs = config->n_sources + 1};
	struct gw_ring samples = {0}, events = {0};
	struct gw_engine *e = NULL;
	struct gw_error err = {0};
	enum gw_err rc = gw_engine_new(&opts, &e, &err);

	if (!rc)
		rc = gw_ring_init(&samples, 64, sizeof(struct gw_sample), &err);
	if (!rc)
		rc = gw_ring_init(&events, 64, sizeof(struct gw_event), &err);
	if (!rc)
		rc = gw_engine_add_input(e, &samples, 0, (uint32_t)config->n_points, &err);
	if (!rc)
		rc = gw_engine_add_output(e, &events, NULL, &err);
	if (rc)
		assert_true(err.text[0] != '\0');
	gw_engine_free(e);
	gw_ring_fini(&samples);
	gw_ring_fini(&events);
}

static void make_sources(void)
{
	struct gw_wake wake = {.fd = -1};
	const struct gw_commit_check commit = {0};

	if (gw_wake_init(&wake, NULL))
		return;
	for (size_t i = 0; i < config->n_sources; i++) {
		struct gw_source *s = NULL;
		struct gw_error err = {0};

		if (gw_source_new(&config->sources[i], 64, &wake, &commit, &s, &err))
			assert_true(err.text[0] != '\0');
		gw_source_free(s);
	}
	gw_wake_fini(&wake);
}

static void fill_outbox(void)
{
	struct gw_outbox o;
	struct gw_outbox_item item = {.level = GW_LEVEL_RED, .durable = true};

	if (gw_outbox_init(&o, 8, 4096, NULL))
		return;
	for (uint64_t seq = 1; seq <= 12; seq++) {
		item.seq = seq;
		item.alarm = gw_outbox_alarm_hash(seq % 2 ? "a" : "b");
		gw_outbox_add(&o, &item, "{}", 2);
	}
	/* with no memory for it, it is left to the store, and the outbox knows that */
	assert_true(o.n == 12 || o.left_out > 0);
	gw_outbox_fini(&o);
}

static void make_uplinks(void)
{
	for (size_t i = 0; i < config->n_uplinks; i++) {
		struct gw_uplink *u = NULL;
		struct gw_error err = {0};
		struct gw_ring *faults;
		enum gw_err rc = gw_uplink_new(
			&config->uplinks[i], i, store, NULL, 64, &u, &err);

		if (!rc)
			rc = gw_uplink_fault_ring(u, NULL, &faults, &err);
		if (rc)
			assert_true(err.text[0] != '\0');
		gw_uplink_free(u);
	}
}

static void test_a_configuration_survives_each_failing_allocation(void **state)
{
	(void)state;
	each_failure("gw_config_load", load_and_free);
}

static void test_an_engine_survives_each_failing_allocation(void **state)
{
	(void)state;
	each_failure("gw_engine_new", make_engine);
}

static void test_a_source_survives_each_failing_allocation(void **state)
{
	(void)state;
	each_failure("gw_source_new", make_sources);
}

static void test_an_outbox_survives_each_failing_allocation(void **state)
{
	(void)state;
	each_failure("gw_outbox_add", fill_outbox);
}

static void test_an_uplink_survives_each_failing_allocation(void **state)
{
	(void)state;
	each_failure("gw_uplink_new", make_uplinks);
}

static int setup(void **state)
{
	(void)state;
	if (temp_dir_make(dir) || load(&config))
		return 1;
	return gw_store_open(&(struct gw_store_opts){.state_dir = dir,
				     .uplinks = (const char *const[]){"city"},
				     .n_uplinks = 1,
				     .max_bytes = 1 << 20,
				     .ring_capacity = 64},
		       &store, NULL) != GW_OK;
}

static int teardown(void **state)
{
	(void)state;
	gw_store_free(store);
	gw_config_free(config);
	temp_dir_remove(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_configuration_survives_each_failing_allocation),
		cmocka_unit_test(test_an_engine_survives_each_failing_allocation),
		cmocka_unit_test(test_a_source_survives_each_failing_allocation),
		cmocka_unit_test(test_an_outbox_survives_each_failing_allocation),
		cmocka_unit_test(test_an_uplink_survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
