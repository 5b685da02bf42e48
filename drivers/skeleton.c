/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/skeleton.h"

#include "base/clock.h"
#include "base/parse.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* The options of each level, and the rows that fill and document them. */
struct skeleton_point_opts {
	const char *path;
};

static const struct gw_setting no_settings[] = {{.key = NULL}};
static const struct gw_setting point_settings[] = {
	{.key = "path",
		.type = GW_SET_STRING,
		.offset = offsetof(struct skeleton_point_opts, path),
		.required = true,
		.help = "The file that holds the number."},
	{.key = NULL},
};

struct skeleton_state { /* zeroed by the core, one per source */
	const struct gw_source_opts *opts;
	int64_t due_ns; /* of the next reading */
};

static void check(const struct gw_source_opts *opts, struct gw_report *report)
{
	for (size_t d = 0; d < opts->n_devices; d++)
		for (size_t i = 0; i < opts->devices[d].n_points; i++) {
			const struct skeleton_point_opts *p =
				opts->devices[d].points[i].driver;

			if (gw_setting_is_set(p->path) && p->path[0] != '/')
				gw_report(report, &p->path, "path must begin with /");
		}
}

static enum gw_err open_link(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	(void)emit, (void)err; /* a link that can be lost fails here with GW_ERR_LINK */
	((struct skeleton_state *)state)->opts = opts;
	return GW_OK;
}

/* A real driver keeps its link open and reads into memory that open has allocated: between a
 * reading and its sample nothing is allocated. An example with files may. */
static void read_point(const struct gw_point_opts *point, struct gw_emit *emit)
{
	FILE *f = fopen(((const struct skeleton_point_opts *)point->driver)->path, "re");
	int64_t now_ns = gw_clock_boot_ns();
	char line[64] = "";
	double raw;

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (gw_parse_double(line, &raw, NULL) == GW_OK)
		gw_emit_raw(emit, point, GW_QUALITY_GOOD, raw, now_ns, 0);
	else
		gw_emit_unreadable(emit, point, GW_QUALITY_BAD_PAYLOAD,
			f ? "no number" : "no file", line, strlen(line), now_ns);
	if (f)
		fclose(f);
}

static enum gw_err poll_link(
	void *state, int timeout_ms, struct gw_emit *emit, struct gw_error *err)
{
	struct pollfd stop = {.fd = gw_emit_stop_fd(emit), .events = POLLIN};
	struct skeleton_state *s = state;
	int64_t now_ns = gw_clock_boot_ns(), wait_ms;

	(void)err;
	if (now_ns >= s->due_ns) {
		for (size_t d = 0; d < s->opts->n_devices; d++)
			for (size_t i = 0; i < s->opts->devices[d].n_points; i++)
				read_point(&s->opts->devices[d].points[i], emit);
		gw_emit_flush(emit); /* before the wait, not after it */
		s->due_ns = now_ns + s->opts->poll_ns;
	}
	wait_ms = (s->due_ns - now_ns) / GW_NS_PER_MS + 1;
	poll(&stop, 1, wait_ms < timeout_ms ? (int)wait_ms : timeout_ms);
	return gw_emit_stopping(emit) ? GW_ERR_STOPPED : GW_OK;
}

static void close_link(void *state)
{
	(void)state; /* frees what open took; any state, twice */
}

const struct gw_driver gw_driver_skeleton = {
	.name = "skeleton",
	.summary = "numbers in files",
	.source_settings = no_settings,
	.device_settings = no_settings,
	.point_settings = point_settings,
	.point_opts_size = sizeof(struct skeleton_point_opts),
	.state_size = sizeof(struct skeleton_state),
	.descriptors = 1, /* one file at a time */
	.check = check,
	.open = open_link,
	.poll = poll_link,
	.close = close_link,
};
