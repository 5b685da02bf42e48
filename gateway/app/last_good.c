/* SPDX-License-Identifier: Apache-2.0 */
#include "app/last_good.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/restored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_NS  (60 * GW_NS_PER_SEC)
#define BYTES_MAX (64 << 20)

/* ---- reading ---- */

static enum gw_err read_copy(
	const char *folder, struct gw_files *ret_files, struct gw_error *err)
{
	char path[PATH_MAX];
	enum gw_err rc = GW_ERR_SYSTEM;
	char *text;
	size_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s/" GW_LAST_GOOD, folder) >=
		sizeof(path))
		return gw_fail(err, GW_ERR_SYSTEM, ENAMETOOLONG, "%s: the path is too long",
			folder);
	text = gw_file_read(path, GW_FILE_REGULAR | GW_FILE_NO_LINK, BYTES_MAX, &n, err);
	if (text) {
		rc = gw_files_decode(text, n, ret_files, err);
		if (rc)
			gw_error_wrap(err, "%s", path);
	}
	free(text);
	return rc;
}

enum gw_err gw_last_good_read(const char *state_dir, const char *path,
	struct gw_files *ret_files, struct gw_error *err)
{
	char restored[PATH_MAX];
	enum gw_err rc;

	/* a backup whose restore was cut off: the store's thread takes it in later */
	snprintf(restored, sizeof(restored), "%s/" GW_RESTORED, state_dir);
	if (read_copy(restored, ret_files, NULL) &&
		(rc = read_copy(state_dir, ret_files, err)))
		return rc;
	if (strcmp(ret_files->at[0].path, path) == 0)
		return GW_OK;
	rc = gw_fail(err, GW_ERR_CONFIG, 0, "%s/" GW_LAST_GOOD " is a copy of %s",
		state_dir, ret_files->at[0].path);
	gw_files_free(ret_files);
	return rc;
}

/* ---- writing ---- */

static enum gw_err replace(
	const char *folder, const char *text, size_t n, struct gw_error *err)
{
	struct gw_file_part part = {text, n};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" GW_LAST_GOOD, folder);
	return gw_file_replace(path, 0640, &part, 1, err);
}

/* Nothing is written if the copy is equal already: a restart writes nothing. */
static void *run(void *arg)
{
	struct gw_last_good *l = arg;
	struct gw_files existing = {.n = 0};
	bool is_equal = !read_copy(l->folder, &existing, NULL) &&
		gw_files_equal(&existing, &l->files);
	size_t n = 0;
	char *text;

	gw_files_free(&existing);
	l->why.kind = GW_OK;
	if (is_equal)
		return NULL;
	mkdir(l->folder, 0750); /* the store makes it later */
	text = gw_files_encode(&l->files, &n);
	if (!text)
		gw_fail(&l->why, GW_ERR_SYSTEM, 0, "out of memory");
	else
		replace(l->folder, text, n, &l->why);
	free(text);
	return NULL;
}

void gw_last_good_save(
	struct gw_last_good *l, const char *state_dir, struct gw_files *files)
{
	gw_files_free(&l->pending);
	l->pending = *files;
	*files = (struct gw_files){.n = 0};
	snprintf(l->pending_folder, sizeof(l->pending_folder), "%s", state_dir);
	l->retry_ns = 0;
	gw_last_good_tick(l, gw_clock_boot_ns());
}

static void write_done(struct gw_last_good *l, int64_t now_ns)
{
	if (l->why.kind == GW_OK) {
		gw_files_free(&l->files);
		l->failed = false;
		return;
	}
	if (!l->failed)
		gw_log(GW_LOG_WARNING,
			"no copy of this configuration could be kept (%s): were the file spoilt, a restart would not find it; tried again each minute",
			l->why.text);
	l->failed = true;
	l->retry_ns = now_ns + RETRY_NS;
	if (l->pending.n == 0) { /* the same again, unless a newer one was saved */
		l->pending = l->files;
		l->files = (struct gw_files){.n = 0};
	}
	gw_files_free(&l->files);
}

void gw_last_good_tick(struct gw_last_good *l, int64_t now_ns)
{
	struct gw_error err;

	if (l->thread.running) {
		if (!gw_thread_ended(&l->thread))
			return;
		gw_thread_join(&l->thread);
		write_done(l, now_ns);
	}
	if (l->pending.n == 0 || now_ns < l->retry_ns)
		return;
	l->files = l->pending;
	l->pending = (struct gw_files){.n = 0};
	memcpy(l->folder, l->pending_folder, sizeof(l->folder));
	if (gw_thread_start(&l->thread, "last-good", run, l, &err)) {
		l->why = err;
		write_done(l, now_ns);
	}
}

bool gw_last_good_stop(struct gw_last_good *l, int wait_ms)
{
	if (!gw_thread_join_within(&l->thread, wait_ms)) {
		gw_log(GW_LOG_WARNING,
			"the copy of this configuration is not written: the disk does not take it");
		return false;
	}
	gw_files_free(&l->files);
	gw_files_free(&l->pending);
	return true;
}
