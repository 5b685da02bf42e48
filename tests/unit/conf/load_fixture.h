/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_fixture.h: one configuration text in, a configuration or lines of complaints out. The
 * drivers and sinks are those of config_fixture.h.
 */
#ifndef GW_TESTS_LOAD_FIXTURE_H
#define GW_TESTS_LOAD_FIXTURE_H

#include "conf/config.h"
#include "conf/load.h"
#include "config_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES_MAX 64

struct complaint_lines {
	char line[LINES_MAX][512];
	size_t n;
};

static inline void collect_line(void *arg, const char *line)
{
	struct complaint_lines *s = arg;

	if (s->n < LINES_MAX)
		snprintf(s->line[s->n], sizeof(s->line[0]), "%s", line);
	s->n++;
}

static inline enum gw_err load(
	const char *yaml, struct gw_config **ret_config, struct complaint_lines *lines)
{
	struct gw_complaints c = {.say = collect_line, .arg = lines};
	enum gw_err result;

	lines->n = 0;
	result = gw_load_bytes("t.yaml", yaml, strlen(yaml), ret_config, &c);
	assert_int_equal(c.count, lines->n);
	return result;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* One device of the fake bus on lines 1 to 7, its points from line 8. */
#define SITE \
	"gateway: {id: box}\n" \
	"sources:\n" \
	"  - name: plant\n" \
	"    driver: modbus-tcp\n" \
	"    host: 10.0.3.20\n" \
	"    devices:\n" \
	"      - {name: heat, unit: 1, points: [{name: t, register: \"input:1\"}, {name: b, register: \"coil:1\", type: bool}]}\n" \
	"      - {name: oven, unit: 2, points: [{name: t, register: \"input:1\"}, {name: b, register: \"coil:1\", type: bool}]}\n"
#define ALARM SITE "alarms:\n" /* line 9; the first alarm on line 10 */

/* A file and all that is said of it, each line ended by a newline. */
struct refused {
	const char *yaml, *lines;
};

/* A want that ends in * is the beginning of the line. */
static inline bool line_is(const char *line, const char *want, size_t n)
{
	if (n && want[n - 1] == '*')
		return strncmp(line, want, n - 1) == 0;
	return strlen(line) == n && strncmp(line, want, n) == 0;
}

/* How many lines are not as wanted; each is shown. */
static inline unsigned count_wrong_lines(
	const struct complaint_lines *got, const char *yaml, const char *lines)
{
	unsigned wrong = 0;
	size_t i = 0, n;

	for (; lines && (*lines || i < got->n); lines += n + (lines[n] != '\0'), i++) {
		n = strcspn(lines, "\n");
		if (n && i < got->n && line_is(got->line[i], lines, n))
			continue;
		if (wrong++ == 0)
			print_error("%s\n", yaml);
		print_error("want %.*s\ngot  %s\n", (int)n, lines,
			i < got->n ? got->line[i] : "");
	}
	return wrong;
}

/* Each file is refused, with exactly its lines, in the order of the file. */
static inline void assert_refused(const struct refused *files, size_t n)
{
	static struct complaint_lines lines;
	struct gw_config *c = NULL;
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(load(files[i].yaml, &c, &lines), GW_ERR_CONFIG);
		assert_null(c);
		wrong += count_wrong_lines(&lines, files[i].yaml, files[i].lines);
	}
	assert_int_equal(wrong, 0);
}

#define ASSERT_REFUSED(files) assert_refused(files, sizeof(files) / sizeof((files)[0]))

static inline struct gw_config *load_valid(const char *yaml)
{
	static struct complaint_lines lines;
	struct gw_config *c = NULL;

	if (load(yaml, &c, &lines) != GW_OK)
		fail_msg("%s\n%s", yaml, lines.line[0]);
	return c;
}

static inline const struct gw_alarm_opts *alarm_of(
	const struct gw_config *c, const char *key)
{
	for (size_t i = 0; i < c->n_alarms; i++)
		if (strcmp(c->alarms[i].info.key, key) == 0)
			return &c->alarms[i];
	fail_msg("no alarm %s", key);
	return NULL;
}

static inline bool has_alarm(const struct gw_config *c, const char *key)
{
	for (size_t i = 0; i < c->n_alarms; i++)
		if (strcmp(c->alarms[i].info.key, key) == 0)
			return true;
	return false;
}

/* A folder with profiles/ and etc/profiles/ becomes the current one. */
static inline int enter_folder(void **state)
{
	static char folder[TEMP_DIR_MAX];

	*state = folder;
	if (temp_dir_make(folder) || chdir(folder) != 0 || mkdir("profiles", 0700) != 0 ||
		mkdir("etc", 0700) != 0 || mkdir("etc/profiles", 0700) != 0)
		return -1;
	return unsetenv("TOCSIN_PROFILES");
}

static inline int leave_folder(void **state)
{
	return chdir("/") || temp_dir_remove(*state);
}

#endif
