/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/restore_backup.h"

#include "backup/archive.h"
#include "backup/owner.h"
#include "backup/place.h"
#include "backup/put_config.h"
#include "backup/stage.h"
#include "control/listen.h"
#include "store/db.h"
#include "store/folder_lock.h"
#include "store/restored.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAEMON_USER "tocsin"
#define STOP_IT     "stop it first: systemctl stop tocsind"

struct restore {
	const struct gw_backup_opts *opts;
	struct gw_archive archive;
	struct gw_files config; /* of the backup; n 0: it has none */
	struct gw_backup_place place;
	struct gw_listen listen;
	int lock;
	bool had_database;
	int64_t unconfirmed; /* alarms, see store/unconfirmed.h */
	enum gw_put_config put;
	char old[PATH_MAX + 16]; /* the name that a configuration got, "": none */
};

/* ---- the archive ---- */

static enum gw_err read_archive(struct restore *r, struct gw_error *err)
{
	const struct gw_archive *a = &r->archive;
	const struct gw_file *copy;
	enum gw_err rc = gw_archive_read(r->opts->archive, &r->archive, err);

	if (rc)
		return rc;
	if (a->about.schema > GW_DB_VERSION)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"%s: its database has schema %lld, this tocsin knows up to %d: install tocsin %s first",
			a->path, (long long)a->about.schema, GW_DB_VERSION,
			a->about.version);
	copy = gw_files_find(&a->files, GW_ARCHIVE_LAST_GOOD);
	return copy ? gw_files_decode(copy->bytes, copy->n, &r->config, err) : GW_OK;
}

/* ---- no daemon ---- */

/* Before systemd has started it once there is no state folder. */
static enum gw_err make_state_folder(const char *state_dir, struct gw_error *err)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(DAEMON_USER) : NULL;
	gid_t group = user ? user->pw_gid : (gid_t)-1;
	char path[PATH_MAX];
	struct stat st;
	enum gw_err rc = GW_OK;

	if (stat(state_dir, &st) == 0)
		return GW_OK;
	snprintf(path, sizeof(path), "%s", state_dir);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/';)
		path[--n] = '\0';
	for (char *slash = path; !rc && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		rc = gw_owner_make_folder(path, 0, group, err);
		*slash = '/';
	}
	return rc ? rc : gw_owner_make_folder(path, user ? user->pw_uid : 0, group, err);
}

/* A daemon that starts meanwhile finds its control socket taken and is started again later; with
 * another socket it finds the state folder locked. */
static enum gw_err keep_daemon_away(struct restore *r, struct gw_error *err)
{
	enum gw_err rc;

	if (gw_listen_is_taken(r->place.socket))
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"tocsind runs (it listens on %s): " STOP_IT, r->place.socket);
	if (gw_listen_is_taken(r->opts->socket))
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"tocsind runs (it listens on %s), perhaps with another configuration than %s: " STOP_IT,
			r->opts->socket, r->opts->config);
	if ((rc = make_state_folder(r->place.state_dir, err)))
		return rc;
	rc = gw_folder_lock(r->place.state_dir, &r->lock, err);
	if (rc)
		return gw_error_wrap(err, STOP_IT);
	rc = gw_listen_open(&r->listen, r->place.socket, NULL, err);
	if (rc == GW_ERR_REFUSED)
		return rc;
	if (rc) /* no right to it, or its path is too long: the folder's lock is enough */
		r->listen.fd = -1;
	return GW_OK;
}

/* ---- the steps ---- */

static enum gw_err restore_state(struct restore *r, struct gw_error *err)
{
	struct gw_stage stage = {.folder = ""};
	char path[PATH_MAX];
	bool taken;
	enum gw_err rc;

	/* what an earlier one left */
	rc = gw_restored_take_in(r->place.state_dir, &taken, err);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/" GW_ARCHIVE_DATABASE, r->place.state_dir);
	r->had_database = access(path, F_OK) == 0;
	rc = gw_stage_open(&stage, r->place.state_dir, r->place.spare, &r->archive, err);
	if (!rc)
		rc = gw_stage_commit(&stage, err);
	r->unconfirmed = stage.unconfirmed;
	gw_stage_close(&stage);
	/* From here on the backup counts, whatever happens. */
	return rc ? rc : gw_restored_take_in(r->place.state_dir, &taken, err);
}

