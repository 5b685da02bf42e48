/* SPDX-License-Identifier: Apache-2.0 */
/* tocsind: the command line. Everything else is in gateway.c. */
#include "app/gateway.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "gw_build.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { EXIT_GOOD = 0, EXIT_BAD_CONFIG = 1, EXIT_CANNOT_START = 2 };

/* libcurl brings GnuTLS for protocols that nobody speaks here. It asks the program for this
 * function before main, and told so it does not initialise itself: 4 ms and 0.8 MiB less. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
	return 1;
}

static void usage(FILE *to)
{
	fputs("usage: tocsind [--config FILE] [--check] [--debug] [--version] [--help]\n"
	      "  -c, --config FILE  the configuration; default " GW_CONFIG_FILE "\n"
	      "      --check        say all that is wrong with it and exit: 0 good, 1 bad\n"
	      "      --debug        log more\n"
	      "      --version      print the version\n",
		to);
}

static void complain(void *arg, const char *line)
{
	const bool *check = arg;

	if (*check)
		fprintf(stderr, "%s\n", line);
	else /* as the log: a start must not wait for whoever reads it */
		gw_log(GW_LOG_ERR, "%s", line);
}

/* libmodbus and others put descriptors into an fd_set: one at or over 1024 would write past it
 * and abort the process. */
static void limit_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 1024) {
		limit.rlim_cur = 1024;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* A heap for each thread costs memory nobody needs here. And what is large and waits for a bad
 * day (rings, held samples) shall not be touched before: it stays so if it is mapped, which the
 * library stops doing by itself once something large was freed. */
static void thrifty_memory(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* A reload asked for before there is anybody to hear it waits, instead of ending the process. */
static void hold_reloads(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run(const char *path, struct gw_config *config)
{
	static struct gw_gateway gateway;
	struct gw_error err = {.kind = GW_OK};
	enum gw_err kind;

	umask(027);
	limit_descriptors();
	signal(SIGPIPE, SIG_IGN); /* nobody reads stderr any more: no reason to die */
	if (gw_log_writer_start(&err)) {
		gw_log(GW_LOG_ERR, "cannot run: %s", err.text);
		gw_config_free(config);
		return EXIT_CANNOT_START;
	}
	kind = gw_gateway_start(&gateway, path, config, &err);
	malloc_trim(0); /* what reading the configuration took */
	if (!kind)
		kind = gw_gateway_run(&gateway, &err);
	if (kind)
		gw_log(GW_LOG_ERR, "cannot run: %s", err.text);
	gw_gateway_stop(&gateway);
	if (!kind)
		gw_log(GW_LOG_NOTICE, "tocsind stopped");
	gw_log_writer_stop();
	return kind ? EXIT_CANNOT_START : EXIT_GOOD;
}

int main(int argc, char **argv)
{
	enum { CHECK = 256, DEBUG, VERSION, HELP };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, CHECK},
		{"debug", no_argument, NULL, DEBUG},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	const char *path = GW_CONFIG_FILE;
	bool check = false, debug = false;
	struct gw_complaints complaints = {.say = complain, .arg = &check};
	struct gw_config *config;

	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (c) {
		case 'c': path = optarg; break;
		case CHECK: check = true; break;
		case DEBUG: debug = true; break;
		case VERSION: puts("tocsind " GW_VERSION); return EXIT_GOOD;
		case 'h':
		case HELP: usage(stdout); return EXIT_GOOD;
		default: usage(stderr); return EXIT_CANNOT_START;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tocsind: what is \"%s\"? (a file goes after --config)\n",
			argv[optind]);
		usage(stderr);
		return EXIT_CANNOT_START;
	}
	if (!check)
		hold_reloads();
	thrifty_memory();
	gw_log_init(debug ? GW_LOG_DEBUG : GW_LOG_INFO);
	if (gw_config_load(path, &config, &complaints))
		return EXIT_BAD_CONFIG;
	if (!check)
		return run(path, config);
	printf("%s: good: %zu sources, %zu points, %zu alarms, %zu uplinks\n", path,
		config->n_sources, config->n_points, config->n_alarms, config->n_uplinks);
	gw_config_free(config);
	return EXIT_GOOD;
}
