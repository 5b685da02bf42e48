/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive filters. All take one step a sample and warn while their line is at the limit in time
 * and is believed. Their time constant is a tenth of `fit`; a value past the limit ends a
 * warning, and so does half of `within` without a sign.
 */
#include "candidate.h"

#include <math.h>

struct filter {
	struct job job;
	double t_s, level, slope;
	double noise;            /* mean square of what a sample is off the line */
	double p_ll, p_ls, p_ss; /* kalman: covariance */
	double up, down;         /* cusum: sums of the slope's evidence */
	double side, warned_s;
	bool started, active;
};

static void start(void *memory, const struct job *job)
{
	struct filter *m = memory;

	m->job = *job;
}

/* Returns false for the first sample. */
static bool begin(struct filter *m, double t_s, double value, double *ret_dt)
{
	*ret_dt = t_s - m->t_s;
	m->t_s = t_s;
	if (m->started)
		return *ret_dt > 0;
	m->started = true;
	m->level = value;
	m->side = value < m->job.limit ? 1 : -1;
	return false;
}

static bool judge(struct filter *m, double t_s, double value, bool believed)
{
	double left = (m->job.limit - m->level) * m->side, speed = m->slope * m->side;

	if (believed && left > 0 && speed > 0 && left <= speed * m->job.within_s &&
		(m->job.limit - value) * m->side > 0) {
		m->active = true;
		m->warned_s = t_s;
	} else if (t_s - m->warned_s > m->job.within_s / 2) {
		m->active = false;
	}
	return m->active;
}

/* Local linear trend; the slope must be four standard deviations. */
static bool kalman(void *memory, double t_s, double value)
{
	struct filter *m = memory;
	double dt, off, q, gain_l, gain_s, r, s, tau = m->job.fit_s / 10;

	if (!begin(m, t_s, value, &dt))
		return m->active;
	r = fmax(m->noise, 1e-6);
	q = r / (tau * tau * tau);
	m->level += m->slope * dt;
	m->p_ll += 2 * dt * m->p_ls + dt * dt * m->p_ss + q * dt * dt * dt / 3;
	m->p_ls += dt * m->p_ss + q * dt * dt / 2;
	m->p_ss += q * dt;
	off = value - m->level;
	s = m->p_ll + r;
	gain_l = m->p_ll / s;
	gain_s = m->p_ls / s;
	m->level += gain_l * off;
	m->slope += gain_s * off;
	m->p_ss -= gain_s * m->p_ls;
	m->p_ls -= gain_s * m->p_ll;
	m->p_ll -= gain_l * m->p_ll;
	m->noise += (fmin(off * off, 9 * r + 1e-4) - m->noise) *
		fmin(dt / m->job.fit_s, 0.1);
	return judge(m, t_s, value, fabs(m->slope) > 4 * sqrt(m->p_ss));
}

/* Exponential smoothing of level and slope. */
static void smooth(struct filter *m, double dt, double value)
{
	double a = 1 - exp(-dt / (m->job.fit_s / 10)), b = a / 4, before = m->level, off;

	off = value - (m->level + m->slope * dt);
	m->level += m->slope * dt + a * off;
	m->slope += b * ((m->level - before) / dt - m->slope);
	/* What a trend puts off the line is not noise. */
	m->noise += (fmin(off * off, 9 * m->noise + 1e-4) - m->noise) *
		fmin(dt / m->job.fit_s, 0.1);
}

/* Holt; believed when the line moves by four times the noise within its time constant. */
static bool holt(void *memory, double t_s, double value)
{
	struct filter *m = memory;
	double dt;

	if (!begin(m, t_s, value, &dt))
		return m->active;
	smooth(m, dt, value);
	return judge(
		m, t_s, value, fabs(m->slope) * m->job.fit_s / 10 > 4 * sqrt(m->noise));
}

/* The same line; believed while the cumulated sum of the differences, less half a standard
 * deviation each, is over eight. */
static bool cusum(void *memory, double t_s, double value)
{
	struct filter *m = memory;
	double dt, z, level = m->level, sigma = sqrt(fmax(m->noise, 1e-6));

	if (!begin(m, t_s, value, &dt))
		return m->active;
	smooth(m, dt, value);
	z = (value - level) / sigma;
	z = fmax(fmin(z, 3), -3);
	m->up = fmax(0, m->up + z - 0.5);
	m->down = fmax(0, m->down - z - 0.5);
	return judge(m, t_s, value, (m->side > 0 ? m->up : m->down) > 8);
}

const struct candidate candidate_kalman = {"kalman", sizeof(struct filter), start, kalman};
const struct candidate candidate_cusum = {"cusum", sizeof(struct filter), start, cusum};
const struct candidate candidate_holt = {"holt", sizeof(struct filter), start, holt};
