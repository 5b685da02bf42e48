/* SPDX-License-Identifier: Apache-2.0 */
#include "app/start_config.h"

#include "app/last_good.h"
#include "app/limits.h"
#include "base/log.h"
#include "conf/load.h"
#include "control/protocol.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GW_STATE_DIR "/var/lib/tocsin" /* the default of gateway.state_dir */

static void take_complaint(void *arg, const char *line)
{
	struct gw_start_config *s = arg;

	if (s->n_complaints++ == 0)
		snprintf(s->first, sizeof(s->first), "%s", line);
	if (!s->brief)
		gw_log(GW_LOG_ERR, "%s", line); /* a start must not wait for stderr */
}

static void log_copy_complaint(void *arg, const char *line)
{
	(void)arg;
	gw_log(GW_LOG_ERR, "the copy: %s", line);
}

static bool load_copy(
	struct gw_start_config *s, const char *dir, struct gw_config **ret_config)
{
	struct gw_complaints complaints = {.say = log_copy_complaint};
	struct gw_error err;

	if (gw_last_good_read(dir, s->path, &s->copy, &err)) {
		if (err.native != ENOENT && !s->brief)
			gw_log(GW_LOG_WARNING, "%s", err.text);
		return false;
	}
	if (gw_config_load_files(s->path, &s->copy, NULL, ret_config, &complaints) ==
		GW_OK) {
		gw_log(GW_LOG_ERR,
			"%s is refused (%s): started from the copy in %s that ran last; correct the file (tocsind --check), then: tocsin reload",
			s->path, s->first, dir);
		return true;
	}
	gw_files_free(&s->copy);
	return false;
}

/* The state folder is named by the refused file, which may be unreadable in part. */
static bool load_last_good(struct gw_start_config *s, struct gw_config **ret_config)
{
	char dir[PATH_MAX - sizeof(GW_LAST_GOOD)];

	return (gw_last_good_setting(&s->files, "state_dir:", dir, sizeof(dir)) &&
		       load_copy(s, dir, ret_config)) ||
		load_copy(s, GW_STATE_DIR, ret_config);
}

enum gw_err gw_start_config_load(struct gw_start_config *s)
{
	struct gw_complaints complaints = {.say = take_complaint, .arg = s};
	struct gw_config *config = NULL, *of_copy = NULL;
	struct gw_error err;
	enum gw_err kind;

	gw_start_config_free(s);
	s->missing = access(s->path, F_OK) != 0 && errno == ENOENT;
	kind = gw_config_load_files(s->path, NULL, &s->files, &config, &complaints);
	if (!kind && gw_limits_check(config, &err)) {
		take_complaint(s, err.text);
		if (load_last_good(s, &of_copy)) { /* else run with it as far as possible */
			gw_config_free(config);
			config = of_copy;
		}
	} else if (kind && load_last_good(s, &config)) {
		kind = GW_OK;
	}
	s->config = config;
	return kind;
}

void gw_start_config_line(const struct gw_start_config *s, char *ret_line, size_t size)
{
	char more[32] = "";

	if (s->missing) {
		snprintf(ret_line, size,
			"waiting, nothing is watched: there is no %s; write it (man tocsin.yaml, example in /usr/share/doc/tocsin), check it with: tocsind --check, then run: systemctl reload tocsind",
			s->path);
		return;
	}
	if (s->n_complaints > 1)
		snprintf(more, sizeof(more), " and %u more", s->n_complaints - 1);
	snprintf(ret_line, size,
		"waiting, nothing is watched: %s is refused (%s%s); correct it until this is content: tocsind --check, then run: systemctl reload tocsind",
		s->path, s->first, more);
}

void gw_start_config_socket(const struct gw_start_config *s, char *ret_path, size_t size)
{
	if (!gw_last_good_setting(&s->files, "control_socket:", ret_path, size))
		snprintf(ret_path, size, "%s", GW_PROTOCOL_SOCKET);
}

void gw_start_config_free(struct gw_start_config *s)
{
	gw_files_free(&s->files);
	gw_files_free(&s->copy);
	gw_config_free(s->config);
	s->config = NULL;
	s->missing = false;
	s->n_complaints = 0;
	s->first[0] = '\0';
}
