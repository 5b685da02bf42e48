/* SPDX-License-Identifier: Apache-2.0 */
/* tocsind: the command line, and which configuration is started. */
#include "app/check_running.h"
#include "app/gateway.h"
#include "app/limits.h"
#include "app/start_config.h"
#include "app/tls.h"
#include "app/waiting.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "base/start_memory.h"
#include "conf/load.h"
#include "gw_build.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_BAD_CONFIG = 1, EXIT_CANNOT_START = 2 };

/* libcurl loads GnuTLS for protocols that are not used here. GnuTLS looks for this
 * function before main and then skips its initialisation: 4 ms and 0.8 MiB less. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
	return 1;
}

static void usage(FILE *to)
{
	fputs("usage: tocsind [--config FILE] [--check [--against-running]] [--wait] [--debug]\n"
	      "               [--version] [--help]\n"
	      "  -c, --config FILE  the configuration; default " GW_CONFIG_FILE "\n"
	      "      --check        say all that is wrong with it and exit: 0 good, 1 bad\n"
	      "      --against-running  and what it would leave undelivered in the gateway that runs\n"
	      "      --wait         without a configuration that can be used, wait for one\n"
	      "      --debug        log more\n"
	      "      --version      print the version\n",
		to);
}

static void complain(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

/* libmodbus and others use fd_set: a descriptor of 1024 or more would be written past
 * its end and abort the process. */
