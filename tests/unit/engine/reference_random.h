/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference_random.h: chance for the references, the same on every machine, and how many scenarios
 * a test runs: REFERENCE_SEQUENCES, or 1,000,000, or what a slow reference defines before it
 * includes this.
 */
#ifndef REFERENCE_RANDOM_H
#define REFERENCE_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

static uint64_t reference_seed = 42;

/* Evenly from 0 .. n - 1. */
static inline unsigned chance(unsigned n)
{
	reference_seed ^= reference_seed << 13;
	reference_seed ^= reference_seed >> 7;
	reference_seed ^= reference_seed << 17;
	return (unsigned)((reference_seed >> 20) % n);
}

/* The same where numbers have a sign. */
static inline int pick(int n)
{
	return (int)chance((unsigned)n);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REFERENCE_SLOWER 20
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REFERENCE_SLOWER 20
#endif
#ifndef REFERENCE_SLOWER
#define REFERENCE_SLOWER 1
#endif

static inline unsigned long reference_sequences_or(unsigned long otherwise)
{
	const char *set = getenv("REFERENCE_SEQUENCES");

	return set ? strtoul(set, NULL, 10) : otherwise / REFERENCE_SLOWER;
}

#ifndef REFERENCE_USUAL_SEQUENCES
#define REFERENCE_USUAL_SEQUENCES 1000000
#endif

static inline unsigned long reference_sequences(void)
{
	return reference_sequences_or(REFERENCE_USUAL_SEQUENCES);
}

#endif
