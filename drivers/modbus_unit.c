/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_unit.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_AFTER            2
#define RETRY_NS              GW_NS_PER_SEC /* after the first failure, if not due sooner */
#define PROBE_FIRST_NS        GW_NS_PER_SEC
#define PROBE_MAX_NS          (30 * GW_NS_PER_SEC)
#define ABSENT_RETRY_FIRST_NS (2 * GW_NS_PER_SEC)
#define ABSENT_RETRY_MAX_NS   (60 * GW_NS_PER_SEC)
#define MIN_MAX_REGISTERS     4 /* registers of the widest value */

/* The first regular time after now. */
static int64_t regular_after(
	const struct gw_modbus_unit *u, int64_t period_ns, int64_t now_ns)
{
	if (now_ns < u->start_ns)
		return u->start_ns;
	return u->start_ns + ((now_ns - u->start_ns) / period_ns + 1) * period_ns;
}

static void set_poll(struct gw_modbus_unit *u, struct gw_modbus_poll *p,
	const struct gw_modbus_block *block, int64_t due_ns, int64_t now_ns)
{
	int64_t period = u->fields[block->first].period_ns;

	*p = (struct gw_modbus_poll){
		.block = *block,
		.period_ns = period,
		.due_ns = due_ns,
		.regular_ns = regular_after(u, period, now_ns),
		.retry_ns = ABSENT_RETRY_FIRST_NS,
	};
}

enum replan {
	PLAN_NEXT,   /* all was just read: at the next regular time, absent ones later */
	PLAN_ABSENT, /* absent registers were answered: try the others at once */
	PLAN_ALL,    /* everything at once, absent ones later */
};

/* Make the requests anew from what is known of the register map. */
static void plan(struct gw_modbus_unit *u, enum replan mode, int64_t now_ns)
{
	u->n_polls = gw_modbus_plan_make(
		u->fields, u->n_fields, u->max_gap, u->max_registers, u->scratch);
	gw_modbus_plan_order(u->scratch, u->n_polls);
	for (size_t i = 0; i < u->n_polls; i++) {
		struct gw_modbus_poll *p = &u->polls[i];

		set_poll(u, p, &u->scratch[i], now_ns, now_ns);
		if (!u->fields[p->block.first].absent)
			p->due_ns = mode == PLAN_ALL ? now_ns : p->regular_ns;
		else if (mode != PLAN_ABSENT)
			p->due_ns = p->regular_ns = now_ns + p->retry_ns;
	}
	u->probe = 0;
}

enum gw_err gw_modbus_unit_init(struct gw_modbus_unit *u, uint8_t id, bool serial,
	unsigned max_gap, const struct gw_modbus_field *fields, size_t n_fields,
	uint64_t seed, int64_t now_ns, struct gw_error *err)
{
	*u = (struct gw_modbus_unit){
		.id = id,
		.serial = serial,
		.n_fields = n_fields,
		.start_ns = now_ns,
		.max_gap = max_gap,
		.wide = n_fields > 0 && fields[0].wide,
		.max_registers = n_fields > 0 && fields[0].wide
			? GW_MODBUS_MAX_WIDE_REGISTERS
			: GW_MODBUS_MAX_REGISTERS,
	};
	u->fields = calloc(n_fields, sizeof(*u->fields));
	u->polls = calloc(n_fields, sizeof(*u->polls));
	u->scratch = calloc(n_fields, sizeof(*u->scratch));
	if (!u->fields || !u->polls || !u->scratch) {
		gw_modbus_unit_fini(u);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "unit %u: out of memory", id);
	}
	memcpy(u->fields, fields, n_fields * sizeof(*fields));
	gw_modbus_plan_sort(u->fields, n_fields);
	gw_backoff_init(&u->backoff, PROBE_FIRST_NS, PROBE_MAX_NS, seed);
	plan(u, PLAN_ALL, now_ns);
	for (size_t i = 0; i < u->n_polls; i++)
		u->polls[i].regular_ns = now_ns;
	return GW_OK;
}

void gw_modbus_unit_fini(struct gw_modbus_unit *u)
{
	free(u->fields);
	free(u->polls);
	free(u->scratch);
	memset(u, 0, sizeof(*u));
}

int64_t gw_modbus_unit_next_ns(const struct gw_modbus_unit *u)
{
	int64_t next = INT64_MAX;

	if (u->dead)
		return u->backoff.next_ns;
	for (size_t i = 0; i < u->n_polls; i++)
		if (u->polls[i].due_ns < next)
			next = u->polls[i].due_ns;
	return next;
}

