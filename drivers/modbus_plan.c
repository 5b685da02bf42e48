/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_plan.h"

#include <stdlib.h>

static int compare(const void *va, const void *vb)
{
	const struct gw_modbus_field *a = va, *b = vb;

	if (a->period_ns != b->period_ns)
		return a->period_ns < b->period_ns ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->width != b->width)
		return a->width < b->width ? -1 : 1;
	return a->point < b->point ? -1 : a->point > b->point;
}

void gw_modbus_plan_sort(struct gw_modbus_field *fields, size_t n)
{
	if (n > 1)
		qsort(fields, n, sizeof(*fields), compare);
}

static unsigned max_of(unsigned kind, unsigned max_registers)
{
	return kind <= GW_MODBUS_DISCRETE ? GW_MODBUS_MAX_BITS : max_registers;
}

static unsigned end_of(const struct gw_modbus_field *f)
{
	return (unsigned)f->addr + f->width;
}

static bool same_registers(const struct gw_modbus_field *a, const struct gw_modbus_field *b)
{
	return a->addr == b->addr && a->width == b->width && a->kind == b->kind;
}

static struct gw_modbus_block cover(
	const struct gw_modbus_field *fields, size_t first, size_t n)
{
	unsigned end = 0;

	for (size_t i = first; i < first + n; i++)
		if (end_of(&fields[i]) > end)
			end = end_of(&fields[i]);
	return (struct gw_modbus_block){
		.addr = fields[first].addr,
		.count = (uint16_t)(end - fields[first].addr),
		.kind = fields[first].kind,
		.first = (uint32_t)first,
		.n = (uint32_t)n,
	};
}

size_t gw_modbus_plan_make(const struct gw_modbus_field *fields, size_t n, unsigned max_gap,
	unsigned max_registers, struct gw_modbus_block *ret)
{
	size_t made = 0, first = 0;

	while (first < n) {
		const struct gw_modbus_field *head = &fields[first];
		unsigned end = end_of(head), max = max_of(head->kind, max_registers);
		size_t i = first + 1;

		for (; i < n; i++) {
			const struct gw_modbus_field *f = &fields[i];
			unsigned to = end_of(f) > end ? end_of(f) : end;

			if (f->absent != head->absent || f->period_ns != head->period_ns ||
				f->kind != head->kind)
				break;
			if (head->absent ? !same_registers(f, head)
					 : f->addr > end + max_gap || to - head->addr > max)
				break;
			end = to;
		}
		ret[made++] = cover(fields, first, i - first);
		first = i;
	}
	return made;
}

bool gw_modbus_plan_split(const struct gw_modbus_field *fields,
	const struct gw_modbus_block *b, struct gw_modbus_block ret[2])
{
	const struct gw_modbus_field *f = fields + b->first;
	size_t half = b->n / 2, at;

	/* The place nearest to the middle where the registers change. */
	for (size_t away = 0; away <= b->n; away++) {
		for (int side = 0; side < 2; side++) {
			at = side ? half + away : half - away;
			if (at < 1 || at >= b->n || same_registers(&f[at - 1], &f[at]))
				continue;
			ret[0] = cover(fields, b->first, at);
			ret[1] = cover(fields, b->first + at, b->n - at);
			return true;
		}
	}
	return false;
}

/* How far to look for a different signature; keeps a plan of hundreds of requests cheap. */
#define WINDOW 32

void gw_modbus_plan_order(struct gw_modbus_block *requests, size_t n)
{
	for (size_t at = 0; at + 1 < n; at++) {
		size_t best = at, best_same = 0;
		size_t end = n - at < WINDOW ? n : at + WINDOW;

		/* Of the shapes that differ from the last one, the one with most left over. */
		for (size_t i = at; i < end; i++) {
			size_t same = 0;

			if (at > 0 &&
				gw_modbus_plan_signature(&requests[i]) ==
					gw_modbus_plan_signature(&requests[at - 1]))
				continue;
			for (size_t k = at; k < end; k++)
				same += gw_modbus_plan_signature(&requests[k]) ==
					gw_modbus_plan_signature(&requests[i]);
			if (same > best_same) {
				best_same = same;
				best = i;
			}
		}
		if (best != at) {
			struct gw_modbus_block swapped = requests[best];

			requests[best] = requests[at];
			requests[at] = swapped;
		}
	}
}
