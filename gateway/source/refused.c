/* SPDX-License-Identifier: Apache-2.0 */
#include "source/refused.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* Refused again within this time it goes to and fro. */
#define AGAIN_NS      (600 * GW_NS_PER_SEC)
#define HOLD_FIRST_NS (10 * GW_NS_PER_SEC)
#define HOLD_MOST_NS  (3600 * GW_NS_PER_SEC)
#define SHOWN_BYTES   48

enum gw_err gw_refused_init(struct gw_refusals *r, size_t n_points, struct gw_error *err)
{
	*r = (struct gw_refusals){.at = calloc(n_points + 1, sizeof(r->at[0]))};
	return r->at ? GW_OK : gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
}

void gw_refused_fini(struct gw_refusals *r)
{
	free(r->at);
	*r = (struct gw_refusals){0};
}

static int64_t hold_after(const struct gw_refused *was, int64_t mono_ns)
{
	int64_t hold_ns = 2 * was->hold_ns;

	if (was->back_ns == 0 || mono_ns - was->back_ns >= AGAIN_NS)
		return 0;
	if (hold_ns < HOLD_FIRST_NS)
		return HOLD_FIRST_NS;
	return hold_ns < HOLD_MOST_NS ? hold_ns : HOLD_MOST_NS;
}

bool gw_refused_note(
	struct gw_refusals *r, const struct gw_point_opts *point, int64_t mono_ns)
{
	struct gw_refused *p = &r->at[point->index];
	bool news = p->since_ns == 0;

	if (news) {
		*p = (struct gw_refused){.point = point,
			.since_ns = mono_ns ? mono_ns : 1,
			.hold_ns = hold_after(p, mono_ns)};
		r->n_now++;
	}
	p->last_ns = mono_ns;
	p->times++;
	return news;
}

static void add_name(struct gw_text *t, const char *source, const struct gw_point_opts *p)
{
	if (p->info)
		gw_text_add(t, p->info->key);
	else
		gw_text_addf(t, "%s/%s", source, p->name ? p->name : "?");
}

/* What came from outside goes into the log as one line of clean UTF-8. */
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

void gw_refused_say(const char *source, const struct gw_point_opts *point, const char *why,
	const void *bytes, size_t n)
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

void gw_refused_recover(
	struct gw_refusals *r, const char *source, uint32_t point, int64_t mono_ns)
{
	struct gw_refused *p = &r->at[point];
	int64_t lasted_s = (mono_ns - p->since_ns) / GW_NS_PER_SEC;
	char memory[320];
	struct gw_text t;

	if (p->since_ns == 0 || mono_ns - p->last_ns < p->hold_ns)
		return;
	gw_text_init(&t, memory, sizeof(memory));
	add_name(&t, source, p->point);
	gw_text_addf(&t,
		": readable again after %02" PRId64 ":%02" PRId64 ":%02" PRId64
		", refused %" PRIu64 " %s",
		lasted_s / 3600, lasted_s / 60 % 60, lasted_s % 60, p->times,
		p->times == 1 ? "time" : "times");
	gw_log(GW_LOG_NOTICE, "%s", memory);
	p->since_ns = 0;
	p->back_ns = mono_ns;
	r->n_now--;
}
