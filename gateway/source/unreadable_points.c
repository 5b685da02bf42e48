/* SPDX-License-Identifier: Apache-2.0 */
#include "source/unreadable_points.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* Unreadable again within this time: the point keeps changing. */
#define RELAPSE_NS      (600 * GW_NS_PER_SEC)
#define STABLE_FIRST_NS (10 * GW_NS_PER_SEC)
#define STABLE_MAX_NS   (3600 * GW_NS_PER_SEC)
#define SHOWN_BYTES     48

enum gw_err gw_unreadable_points_init(
	struct gw_unreadable_points *p, size_t n_points, struct gw_error *err)
{
	*p = (struct gw_unreadable_points){.at = calloc(n_points + 1, sizeof(p->at[0]))};
	return p->at ? GW_OK : gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
}

void gw_unreadable_points_fini(struct gw_unreadable_points *p)
{
	free(p->at);
	*p = (struct gw_unreadable_points){0};
}

static int64_t stable_after(const struct gw_unreadable_point *was, int64_t boot_ns)
{
	int64_t stable_ns = 2 * was->stable_ns;

	if (was->recovered_ns == 0 || boot_ns - was->recovered_ns >= RELAPSE_NS)
		return 0;
	if (stable_ns < STABLE_FIRST_NS)
		return STABLE_FIRST_NS;
	return stable_ns < STABLE_MAX_NS ? stable_ns : STABLE_MAX_NS;
}

bool gw_unreadable_points_add(struct gw_unreadable_points *points,
	const struct gw_point_opts *point, int64_t boot_ns)
{
	struct gw_unreadable_point *p = &points->at[point->index];
	bool is_new = p->since_ns == 0;

	if (is_new) {
		*p = (struct gw_unreadable_point){.point = point,
			.since_ns = boot_ns ? boot_ns : 1,
			.stable_ns = stable_after(p, boot_ns)};
		points->n_now++;
	}
	p->last_ns = boot_ns;
	p->n_refusals++;
	return is_new;
}

static void add_name(struct gw_text *t, const char *source, const struct gw_point_opts *p)
{
	if (p->info)
		gw_text_add(t, p->info->key);
	else
		gw_text_addf(t, "%s/%s", source, p->name ? p->name : "?");
}

/* Bytes from outside are logged as one line of valid UTF-8. */
static void add_bytes(struct gw_text *t, const char *bytes, size_t n)
{
	size_t shown = n < SHOWN_BYTES ? n : SHOWN_BYTES, length;

	for (size_t i = 0; i < shown; i += length) {
		length = gw_text_utf8(bytes + i, n - i);
		if (length == 0 || (unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f ||
			(length == 2 && (unsigned char)bytes[i] == 0xc2 &&
				(unsigned char)bytes[i + 1] < 0xa0)) {
			gw_text_add(t, "?");
			length = length ? length : 1;
		} else {
			gw_text_add_n(t, bytes + i, length);
		}
	}
	if (n > shown)
		gw_text_add(t, "...");
}

void gw_unreadable_points_log(const char *source, const struct gw_point_opts *point,
	const char *why, const void *bytes, size_t n)
{
	char memory[512];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	add_name(&t, source, point);
	gw_text_addf(&t, ": no value: %s", why);
	if (n > 0) {
		gw_text_add(&t, ": ");
		add_bytes(&t, bytes, n);
	}
	gw_log(GW_LOG_WARNING, "%s", memory);
}

void gw_unreadable_points_recover(struct gw_unreadable_points *points, const char *source,
	uint32_t point, int64_t boot_ns)
{
	struct gw_unreadable_point *p = &points->at[point];
	int64_t lasted_s = (boot_ns - p->since_ns) / GW_NS_PER_SEC;
	char memory[320];
	struct gw_text t;

	if (p->since_ns == 0 || boot_ns - p->last_ns < p->stable_ns)
		return;
	gw_text_init(&t, memory, sizeof(memory));
	add_name(&t, source, p->point);
	gw_text_addf(&t,
		": readable again after %02" PRId64 ":%02" PRId64 ":%02" PRId64
		", refused %" PRIu64 " %s",
		lasted_s / 3600, lasted_s / 60 % 60, lasted_s % 60, p->n_refusals,
		p->n_refusals == 1 ? "time" : "times");
	gw_log(GW_LOG_NOTICE, "%s", memory);
	p->since_ns = 0;
	p->recovered_ns = boot_ns;
	points->n_now--;
}
