/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin-replay: what `tocsin replay` runs. A program of its own, because it holds the engine and
 * the reader of configurations, which the command line has no other use for. */
#include "base/clock.h"
#include "gw_build.h"
#include "replay/progress.h"
#include "replay/report.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 4096

enum exit_code { DONE = 0, BAD = 1, USAGE = 2 };

struct asked {
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

static void tell(void *arg, const struct gw_event *event)
{
	gw_report_event(arg, event);
}

/* The place of what is wrong in a file, where people and editors look for it. */
static int fail_file(const struct gw_input *in, const struct gw_error *err)
{
	char memory[4096 + 64];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	gw_input_where(in, &t);
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", memory, err->text);
	return BAD;
}

static int open_run(struct gw_run *run, const char *path)
{
	struct gw_complaints complaints = {.say = complain};
	struct gw_config *config;
	struct gw_error err;

	if (gw_config_load(path, &config, &complaints))
		return BAD;
	return gw_run_open(run, config, &err) ? fail(err.text) : DONE;
}

static int feed(struct gw_input *in, struct gw_run *now, struct gw_run *was)
{
	static struct gw_reading batch[BATCH];
	struct gw_progress progress;
	struct gw_error err;
	size_t n = 1;
	int code = DONE;

	gw_progress_begin(&progress, stderr, isatty(STDERR_FILENO), gw_clock_mono_ns());
	while (code == DONE && n) {
		if (gw_input_next(in, batch, BATCH, &n, &err)) {
			gw_progress_end(&progress);
			return fail_file(in, &err);
		}
		if (gw_run_feed(now, &in->names, batch, n, &err) ||
			(was && gw_run_feed(was, &in->names, batch, n, &err)))
			code = fail(err.text);
		gw_progress_show(
			&progress, in->bytes, in->total, in->readings, gw_clock_mono_ns());
	}
	gw_progress_end(&progress);
	if (code == DONE && (gw_run_end(now, &err) || (was && gw_run_end(was, &err))))
		code = fail(err.text);
	return code;
}

static int report(const struct asked *a, const struct gw_input *in,
	const struct gw_run *now, const struct gw_run *was)
{
	struct gw_report_against against = {.path = a->against, .was = was};
	struct gw_pairs pairs = {0};
	struct gw_error err;

	if (was) {
		if (gw_pairs_make(now, was, &pairs, &err))
			return fail(err.text);
		against.pairs = &pairs;
	}
	if (!a->json)
		gw_report_print(stdout, a->colour, in, now, &against);
	else if (was)
		gw_report_pairs(stdout, now, &against);
	gw_pairs_free(&pairs);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail("cannot write to standard output");
	gw_report_holes(stderr, in);
	gw_report_unknown(stderr, in, now, a->config);
	if (was)
		gw_report_unknown(stderr, in, was, a->against);
	return DONE;
}

static int replay(const struct asked *a)
{
	static struct gw_run now, was;
	static struct gw_input in;
	struct gw_error err;
	int code = open_run(&now, a->config);

	if (a->against && open_run(&was, a->against) != DONE)
		code = BAD;
	if (code == DONE && a->json) {
		now.tell = tell;
		now.arg = stdout;
	}
	if (code == DONE && gw_input_open(&in, a->files, &err))
		code = fail_file(&in, &err);
	if (code == DONE)
		code = feed(&in, &now, a->against ? &was : NULL);
	if (code == DONE)
		code = report(a, &in, &now, a->against ? &was : NULL);
	gw_input_close(&in);
	gw_run_close(&now);
	gw_run_close(&was);
	return code;
}

static int usage(void)
{
	fputs("usage: tocsin replay --config NEW.yaml [--against OLD.yaml] [--json] "
	      "FILE...\n",
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
	struct asked a = {0};

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