static void limit_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 1024) {
		limit.rlim_cur = 1024;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Two heaps are enough for all threads. Large blocks that are rarely used (rings,
 * history) are to stay untouched until then. They do if they are mapped; glibc raises
 * the threshold for that by itself once a large block was freed, unless it is set. */
static void limit_heap(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* SIGHUP before the signals are read waits, instead of ending the process. */
static void block_reloads(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run(const struct gw_config_origin *from, struct gw_config *config)
{
	static struct gw_gateway gateway;
	struct gw_error err = {.kind = GW_OK};
	enum gw_err rc;

	umask(027);
	if (gw_log_writer_start(&err)) {
		gw_log(GW_LOG_ERR, "cannot run: %s", err.text);
		gw_config_free(config);
		return EXIT_CANNOT_START;
	}
	rc = gw_gateway_start(&gateway, from, config, &err);
	gw_start_memory_release();
	if (!rc)
		rc = gw_gateway_run(&gateway, &err);
	if (rc)
		gw_log(GW_LOG_ERR, "cannot run: %s", err.text);
	gw_gateway_stop(&gateway);
	if (!rc)
		gw_log(GW_LOG_NOTICE, "tocsind stopped");
	gw_log_writer_stop();
	return rc ? EXIT_CANNOT_START : EXIT_GOOD;
}

/* ---- a configuration that is refused ---- */

/* The copy is found again by the path: it must not depend on the working directory. */
static const char *absolute(const char *path)
{
	static char whole[PATH_MAX];
	char folder[PATH_MAX];

	if (*path == '/' || !getcwd(folder, sizeof(folder)) ||
		(size_t)snprintf(whole, sizeof(whole), "%s/%s", folder, path) >=
			sizeof(whole))
		return path;
	return whole;
}

struct awaited {
	struct gw_start_config *config;
	struct gw_files before; /* as read by the try before, if they were good */
};

/* A file that is being copied may read well before it is whole: it must be the same at two
 * tries, unless somebody asks. The copy that ran last has a sum over it. */
static bool try_config(void *arg, bool asked, char *ret_line, size_t size)
{
	struct awaited *a = arg;
	struct gw_start_config *s = a->config;
	enum gw_err rc = gw_start_config_load(s);

	if (!rc && (asked || s->copy.n > 0 || gw_files_equal(&s->files, &a->before)))
		return true;
	gw_files_free(&a->before);
	if (rc) {
		gw_start_config_line(s, ret_line, size);
		return false;
	}
	a->before = s->files;
	s->files = (struct gw_files){.n = 0};
	return false;
}

static enum gw_err wait_for_config(struct gw_start_config *s)
{
	struct awaited awaited = {.config = s};
	char socket[PATH_MAX], line[2 * PATH_MAX];
	struct gw_error err;
	enum gw_err rc;

	gw_start_config_socket(s, socket, sizeof(socket));
	gw_start_config_line(s, line, sizeof(line));
	rc = gw_waiting_run(
		&(struct gw_waiting_opts){
			.socket = socket, .try = try_config, .arg = &awaited},
		line, &err);
	if (rc && rc != GW_ERR_STOPPED)
		gw_log(GW_LOG_ERR, "cannot run: %s", err.text);
	gw_files_free(&awaited.before);
	return rc;
}

static int load_and_run(const char *path, bool wait)
{
	struct gw_start_config s = {.path = absolute(path), .brief = wait};
	struct gw_config_origin from = {.path = s.path, .files = &s.files};
	struct gw_config *config;
	enum gw_err rc;
	int code;

	limit_descriptors();
	rc = gw_start_config_load(&s);
	if (rc && wait)
		rc = wait_for_config(&s);
	if (rc) {
		gw_start_config_free(&s);
		return rc == GW_ERR_STOPPED ? EXIT_GOOD : EXIT_BAD_CONFIG;
	}
	if (s.copy.n > 0) {
		from.files = &s.copy;
		from.refused = s.first;
	}
	config = s.config;
	s.config = NULL;
	code = run(&from, config);
	gw_start_config_free(&s);
	return code;
}

static int check(const char *path, bool against_running)
{
	struct gw_complaints complaints = {.say = complain, .inspect_keys = true};
	struct gw_config *config;
	struct gw_limits need, may;
	struct gw_error err;
	int code = EXIT_GOOD;

	if (gw_config_load(path, &config, &complaints))
		return EXIT_BAD_CONFIG;
	need = gw_limits_need(config);
	may = gw_limits_allowed();
	if (gw_limits_check(config, &err)) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		code = EXIT_BAD_CONFIG;
	} else {
		printf("%s: good: %zu sources, %zu points, %zu alarms, %zu uplinks; up to %zu descriptors of %zu, %zu threads",
			path, config->n_sources, config->n_points, config->n_alarms,
			config->n_uplinks, need.descriptors, may.descriptors, need.threads);
		if (may.threads != SIZE_MAX)
			printf(" of %zu", may.threads);
		putchar('\n');
	}
	if (against_running && gw_check_running(config, stderr, &err))
		fprintf(stderr, "%s\n", err.text);
	gw_config_free(config);
	return code;
}

int main(int argc, char **argv)
{
	enum { CHECK = 256, AGAINST, WAIT, DEBUG, VERSION, HELP };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, CHECK},
		{"against-running", no_argument, NULL, AGAINST},
		{"wait", no_argument, NULL, WAIT},
		{"debug", no_argument, NULL, DEBUG},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	const char *path = GW_CONFIG_FILE;
	bool only_check = false, against = false, wait = false, debug = false;

	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (c) {
		case 'c': path = optarg; break;
		case CHECK: only_check = true; break;
		case AGAINST: against = true; break;
		case WAIT: wait = true; break;
		case DEBUG: debug = true; break;
		case VERSION: puts("tocsind " GW_VERSION); return EXIT_GOOD;
		case 'h':
		case HELP: usage(stdout); return EXIT_GOOD;
		default: usage(stderr); return EXIT_CANNOT_START;
		}
	}
	if (against && !only_check) {
		fputs("tocsind: --against-running goes with --check\n", stderr);
		return EXIT_CANNOT_START;
	}
	if (optind < argc) {
		fprintf(stderr, "tocsind: what is \"%s\"? (a file goes after --config)\n",
			argv[optind]);
		usage(stderr);
		return EXIT_CANNOT_START;
	}
	if (!only_check) {
		block_reloads();
		signal(SIGPIPE, SIG_IGN); /* stderr may become a closed pipe */
	}
	limit_heap();
	gw_log_init(debug ? GW_LOG_DEBUG : GW_LOG_INFO);
	if (!gw_tls_reserve())
		gw_log(GW_LOG_WARNING,
			"OpenSSL has no reserve of memory: it was used before");
	return only_check ? check(path, against) : load_and_run(path, wait);
}
