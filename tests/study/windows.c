/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of fixed length in 20 slices, with Mann-Kendall and Theil-Sen. `single` is what the
 * program did up to version 1: one window of `fit`. `dyadic` adds windows of a half down to a
 * sixteenth, wants more of the newer half, and looks ahead at most a window.
 */
#include "candidate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLICES  20
#define LEAST   12 /* slices with samples */
#define WINDOWS 5

struct window {
	double end_s, width_s, sum;
	int count, contrary, turns_away;
	double mean[SLICES]; /* oldest first; NaN: no sample */
	bool home_known, home_over, active;
};

struct windows {
	struct job job;
	bool dyadic, started;
	int n;
	double last;
	struct window window[WINDOWS];
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_value);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

static double slope_of(const double *t, const double *y, int n)
{
	double v[SLICES * SLICES];
	int k = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			v[k++] = (y[i] - y[j]) / (t[i] - t[j]);
	return median(v, k);
}

static double sigma_of(const double *y, int n)
{
	int score = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			score += (y[i] > y[j]) - (y[i] < y[j]);
	return (abs(score) - 1) / sqrt(n * (n - 1) * (2 * n + 5) / 18.0);
}

static bool reaches(struct windows *m, struct window *w, int k)
{
	static const double ahead[WINDOWS] = {1, 0.75, 0.5, 0.5, 0.5};
	double t[SLICES] = {0}, y[SLICES] = {0}, level[SLICES], slope = 0, older, newer,
	       now, eta;
	double share = m->dyadic ? 2.0 / 3 : 1.0 / 3;
	bool moving, over;
	int n = 0;

	for (int i = 0; i < SLICES; i++)
		if (!isnan(w->mean[i])) {
			t[n] = i;
			y[n++] = w->mean[i];
		}
	if (n < LEAST)
		return false;
	if (sigma_of(y, n) >= (m->dyadic ? 3.5 : 3))
		slope = slope_of(t, y, n);
	for (int i = 0; i < n; i++)
		level[i] = y[i] - slope * (t[i] - t[n - 1]);
	now = median(level, n);
	older = slope_of(t, y, n / 2);
	newer = slope_of(t + n / 2, y + n / 2, n - n / 2);
	moving = fabs(slope) > 0 && older / slope >= 1.0 / 3 && newer / slope >= share;
	over = now > m->job.limit;
	w->turns_away = over == w->home_over || moving ? 0 : w->turns_away + 1;
	if (!w->home_known || w->turns_away == SLICES) {
		w->home_known = true;
		w->home_over = over;
		w->turns_away = 0;
	}
	if (!moving || (slope < 0) != w->home_over)
		return false;
	if (m->dyadic && fabs(newer) < fabs(slope))
		slope = newer;
	eta = fmax((m->job.limit - now) / slope, 0) * w->width_s;
	if (m->dyadic &&
		(eta > ahead[k] * w->width_s * SLICES || over != w->home_over ||
			(m->last > m->job.limit) != w->home_over))
		return false;
	return eta <= m->job.within_s;
}

static void end_slice(struct windows *m, int k, double t_s)
{
	struct window *w = &m->window[k];
	int slices = 1 + (int)fmin((t_s - w->end_s) / w->width_s, SLICES);

	if (w->count) {
		int wanted = m->dyadic && k >= 2 && !w->active ? 3 : 2;
		bool found;

		for (int i = 0; i < slices && i < SLICES; i++) {
			memmove(w->mean, w->mean + 1, sizeof w->mean - sizeof *w->mean);
			w->mean[SLICES - 1] = i ? (double)NAN : w->sum / w->count;
		}
		found = reaches(m, w, k);
		w->contrary = found == w->active ? 0 : w->contrary + 1;
		if (w->contrary >= wanted) {
			w->active = found;
			w->contrary = 0;
		}
	}
	w->sum = 0;
	w->count = 0;
	w->end_s += w->width_s * (1 + floor((t_s - w->end_s) / w->width_s));
}

static bool sample(void *memory, double t_s, double value)
{
	struct windows *m = memory;
	bool active = false;

	m->last = value;
	for (int k = 0; k < m->n; k++) {
		struct window *w = &m->window[k];

		if (!m->started)
			w->end_s = t_s + w->width_s;
		if (t_s >= w->end_s)
			end_slice(m, k, t_s);
		w->sum += value;
		w->count++;
		active |= w->active;
	}
	m->started = true;
	return active;
}

static void start(struct windows *m, const struct job *job, int n)
{
	m->job = *job;
	m->n = n;
	m->dyadic = n > 1;
	for (int k = 0; k < n; k++) {
		m->window[k].width_s = job->fit_s / SLICES / (1 << k);
		for (int i = 0; i < SLICES; i++)
			m->window[k].mean[i] = (double)NAN;
	}
}

static void start_single(void *memory, const struct job *job)
{
	start(memory, job, 1);
}

static void start_dyadic(void *memory, const struct job *job)
{
	start(memory, job, WINDOWS);
}

const struct candidate candidate_single = {
	"single", sizeof(struct windows), start_single, sample};
const struct candidate candidate_dyadic = {
	"dyadic", sizeof(struct windows), start_dyadic, sample};
