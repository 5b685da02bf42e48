/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candidate.h: a way to foresee that a limit is reached. Each is given the samples of one point,
 * with times in seconds.
 */
#ifndef STUDY_CANDIDATE_H
#define STUDY_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>

struct job {
	double limit, within_s, fit_s;
};

struct candidate {
	const char *name;
	size_t size; /* of its memory, which is zeroed before start */
	void (*start)(void *memory, const struct job *job);
	/* Returns whether it warns now. */
	bool (*sample)(void *memory, double t_s, double value);
};

extern const struct candidate candidate_tocsin;                   /* tocsin.c */
extern const struct candidate candidate_single, candidate_dyadic; /* windows.c */
extern const struct candidate candidate_kalman, candidate_cusum,
	candidate_holt; /* filters.c */

#endif
