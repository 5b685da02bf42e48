/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin-replay: what `tocsin replay` runs. A program of its own, because it contains
 * the engine and the reader of configurations, which other commands do not need. */
#include "base/clock.h"
#include "conf/load.h"
#include "gw_build.h"
#include "replay/progress.h"
#include "replay/report.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 4096

enum exit_code { DONE = 0, BAD = 1, USAGE = 2 };

struct invocation {
	const char *config, *against;
	const char *const *files; /* ended by NULL */
	bool json, colour;
};

static int fail(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "tocsin: %s\n", what);
	return BAD;
}

static void complain(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static void on_event(void *arg, const struct gw_event *event)
{
	gw_report_event(arg, event);
}

/* FILE:LINE:COLUMN first, where editors look for it. */
static int fail_file(const struct gw_replay_input *in, const struct gw_error *err)
{
	char memory[4096 + 64];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	gw_replay_input_where(in, &t);
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", memory, err->text);
	return BAD;
}

static int open_run(struct gw_replay_run *run, const char *path)
{
	struct gw_complaints complaints = {.say = complain};
	struct gw_config *config;
	struct gw_error err;

	if (gw_config_load(path, &config, &complaints))
		return BAD;
	return gw_replay_run_open(run, config, &err) ? fail(err.text) : DONE;
}

static int run_files(
	struct gw_replay_input *in, struct gw_replay_run *new, struct gw_replay_run *old)
{
	static struct gw_reading batch[BATCH];
	struct gw_progress progress;
	struct gw_error err;
	size_t n = 1;
	int code = DONE;

	gw_progress_begin(&progress, stderr, isatty(STDERR_FILENO), gw_clock_boot_ns());
	while (code == DONE && n) {
		if (gw_replay_input_next(in, batch, BATCH, &n, &err)) {
			gw_progress_end(&progress);
			return fail_file(in, &err);
		}
		if (gw_replay_run_process(new, &in->names, batch, n, &err) ||
			(old && gw_replay_run_process(old, &in->names, batch, n, &err)))
			code = fail(err.text);
		gw_progress_print(
			&progress, in->bytes, in->total, in->readings, gw_clock_boot_ns());
	}
	gw_progress_end(&progress);
	if (code == DONE &&
		(gw_replay_run_end(new, &err) || (old && gw_replay_run_end(old, &err))))
		code = fail(err.text);
	return code;
}

static int report(const struct invocation *a, const struct gw_replay_input *in,
	const struct gw_replay_run *new, const struct gw_replay_run *old)
{
	struct gw_report_baseline against = {.path = a->against, .old = old};
	struct gw_comparison comparison = {0};
	struct gw_error err;

	if (old) {
		if (gw_compare_runs(new, old, &comparison, &err))
			return fail(err.text);
		against.comparison = &comparison;
	}
	if (!a->json)
		gw_report_print(stdout, a->colour, in, new, &against);
	else if (old)
		gw_report_changes(stdout, new, &against);
	gw_comparison_free(&comparison);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail("cannot write to standard output");
	gw_report_gaps(stderr, in);
	gw_report_unknown(stderr, in, new, a->config);
	if (old)
		gw_report_unknown(stderr, in, old, a->against);
	return DONE;
}

static int replay(const struct invocation *a)
{
	static struct gw_replay_run new, old;
	static struct gw_replay_input in;
	struct gw_error err;
	int code = open_run(&new, a->config);

	if (a->against && open_run(&old, a->against) != DONE)
		code = BAD;
	if (code == DONE && a->json) {
		new.on_event = on_event;
		new.arg = stdout;
	}
	if (code == DONE && gw_replay_input_open(&in, a->files, &err))
		code = fail_file(&in, &err);
	if (code == DONE)
		code = run_files(&in, &new, a->against ? &old : NULL);
	if (code == DONE)
		code = report(a, &in, &new, a->against ? &old : NULL);
	gw_replay_input_close(&in);
	gw_replay_run_close(&new);
	gw_replay_run_close(&old);
	return code;
}

static int usage(void)
{
	fputs("usage: tocsin replay --config NEW.yaml [--against OLD.yaml] [--json] FILE...\n",
		stderr);
	return USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"against", required_argument, NULL, 'A'},
		{"json", no_argument, NULL, 'j'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *no_colour = getenv("NO_COLOR");
	struct invocation a = {0};

	for (int c; (c = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
		switch (c) {
		case 'c': a.config = optarg; break;
		case 'A': a.against = optarg; break;
		case 'j': a.json = true; break;
		case 'V': puts("tocsin-replay " GW_VERSION); return DONE;
		default: return usage();
		}
	}
	if (!a.config || optind == argc)
		return usage();
	a.files = (const char *const *)(argv + optind);
	a.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !a.json;
	return replay(&a);
}
