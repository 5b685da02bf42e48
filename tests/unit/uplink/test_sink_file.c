/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"
#include "uplink_rows.h"

#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[TEMP_DIR_MAX], path[128], url[160];
static void *sink;
static struct gw_sink_result result;

static int setup(void **state)
{
	struct gw_uplink_opts o = {.url = url};

	(void)state;
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(path, sizeof(path), "%s/alerts.ndjson", dir);
	snprintf(url, sizeof(url), "file://%s", path);
	sink = calloc(1, gw_sink_file.state_size);
	assert_int_equal(gw_sink_file.open(sink, &o, "test", NULL), GW_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_sink_file.close(sink);
	gw_sink_file.close(sink);
	free(sink);
	return temp_dir_remove(dir);
}

static enum gw_sink_verdict send(const char *a, const char *b)
{
	char one[64], two[64];
	struct gw_sink_body bodies[2];

	snprintf(one, sizeof(one), "%s", a);
	snprintf(two, sizeof(two), "%s", b ? b : "");
	/* in two parts, and in one */
	bodies[0] = (struct gw_sink_body){
		.parts = {{one, 1}, {one + 1, strlen(one) - 1}}, .n_parts = 2};
	bodies[1] = (struct gw_sink_body){.parts = {{two, strlen(two)}}, .n_parts = 1};
	gw_sink_file.send(sink,
		&(struct gw_sink_request){.bodies = bodies, .n_bodies = b ? 2 : 1},
		&result);
	return result.verdict;
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *content(const char *of)
{
	static char text[4096];
	FILE *f = fopen(of, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void test_each_event_is_one_line(void **state)
{
	(void)state;
	assert_int_equal(send("{1}", "{2}"), GW_SINK_SENT);
	assert_int_equal(send("{3}", NULL), GW_SINK_SENT);
	assert_string_equal(content(path), "{1}\n{2}\n{3}\n");
}

static void test_a_cut_line_is_taken_back(void **state)
{
	(void)state;
	put("{1}\n{\"half");
	assert_int_equal(send("{2}", NULL), GW_SINK_SENT);
	assert_string_equal(content(path), "{1}\n{2}\n");
}

static void test_a_cut_first_line_is_taken_back(void **state)
{
	(void)state;
	put("{\"half");
	assert_int_equal(send("{2}", NULL), GW_SINK_SENT);
	assert_string_equal(content(path), "{2}\n");
}

static void test_lines_of_others_are_kept(void **state)
{
	(void)state;
	put("# a note\n# without an end");
	assert_int_equal(send("{2}", NULL), GW_SINK_SENT);
	assert_string_equal(content(path), "# a note\n# without an end\n{2}\n");
}

static void test_a_file_that_was_moved_is_begun_anew(void **state)
{
	char moved[160];

	(void)state;
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(send("{1}", NULL), GW_SINK_SENT);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(send("{2}", NULL), GW_SINK_SENT);
	assert_string_equal(content(moved), "{1}\n");
	assert_string_equal(content(path), "{2}\n");
	assert_int_equal(rename(path, moved), 0);
	put("{other}\n"); /* as logrotate does */
	assert_int_equal(send("{2}", NULL), GW_SINK_SENT);
	assert_string_equal(content(moved), "{2}\n");
	assert_string_equal(content(path), "{other}\n{2}\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(send("{3}", NULL), GW_SINK_SENT);
	assert_string_equal(content(path), "{3}\n");
}

static void test_a_full_disk_leaves_no_partial_line(void **state)
{
	struct rlimit old, small = {.rlim_cur = 10};

	(void)state;
	assert_int_equal(send("{1}", NULL), GW_SINK_SENT);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(send("{23456}", "{7}"), GW_SINK_RETRY);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_non_null(strstr(result.why, path));
	assert_string_equal(content(path), "{1}\n");
	assert_int_equal(send("{23456}", "{7}"), GW_SINK_SENT);
	assert_string_equal(content(path), "{1}\n{23456}\n{7}\n");
}

static void test_a_missing_folder_is_tried_again(void **state)
{
	(void)state;
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(send("{1}", NULL), GW_SINK_RETRY);
	assert_non_null(strstr(result.why, "No such file"));
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(send("{1}", NULL), GW_SINK_SENT);
}

static void test_a_pipe_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(send("{1}", NULL), GW_SINK_RETRY);
	assert_non_null(strstr(result.why, "not a plain file"));
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_event_is_one_line),
		IT(test_a_cut_line_is_taken_back),
		IT(test_a_cut_first_line_is_taken_back),
		IT(test_lines_of_others_are_kept),
		IT(test_a_file_that_was_moved_is_begun_anew),
		IT(test_a_full_disk_leaves_no_partial_line),
		IT(test_a_missing_folder_is_tried_again),
		IT(test_a_pipe_is_refused),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
