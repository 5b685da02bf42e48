/* SPDX-License-Identifier: Apache-2.0 */
/* Which configuration a start takes, and what it says of the others. */
#include "app/start_config.h"

#include "app/last_good.h"
#include "base/log.h"
#include "gw_build.h"
#include "tests/unit/fixture/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define GOOD    "gateway: {id: box}\nuplinks: [{name: city, url: 'file:///tmp/x'}]\n"
#define REFUSED "gateway: {id: box, colour: red, shape: round}\n"
#define DEFAULT "/var/lib/tocsin"

static char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 40];
static struct gw_start_config start;
static struct rlimit descriptors;

/* ---- what would be the log and the folders with copies ---- */

static char said[8192];
static struct {
	const char *folder, *text; /* text NULL: there is no copy */
} copies[2];
static unsigned n_reads;

void gw_log(enum gw_log_level level, const char *fmt, ...)
{
	size_t used = strlen(said);
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(said + used, sizeof(said) - used - 1, fmt, ap);
	va_end(ap);
	strcat(said, "\n");
}

enum gw_err gw_last_good_read(const char *folder, const char *of,
	struct gw_files *ret_files, struct gw_error *err)
{
	n_reads++;
	for (size_t i = 0; i < 2; i++)
		if (copies[i].text && strcmp(copies[i].folder, folder) == 0) {
			assert_true(gw_files_add(
				ret_files, of, copies[i].text, strlen(copies[i].text)));
			return GW_OK;
		}
	return gw_fail(err, GW_ERR_SYSTEM, ENOENT, "%s: no copy", folder);
}

static unsigned times_said(const char *text)
{
	unsigned n = 0;

	for (const char *at = strstr(said, text); at; at = strstr(at + 1, text))
		n++;
	return n;
}

/* ---- */