static enum gw_err restore_as_owner(struct restore *r, struct gw_error *err)
{
	enum gw_err rc = gw_owner_become_of(r->place.state_dir, err);

	if (!rc)
		rc = restore_state(r, err);
	gw_owner_return();
	return rc;
}

static enum gw_err restore_all(struct restore *r, struct gw_error *err)
{
	enum gw_err rc;

	if ((rc = read_archive(r, err)) ||
		(rc = gw_backup_place_find(r->opts->config, &r->config, &r->place, err)) ||
		(rc = keep_daemon_away(r, err)))
		return rc;
	return restore_as_owner(r, err);
}

/* ---- the result ---- */

static int print_result(const struct restore *r)
{
	static const char *const words[] = {[GW_PUT_NONE] = "none",
		[GW_PUT_EQUAL] = "same",
		[GW_PUT_DIFFERS] = "kept",
		[GW_PUT_WRITTEN] = "written"};
	const struct gw_manifest_about *about = &r->archive.about;
	json_t *document;

	if (r->opts->json) {
		document = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:s}", "file",
			r->opts->archive, "folder", r->place.state_dir, "events",
			(json_int_t)about->events, "last_seq", (json_int_t)about->last_seq,
			"unconfirmed", (json_int_t)r->unconfirmed, "replaced",
			r->had_database, "configuration", words[r->put]);
		json_dumpf(document, stdout, JSON_COMPACT);
		json_decref(document);
		putchar('\n');
		return fflush(stdout) ? GW_BACKUP_REFUSED : GW_BACKUP_DONE;
	}
	printf("%s: restored as of %s: %" PRIu64 " events up to #%" PRIu64
	       "; further ones continue with other numbers\n",
		r->place.state_dir, about->made, about->events, about->last_seq);
	if (r->had_database)
		printf("The database that was there is put aside beside it; what it owes is still sent.\n");
	if (r->unconfirmed > 0)
		printf("%" PRId64
		       " alarms stood then, and no database here shows that they stand still: tocsind raises each again, with its old occurrence, when its condition is found true or nothing is heard of it for a minute\n",
			r->unconfirmed);
	if (r->put == GW_PUT_DIFFERS)
		printf("%s differs from that of the backup and is kept; to see the backup's: tar -xOf %s " GW_ARCHIVE_LAST_GOOD
		       "\n",
			r->opts->config, r->opts->archive);
	if (r->put == GW_PUT_NONE)
		printf("The backup has no configuration for %s\n", r->opts->config);
	if (r->put == GW_PUT_WRITTEN)
		printf("%s is written, as there was none that can be used; keys and tokens are not in a backup\n",
			r->opts->config);
	if (r->old[0])
		printf("What was there is kept as %s\n", r->old);
	printf("Now: systemctl start tocsind\n");
	return fflush(stdout) ? GW_BACKUP_REFUSED : GW_BACKUP_DONE;
}

int gw_backup_restore(const struct gw_backup_opts *o)
{
	struct restore r = {.opts = o, .lock = -1, .listen = {.fd = -1}};
	struct gw_error err;
	enum gw_err rc = restore_all(&r, &err);
	int code = GW_BACKUP_REFUSED;

	if (rc)
		fprintf(stderr, "tocsin: %s\n", err.text);
	else if (gw_put_config(&r.config, o->config, r.place.usable, &r.put, r.old, &err)) {
		fprintf(stderr,
			"tocsin: the state is restored in %s, but not the configuration (%s); to get it: tar -xOf %s " GW_ARCHIVE_LAST_GOOD
			"\n",
			r.place.state_dir, err.text, o->archive);
	} else {
		code = print_result(&r);
	}
	gw_listen_close(&r.listen);
	gw_folder_unlock(&r.lock);
	gw_archive_free(&r.archive);
	gw_files_free(&r.config);
	return code;
}
