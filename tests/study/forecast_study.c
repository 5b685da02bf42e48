/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forecast_study CANDIDATE JOBS SAMPLES: lets a candidate warn over a recording. A line of JOBS is
 * "point,limit,within,fit" with times in seconds; one of SAMPLES "time_ms,point,value". Prints
 * "job,time_ms,1 or 0,value" whenever a warning begins or ends.
 */
#include "candidate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 16384

static const struct candidate *const candidates[] = {&candidate_tocsin, &candidate_single,
	&candidate_dyadic, &candidate_kalman, &candidate_cusum, &candidate_holt};

static struct {
	char point[96];
	void *memory;
	bool active;
} jobs[JOBS_MAX];
static size_t n_jobs;

static void read_jobs(const struct candidate *c, FILE *f)
{
	char line[256];

	while (n_jobs < JOBS_MAX && fgets(line, sizeof line, f)) {
		struct job job;

		if (sscanf(line, "%95[^,],%lf,%lf,%lf", jobs[n_jobs].point, &job.limit,
			    &job.within_s, &job.fit_s) != 4)
			continue;
		jobs[n_jobs].memory = calloc(1, c->size);
		c->start(jobs[n_jobs++].memory, &job);
	}
}

/* Jobs of one point stand together, and so do most samples. */
static size_t first_job(const char *point)
{
	static size_t last;

	if (last < n_jobs && strcmp(jobs[last].point, point) == 0)
		return last;
	for (last = 0; last < n_jobs && strcmp(jobs[last].point, point) != 0;)
		last++;
	return last;
}

static void replay(const struct candidate *c, FILE *f)
{
	char line[256], point[96];
	long long time_ms;
	double value;

	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%lld,%95[^,],%lf", &time_ms, point, &value) != 3)
			continue;
		for (size_t i = first_job(point);
			i < n_jobs && strcmp(jobs[i].point, point) == 0; i++) {
			bool active = c->sample(
				jobs[i].memory, (double)time_ms / 1000, value);

			if (active != jobs[i].active)
				printf("%zu,%lld,%d,%g\n", i, time_ms, active, value);
			jobs[i].active = active;
		}
	}
}

int main(int argc, char **argv)
{
	FILE *f, *samples;

	if (argc != 4 || !(f = fopen(argv[2], "r")) || !(samples = fopen(argv[3], "r")))
		return 2;
	for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
		if (strcmp(candidates[i]->name, argv[1]) == 0) {
			read_jobs(candidates[i], f);
			replay(candidates[i], samples);
			return 0;
		}
	return 2;
}