static bool is_overdue(const struct gw_modbus_unit *u, uint32_t signature)
{
	for (unsigned i = 0; i < u->n_overdue && i < GW_MODBUS_OVERDUE_MAX; i++)
		if (u->overdue[i] == signature)
			return true;
	return u->n_overdue > GW_MODBUS_OVERDUE_MAX;
}

size_t gw_modbus_unit_pick(struct gw_modbus_unit *u, int64_t now_ns)
{
	size_t best = 0;
	bool best_distinguishable = false, found = false;

	if (u->dead)
		return u->probe++ % u->n_polls;
	if (u->n_polls == 1)
		return 0;
	for (size_t i = 0; i < u->n_polls; i++) {
		const struct gw_modbus_poll *p = &u->polls[i];
		uint32_t signature = gw_modbus_plan_signature(&p->block);
		bool distinguishable = signature != u->last_signature &&
			!is_overdue(u, signature);

		if (p->due_ns > now_ns ||
			(found && best_distinguishable && !distinguishable))
			continue;
		if (!found || distinguishable != best_distinguishable ||
			p->due_ns < u->polls[best].due_ns) {
			best = i;
			best_distinguishable = distinguishable;
			found = true;
		}
	}
	return best;
}

uint64_t gw_modbus_unit_on_sent(struct gw_modbus_unit *u, size_t poll, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	int64_t missed = 0;

	u->last_signature = gw_modbus_plan_signature(&p->block);
	if (now_ns >= p->regular_ns) {
		missed = (now_ns - p->regular_ns) / p->period_ns;
		p->regular_ns += (missed + 1) * p->period_ns;
	}
	p->due_ns = p->regular_ns;
	return u->dead ? 0 : (uint64_t)missed;
}

bool gw_modbus_unit_may_be_stale(
	struct gw_modbus_unit *u, size_t poll, bool exception, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	bool stale = exception ? u->n_overdue > 0
			       : is_overdue(u, gw_modbus_plan_signature(&p->block));

	u->n_overdue = 0;
	if (stale) {
		p->due_ns = now_ns;
		if (u->dead) {
			u->probe = poll;
			u->backoff.next_ns = now_ns;
		}
	}
	return stale;
}

bool gw_modbus_unit_is_unresponsive(const struct gw_modbus_unit *u)
{
	return u->dead || (!u->seen && u->failures > 0);
}

static void mark_alive(
	struct gw_modbus_unit *u, int64_t now_ns, struct gw_modbus_change *ret)
{
	u->failures = 0;
	u->seen = true;
	if (!u->dead)
		return;
	u->dead = false;
	gw_backoff_succeeded(&u->backoff);
	ret->revived = true;
	/* It may have been replaced, or be starting up: what it refused before says little. */
	for (size_t i = 0; i < u->n_fields; i++)
		u->fields[i].known = false;
	for (size_t i = 0; i < u->n_polls; i++) {
		struct gw_modbus_poll *p = &u->polls[i];

		p->regular_ns = regular_after(u, p->period_ns, now_ns);
		p->due_ns = now_ns;
		p->failures = 0;
	}
}

/* Once every part of a refused request was answered or refused, join again what is answered. */
static void end_search(struct gw_modbus_unit *u, enum replan mode, int64_t now_ns)
{
	for (size_t i = 0; i < u->n_polls; i++)
		if (u->polls[i].halving)
			return;
	plan(u, mode, now_ns);
}

void gw_modbus_unit_on_response(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	struct gw_modbus_field *f = &u->fields[p->block.first];
	bool changes_plan = p->halving || f->absent;
	enum replan mode = f->absent ? PLAN_ABSENT : PLAN_NEXT;

	*ret_change = (struct gw_modbus_change){0};
	mark_alive(u, now_ns, ret_change);
	p->failures = 0;
	p->worked = true;
	p->retry_ns = ABSENT_RETRY_FIRST_NS;
	p->due_ns = p->regular_ns;
	if (!changes_plan)
		return;
	p->halving = false;
	for (uint32_t i = 0; i < p->block.n; i++) {
		f[i].absent = false;
		f[i].known = true;
	}
	end_search(u, mode, now_ns);
}

static bool all_known(const struct gw_modbus_unit *u, const struct gw_modbus_block *block)
{
	for (uint32_t i = block->first; i < block->first + block->n; i++)
		if (!u->fields[i].known)
			return false;
	return true;
}

