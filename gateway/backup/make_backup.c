/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/make_backup.h"

#include "backup/archive_writer.h"
#include "backup/collect.h"
#include "backup/database.h"
#include "backup/place.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A restore replaces what is in a state folder, and a name may be that of the database. */
static enum gw_err check_folder(const char *archive, struct gw_error *err)
{
	const char *slash = strrchr(archive, '/');
	int n = slash ? (int)(slash + 1 - archive) : 0;
	char database[4096 + sizeof(GW_ARCHIVE_DATABASE)];

	if ((size_t)snprintf(database, sizeof(database), "%.*s" GW_ARCHIVE_DATABASE, n,
		    archive) < sizeof(database) &&
		access(database, F_OK) == 0)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"%s would be in a state folder, beside %s: name another folder",
			archive, database);
	return GW_OK;
}

static enum gw_err collect(
	const struct gw_backup_opts *o, struct gw_collected *ret, struct gw_error *err)
{
	struct gw_backup_place place;
	enum gw_err rc = gw_collect_running(o->socket, ret, err);

	if (rc != GW_ERR_LINK)
		return rc;
	rc = gw_backup_place_find(o->config, NULL, &place, err);
	if (rc)
		return rc;
	/* of the last run: the next one commits them */
	if (access(place.spare, F_OK) == 0)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"events of the last run are not in the database yet, but in %s: start tocsind, which takes them over",
			place.spare);
	return gw_collect_stopped(place.state_dir, o->archive, ret, err);
}

static enum gw_err write_archive(const struct gw_backup_opts *o,
	const struct gw_collected *c, const struct gw_manifest_about *about,
	struct gw_error *err)
{
	struct gw_archive_writer w;
	enum gw_err rc = gw_archive_create(&w, o->archive, c->state, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < c->files.n; i++)
		rc = gw_archive_add(&w, c->files.at[i].path, c->files.at[i].bytes,
			c->files.at[i].n, err);
	if (!rc)
		rc = gw_archive_add_fd(&w, GW_ARCHIVE_DATABASE, c->database, err);
	if (!rc)
		rc = gw_archive_finish(&w, about, err);
	gw_archive_discard(&w);
	return rc;
}

static int print_result(const struct gw_backup_opts *o, const struct gw_collected *c,
	const struct gw_manifest_about *about)
{
	bool has_config = gw_files_find(&c->files, GW_ARCHIVE_LAST_GOOD) != NULL;
	struct stat st = {.st_size = 0};
	json_t *document;

	stat(o->archive, &st);
	if (o->json) {
		document = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "file",
			o->archive, "folder", c->folder, "left_out",
			(json_int_t)c->n_left_out, "bytes", (json_int_t)st.st_size,
			"events", (json_int_t)about->events, "run", (json_int_t)about->run,
			"last_seq", (json_int_t)about->last_seq, "configuration",
			has_config);
		json_dumpf(document, stdout, JSON_COMPACT);
		json_decref(document);
		putchar('\n');
	} else {
		printf("%s: %lld kB, %" PRIu64 " events up to #%" PRIu64 " of %s%s\n",
			o->archive, (long long)(st.st_size + 1023) / 1024, about->events,
			about->last_seq, c->folder,
			has_config
				? ""
				: "; without the configuration, of which there is no copy yet");
	}
	return fflush(stdout) ? GW_BACKUP_REFUSED : GW_BACKUP_DONE;
}

int gw_backup_make(const struct gw_backup_opts *o)
{
	struct gw_collected c = {.database = -1};
	struct gw_manifest_about about = {.schema = 0};
	struct gw_error err;
	enum gw_err rc = check_folder(o->archive, &err);
	int code;

	if (!rc)
		rc = collect(o, &c, &err);
	if (!rc)
		rc = gw_database_describe(c.database, &about, &err);
	if (!rc)
		rc = write_archive(o, &c, &about, &err);
	code = rc ? GW_BACKUP_REFUSED : print_result(o, &c, &about);
	if (!rc && c.n_left_out > 0)
		fprintf(stderr,
			"tocsin: %zu databases in quarantine may owe events that are not in this backup (%s): on another box copy them into its state folder before tocsind starts\n",
			c.n_left_out, c.left_out);
	if (rc)
		fprintf(stderr, "tocsin: %s\n", err.text);
	gw_collected_free(&c);
	return code;
}
