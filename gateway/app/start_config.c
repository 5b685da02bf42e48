/* SPDX-License-Identifier: Apache-2.0 */
#include "app/start_config.h"

#include "app/last_good.h"
#include "app/limits.h"
#include "base/log.h"
#include "conf/load.h"
#include "control/protocol.h"
#include "gw_build.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GW_STATE_DIR "/var/lib/tocsin" /* the default of gateway.state_dir */
#define COMMAND_MAX  (PATH_MAX + 32)

enum { NAMED_FOLDER, DEFAULT_FOLDER };

static void take_complaint(void *arg, const char *line)
{
	struct gw_start_config *s = arg;

	if (s->n_complaints++ == 0)
		snprintf(s->first, sizeof(s->first), "%s", line);
	if (!s->brief)
		gw_log(GW_LOG_ERR, "%s", line); /* a start must not wait for stderr */
}

static void check_command(const struct gw_start_config *s, char *ret_command, size_t size)
{
	bool usual = strcmp(s->path, GW_CONFIG_FILE) == 0;

	snprintf(ret_command, size, "tocsind --check%s%s", usual ? "" : " --config ",
		usual ? "" : s->path);
}

static void log_copy_complaint(void *arg, const char *line)
{
	(void)arg;
	gw_log(GW_LOG_ERR, "the copy: %s", line);
}

static void ignore_complaint(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static bool load_copy(struct gw_start_config *s, const char *dir, int folder,
	struct gw_config **ret_config)
{
	struct gw_files *before = &s->refused_copies[folder];
	char *unread = s->unread_copies[folder];
	struct gw_complaints complaints = {.say = log_copy_complaint};
	char command[COMMAND_MAX];
	struct gw_error err;

	if (gw_last_good_read(dir, s->path, &s->copy, &err)) {
		if (err.native != ENOENT && strcmp(err.text, unread) != 0)
			gw_log(GW_LOG_WARNING, "%s", err.text);
		snprintf(unread, sizeof(s->unread_copies[folder]), "%s", err.text);
		return false;
	}
	if (gw_files_equal(&s->copy, before)) /* who waits comes here every few seconds */
		complaints.say = ignore_complaint;
	if (gw_config_load_files(s->path, &s->copy, NULL, ret_config, &complaints) ==
		GW_OK) {
		check_command(s, command, sizeof(command));
		gw_log(GW_LOG_ERR,
			"%s is refused (%s): started from the copy in %s that ran last; correct the file (%s), then: tocsin reload",
			s->path, s->first, dir, command);
		return true;
	}
	gw_files_free(before);
	*before = s->copy;
	s->copy = (struct gw_files){.n = 0};
	return false;
}

/* A # begins a comment at the start of a line and after a blank. */
static bool in_comment(const char *line, const char *at)
{
	for (const char *c = line; c < at; c++)
		if (*c == '#' && (c == line || c[-1] == ' ' || c[-1] == '\t'))
			return true;
	return false;
}

/* The value of the first line with the key; not in a comment, and not the end of another key. */
static const char *find_value(const char *text, const char *key)
{
	for (const char *at = strstr(text, key); at; at = strstr(at + 1, key)) {
		const char *line = at;

		while (line > text && line[-1] != '\n')
			line--;
		if ((at == line || strchr(" \t{,", at[-1])) && !in_comment(line, at))
			return at + strlen(key);
	}
	return NULL;
}

bool gw_start_config_setting(
	const struct gw_files *files, const char *key, char *ret_path, size_t size)
{
	const char *at = files->n > 0 ? find_value(files->at[0].bytes, key) : NULL;
	size_t n;

	if (!at)
		return false;
	at += strspn(at, " \t\"'");
	n = strcspn(at, "\"',}#\r\n");
	while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	if (n == 0 || n >= size || *at != '/')
		return false;
	memcpy(ret_path, at, n);
	ret_path[n] = '\0';
	return true;
}

/* The state folder is named by the refused file, which may be unreadable in part. */
static bool load_last_good(struct gw_start_config *s, struct gw_config **ret_config)
{
	char dir[PATH_MAX - sizeof(GW_LAST_GOOD)];

	if (gw_start_config_setting(&s->files, "state_dir:", dir, sizeof(dir)) &&
		strcmp(dir, GW_STATE_DIR) != 0 &&
		load_copy(s, dir, NAMED_FOLDER, ret_config))
		return true;
	return load_copy(s, GW_STATE_DIR, DEFAULT_FOLDER, ret_config);
}

/* What stays is of earlier loads: path, brief, refused_copies, unread_copies, limits_said. */
static void drop_load(struct gw_start_config *s)
{
	gw_files_free(&s->files);
	gw_files_free(&s->copy);
	gw_config_free(s->config);
	s->config = NULL;
	s->missing = false;
	s->n_complaints = 0;
	s->first[0] = '\0';
}

enum gw_err gw_start_config_load(struct gw_start_config *s)
{
	struct gw_complaints complaints = {.say = take_complaint, .arg = s};
	struct gw_config *config = NULL, *of_copy = NULL;
	struct gw_error err;
	enum gw_err rc;

	drop_load(s);
	s->missing = access(s->path, F_OK) != 0 && errno == ENOENT;
	rc = gw_config_load_files(s->path, NULL, &s->files, &config, &complaints);
	if (!rc && gw_limits_check(config, &err)) {
		take_complaint(s, err.text);
		if (load_last_good(s, &of_copy)) {
			gw_config_free(config);
			config = of_copy;
		} else if (s->brief) {
			/* it runs as far as possible, and no other line says so */
			if (strcmp(err.text, s->limits_said) != 0)
				gw_log(GW_LOG_ERR, "%s", err.text);
			snprintf(s->limits_said, sizeof(s->limits_said), "%s", err.text);
		}
	} else {
		s->limits_said[0] = '\0';
		if (rc && load_last_good(s, &config))
			rc = GW_OK;
	}
	s->config = config;
	return rc;
}

void gw_start_config_line(const struct gw_start_config *s, char *ret_line, size_t size)
{
	char more[32] = "", command[COMMAND_MAX];

	check_command(s, command, sizeof(command));
	if (s->missing) {
		snprintf(ret_line, size,
			"waiting, nothing is watched: there is no %s; write it (man tocsin.yaml, example in /usr/share/doc/tocsin/examples), check it with: %s, then run: systemctl reload tocsind",
			s->path, command);
		return;
	}
	if (s->n_complaints > 1)
		snprintf(more, sizeof(more), " and %u more", s->n_complaints - 1);
	snprintf(ret_line, size,
		"waiting, nothing is watched: %s is refused (%s%s); correct it until this is content: %s, then run: systemctl reload tocsind",
		s->path, s->first, more, command);
}

void gw_start_config_socket(const struct gw_start_config *s, char *ret_path, size_t size)
{
	if (!gw_start_config_setting(&s->files, "control_socket:", ret_path, size))
		snprintf(ret_path, size, "%s", GW_PROTOCOL_SOCKET);
}

void gw_start_config_free(struct gw_start_config *s)
{
	drop_load(s);
	gw_files_free(&s->refused_copies[NAMED_FOLDER]);
	gw_files_free(&s->refused_copies[DEFAULT_FOLDER]);
}
