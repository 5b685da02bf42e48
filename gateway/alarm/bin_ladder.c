/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/bin_ladder.h"

#include <stdbool.h>
#include <string.h>

static size_t first_of(unsigned level)
{
	return level ? GW_LADDER_FINEST + (level - 1) * (size_t)GW_LADDER_COARSE : 0;
}

/* Times may have wrapped around between the two. */
static uint32_t middle(uint32_t older, uint32_t newer)
{
	return older + (newer - older) / 2;
}

static float mean(float a, float b)
{
	return (float)(((double)a + (double)b) / 2);
}

unsigned gw_ladder_push(struct gw_bin_ladder *l, uint32_t t, float y)
{
	unsigned level = 0;

	for (;;) {
		size_t capacity = level ? GW_LADDER_COARSE : GW_LADDER_FINEST;
		float *ys = l->y + first_of(level);
		uint32_t *ts = l->t + first_of(level), merged_t = 0;
		uint8_t *n = &l->n[level];
		bool full = *n == capacity;
		float merged_y = 0;

		if (full) {
			merged_t = middle(ts[0], ts[1]);
			merged_y = mean(ys[0], ys[1]);
			*n -= 2;
			memmove(ys, ys + 2, *n * sizeof *ys);
			memmove(ts, ts + 2, *n * sizeof *ts);
		}
		ts[*n] = t;
		ys[(*n)++] = y;
		level++;
		if (!full || level == l->levels)
			return level;
		t = merged_t;
		y = merged_y;
	}
}

/* Two bins become one; the window must be full. */
static void halve(struct gw_bin_window *w)
{
	w->n = GW_LADDER_WINDOW / 2;
	for (size_t i = 0; i < w->n; i++) {
		w->t[i] = middle(w->t[2 * i], w->t[2 * i + 1]);
		w->y[i] = mean(w->y[2 * i], w->y[2 * i + 1]);
	}
}

/* Bins of a level come before those of the window. */
static void put_before(
	const struct gw_bin_ladder *l, unsigned level, struct gw_bin_window *w)
{
	size_t n = l->n[level], skipped = 0, at = first_of(level);

	if (n + w->n > GW_LADDER_WINDOW)
		skipped = n + w->n - GW_LADDER_WINDOW;
	n -= skipped;
	memmove(w->y + n, w->y, w->n * sizeof *w->y);
	memmove(w->t + n, w->t, w->n * sizeof *w->t);
	memcpy(w->y, l->y + at + skipped, n * sizeof *w->y);
	memcpy(w->t, l->t + at + skipped, n * sizeof *w->t);
	w->n += n;
}

void gw_ladder_window(
	const struct gw_bin_ladder *l, unsigned level, struct gw_bin_window *ret_window)
{
	ret_window->n = 0;
	put_before(l, 0, ret_window);
	/* A level has a new bin only when all finer ones have just passed two on, which leaves
	 * each of them with just enough for a full window. */
	for (unsigned k = 1; k <= level; k++) {
		halve(ret_window);
		put_before(l, k, ret_window);
	}
}

bool gw_ladder_holds(const struct gw_bin_ladder *l, size_t i)
{
	size_t level = i < GW_LADDER_FINEST ? 0
					    : 1 + (i - GW_LADDER_FINEST) / GW_LADDER_COARSE;

	return i - first_of((unsigned)level) < l->n[level];
}