/* Replace it by two requests for its halves, due at once. False if it cannot be made smaller. */
static bool split(struct gw_modbus_unit *u, size_t poll, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	struct gw_modbus_block half[2];

	if (!gw_modbus_plan_split(u->fields, &p->block, half))
		return false;
	set_poll(u, p, &half[0], now_ns, now_ns);
	p->halving = true;
	p = &u->polls[u->n_polls++];
	set_poll(u, p, &half[1], now_ns, now_ns);
	p->halving = true;
	return true;
}

/* A request was refused. True if smaller ones are tried now. */
static bool reduce(struct gw_modbus_unit *u, size_t poll, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];

	if (!p->halving && all_known(u, &p->block)) {
		/* Each part of it is answered, so the gap or the length is refused. */
		if (u->max_gap > 0)
			u->max_gap = 0;
		else if (p->block.kind > GW_MODBUS_DISCRETE &&
			p->block.count > MIN_MAX_REGISTERS)
			u->max_registers = p->block.count / 2 > MIN_MAX_REGISTERS
				? p->block.count / 2U
				: MIN_MAX_REGISTERS;
		else
			return false;
		plan(u, PLAN_ALL, now_ns);
		return true;
	}
	return split(u, poll, now_ns);
}

static void set_poll_bad(const struct gw_modbus_block *block, struct gw_modbus_change *ret)
{
	ret->poll_bad = true;
	ret->first = block->first;
	ret->n = block->n;
}

/* The time to the next try doubles with each failure, up to a bound. */
static void postpone(struct gw_modbus_poll *p, int64_t now_ns)
{
	p->due_ns = p->regular_ns = now_ns +
		(p->retry_ns > p->period_ns ? p->retry_ns : p->period_ns);
	p->retry_ns = p->retry_ns * 2 < ABSENT_RETRY_MAX_NS ? p->retry_ns * 2
							    : ABSENT_RETRY_MAX_NS;
}

/* The device does not have the registers of this request. */
static void mark_absent(
	struct gw_modbus_unit *u, size_t poll, int64_t now_ns, struct gw_modbus_change *ret)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	bool was_halving = p->halving;

	set_poll_bad(&p->block, ret);
	p->halving = false;
	for (uint32_t i = p->block.first; i < p->block.first + p->block.n; i++)
		u->fields[i].absent = true;
	postpone(p, now_ns);
	if (was_halving)
		end_search(u, PLAN_NEXT, now_ns);
}

/* The unit answers, but not this request: some devices ignore a request for absent registers
 * instead of refusing it. */
static void on_request_ignored(
	struct gw_modbus_unit *u, size_t poll, int64_t now_ns, struct gw_modbus_change *ret)
{
	struct gw_modbus_poll *p = &u->polls[poll];

	if (!p->worked && split(u, poll, now_ns))
		return;
	if (p->halving) {
		mark_absent(u, poll, now_ns, ret);
		return;
	}
	set_poll_bad(&p->block, ret);
	postpone(p, now_ns);
}

void gw_modbus_unit_on_exception(struct gw_modbus_unit *u, size_t poll, unsigned code,
	int64_t now_ns, struct gw_modbus_change *ret_change)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	bool address = code == 2 || code == 3;

	*ret_change = (struct gw_modbus_change){0};
	mark_alive(u, now_ns, ret_change);
	if (address && reduce(u, poll, now_ns))
		return;
	p->failures++;
	if (address || code == 1) {
		mark_absent(u, poll, now_ns, ret_change);
	} else if (p->failures >= DEAD_AFTER) {
		/* Busy, or the sensor behind it is broken; one failure alone is not reported. */
		set_poll_bad(&p->block, ret_change);
	} else if (p->due_ns > now_ns + RETRY_NS) {
		p->due_ns = now_ns + RETRY_NS;
	}
}

void gw_modbus_unit_on_failure(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change)
{
	struct gw_modbus_poll *p = &u->polls[poll];

	*ret_change = (struct gw_modbus_change){0};
	if (u->serial) {
		if (u->n_overdue < GW_MODBUS_OVERDUE_MAX)
			u->overdue[u->n_overdue] = gw_modbus_plan_signature(&p->block);
		if (u->n_overdue <= GW_MODBUS_OVERDUE_MAX)
			u->n_overdue++;
	}
	p->failures++;
	if (++u->failures >= DEAD_AFTER) {
		ret_change->died = !u->dead;
		ret_change->unit_bad = true;
		u->dead = true;
		gw_backoff_failed(&u->backoff, now_ns);
	} else if (p->failures >= DEAD_AFTER) {
		on_request_ignored(u, poll, now_ns, ret_change);
	} else if (p->due_ns > now_ns + RETRY_NS) {
		p->due_ns = now_ns + RETRY_NS;
	}
}