static int begin(void **state)
{
	(void)state;
	if (temp_dir_make(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/tocsin.yaml", dir);
	start = (struct gw_start_config){.path = path, .brief = true};
	memset(said, 0, sizeof(said));
	memset(copies, 0, sizeof(copies));
	n_reads = 0;
	return getrlimit(RLIMIT_NOFILE, &descriptors);
}

static int end(void **state)
{
	(void)state;
	gw_start_config_free(&start);
	setrlimit(RLIMIT_NOFILE, &descriptors);
	return temp_dir_remove(dir);
}

static void write_config(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* As prlimit --nofile: no gateway fits into this. */
static void allow_few_descriptors(void)
{
	struct rlimit few = descriptors;

	few.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void one_over_the_limits_starts_and_that_is_said(void **state)
{
	(void)state;
	allow_few_descriptors();
	write_config(GOOD);
	for (int brief = 0; brief < 2; brief++) {
		start.brief = brief;
		memset(said, 0, sizeof(said));
		assert_int_equal(gw_start_config_load(&start), GW_OK);
		assert_non_null(start.config);
		assert_int_equal(times_said("descriptors, 20 are allowed"), 1);
	}
}

/* A file that is waited for is loaded until it is the same twice. */
static void limits_are_said_once_while_it_waits(void **state)
{
	(void)state;
	write_config(GOOD);
	for (int i = 0; i < 2; i++) {
		allow_few_descriptors();
		for (int k = 0; k < 3; k++)
			assert_int_equal(gw_start_config_load(&start), GW_OK);
		assert_int_equal(times_said("descriptors, 20 are allowed"), i + 1);
		setrlimit(RLIMIT_NOFILE, &descriptors);
		assert_int_equal(gw_start_config_load(&start), GW_OK);
	}
}

static void complaints_of_the_copy_are_said_once(void **state)
{
	(void)state;
	write_config(REFUSED);
	copies[0].folder = DEFAULT;
	copies[0].text = REFUSED;
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_start_config_load(&start), GW_ERR_CONFIG);
	assert_int_equal(times_said("the copy:"), 2);
	copies[0].text = "gateway: {id: box, size: 3}\n";
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_start_config_load(&start), GW_ERR_CONFIG);
	assert_int_equal(times_said("the copy:"), 3);
	assert_int_equal(times_said("size"), 1);
}

static void copies_of_two_folders_are_said_once_each(void **state)
{
	(void)state;
	write_config(
		"gateway: {id: box, state_dir: /elsewhere, colour: red, shape: round}\n");
	copies[0].folder = "/elsewhere";
	copies[0].text = REFUSED;
	copies[1].folder = DEFAULT;
	copies[1].text = "gateway: {id: box, size: 3}\n";
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_start_config_load(&start), GW_ERR_CONFIG);
	assert_int_equal(times_said("the copy:"), 3);
	assert_int_equal(n_reads, 6);
}

static void the_default_folder_is_read_once(void **state)
{
	(void)state;
	write_config(
		"gateway: {id: box, state_dir: " DEFAULT ", colour: red, shape: round}\n");
	copies[0].folder = DEFAULT;
	copies[0].text = REFUSED;
	assert_int_equal(gw_start_config_load(&start), GW_ERR_CONFIG);
	assert_int_equal(n_reads, 1);
	assert_int_equal(times_said("the copy:"), 2);
}

static void the_check_to_run_is_of_this_file(void **state)
{
	char line[1000], check[200];

	(void)state;
	snprintf(check, sizeof(check), "tocsind --check --config %s", path);
	assert_int_equal(gw_start_config_load(&start), GW_ERR_CONFIG);
	gw_start_config_line(&start, line, sizeof(line));
	assert_non_null(strstr(line, "there is no"));
	assert_non_null(strstr(line, "/usr/share/doc/tocsin/examples"));
	assert_non_null(strstr(line, check));

	write_config(REFUSED);
	assert_int_equal(gw_start_config_load(&start), GW_ERR_CONFIG);
	gw_start_config_line(&start, line, sizeof(line));
	assert_non_null(strstr(line, "is refused"));
	assert_non_null(strstr(line, check));

	copies[0].folder = DEFAULT;
	copies[0].text = GOOD;
	assert_int_equal(gw_start_config_load(&start), GW_OK);
	assert_non_null(strstr(said, check));
}

static void the_check_of_the_default_file_names_none(void **state)
{
	char line[1000];

	(void)state;
	start.path = GW_CONFIG_FILE;
	start.missing = true;
	gw_start_config_line(&start, line, sizeof(line));
	assert_non_null(strstr(line, "tocsind --check, then run"));
	start.missing = false;
	gw_start_config_line(&start, line, sizeof(line));
	assert_non_null(strstr(line, "tocsind --check, then run"));
}

/* The file is refused: its state_dir is found without reading it as YAML. */
static void the_state_folder_of_a_refused_file_is_found(void **state)
{
	static const struct {
		const char *text, *dir;
	} rows[] = {
		{"gateway:\n  state_dir: /data/tocsin\nsources: [", "/data/tocsin"},
		{"gateway: {id: a, state_dir: \"/data/x\", unit: u}\n", "/data/x"},
		{"  state_dir: '/data/a b'\n", "/data/a b"},
		{"  state_dir:\t/data/y \t# on the card\r\n", "/data/y"},
		{"# state_dir: /var/lib/tocsin\ngateway:\n  state_dir: /data\n", "/data"},
		{"  id: a # state_dir: /a\n  state_dir: /b\n", "/b"},
		{"  old_state_dir: /a\n  state_dir: /b\n", "/b"},
		{"gateway: {unit: Hall#3, state_dir: /data}\n", "/data"},
		{"gateway: {id: a}\n", NULL},
		{"  state_dir: relative\n", NULL},
		{"  state_dir:\n", NULL},
		{"  state_dir: /a-name-that-is-longer-than-the-callers-buffer\n", NULL},
		{"  # state_dir: /a\n", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_files f = {.n = 0};
		char found[32] = "untouched";
		bool is;

		assert_true(gw_files_add(&f, path, rows[i].text, strlen(rows[i].text)));
		is = gw_start_config_setting(&f, "state_dir:", found, sizeof(found));
		if (is != (rows[i].dir != NULL))
			fail_msg("%s: %s", rows[i].text, found);
		assert_string_equal(found, rows[i].dir ? rows[i].dir : "untouched");
		gw_files_free(&f);
		assert_false(
			gw_start_config_setting(&f, "state_dir:", found, sizeof(found)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_state_folder_of_a_refused_file_is_found, begin, end),
		cmocka_unit_test_setup_teardown(
			limits_are_said_once_while_it_waits, begin, end),
		cmocka_unit_test_setup_teardown(
			one_over_the_limits_starts_and_that_is_said, begin, end),
		cmocka_unit_test_setup_teardown(
			complaints_of_the_copy_are_said_once, begin, end),
		cmocka_unit_test_setup_teardown(
			copies_of_two_folders_are_said_once_each, begin, end),
		cmocka_unit_test_setup_teardown(
			the_default_folder_is_read_once, begin, end),
		cmocka_unit_test_setup_teardown(
			the_check_to_run_is_of_this_file, begin, end),
		cmocka_unit_test_setup_teardown(
			the_check_of_the_default_file_names_none, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
