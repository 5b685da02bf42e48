/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most one request is outstanding. gw_modbus_bus_poll is a small state machine around it, so
 * that it keeps to its timeout and reacts to a stop whatever a device does.
 */
#include "drivers/modbus_bus.h"

#include "base/clock.h"
#include "base/timespec.h"
#include "drivers/modbus_value.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* The link is lost if the line is never silent, or if the connection breaks this often in a row. */
#define NEVER_SILENT_NS GW_NS_PER_SEC
#define BREAKS_MAX      3
/* A TCP connection is made anew after so many requests in a row that nobody answered. */
#define TIMEOUTS_MAX 3
/* While some units answer, probing dead ones may take at most one part in this many of the time. */
#define PROBE_SHARE 5

static struct gw_modbus_unit *current_unit(struct gw_modbus_bus *m)
{
	return &m->units[m->unit];
}

/* How long bytes take on the line, with 25 % for adapters that deliver them in bursts. */
static int64_t wire_ns(const struct gw_modbus_bus *m, size_t bytes)
{
	return m->wire == GW_MODBUS_RTU ? m->link.char_ns * (int64_t)bytes * 5 / 4 : 0;
}

static enum gw_err reconnect(struct gw_modbus_bus *m, int64_t now_ns, struct gw_error *err)
{
	m->phase = GW_MODBUS_CONNECTING;
	m->until_ns = now_ns + m->connect_ns;
	m->timeouts = 0;
	memset(m->request.unanswered, 0, sizeof(m->request.unanswered));
	return gw_modbus_link_reconnect(&m->link, err);
}

/* The peer closed the connection: once is an idle time-out, repeatedly is a broken link. */
static enum gw_err on_connection_broken(
	struct gw_modbus_bus *m, int64_t now_ns, struct gw_error *err)
{
	if (++m->breaks > BREAKS_MAX)
		return gw_fail(
			err, GW_ERR_LINK, 0, "the connection breaks at every request");
	return reconnect(m, now_ns, err);
}

static bool is_alive(const struct gw_modbus_unit *u)
{
	return u->seen && !u->dead;
}

/* Since the last byte: noise before it was waited for already. */
static void await_silence(struct gw_modbus_bus *m, int64_t now_ns)
{
	int64_t since_ns = m->got > 0 ? m->received_ns : now_ns;

	m->phase = GW_MODBUS_AWAITING_SILENCE;
	m->until_ns = since_ns + m->timeout_ns;
	m->give_up_ns = now_ns + 10 * m->timeout_ns + NEVER_SILENT_NS;
}

/* After an error: what comes next may belong to an earlier request. Over TCP its transaction id
 * tells, so that a unit behind a gateway that is silent leaves the connection to the others. */
static enum gw_err recover(
	struct gw_modbus_bus *m, bool others_alive, int64_t now_ns, struct gw_error *err)
{
	if (m->wire == GW_MODBUS_RTU) {
		await_silence(m, now_ns);
		return GW_OK;
	}
	if (m->got > 0 || !others_alive || m->lenient_transaction ||
		++m->timeouts >= TIMEOUTS_MAX)
		return reconnect(m, now_ns, err);
	m->request.unanswered[m->n_unanswered++ % GW_MODBUS_UNANSWERED] =
		m->request.transaction;
	m->phase = GW_MODBUS_IDLE;
	m->until_ns = now_ns + m->gap_ns;
	return GW_OK;
}

static void log_state(
	struct gw_modbus_bus *m, struct gw_emit *emit, bool ok, const char *why)
{
	for (size_t d = 0; d < m->opts->n_devices; d++)
		if (gw_modbus_map_unit(&m->opts->devices[d]) == current_unit(m)->id)
			gw_emit_device_state(emit, &m->opts->devices[d], ok, why);
}

static void emit_change(struct gw_modbus_bus *m, const struct gw_modbus_change *c,
	enum gw_quality quality, const char *why, int64_t now_ns, struct gw_emit *emit)
{
	struct gw_modbus_unit *u = current_unit(m);
	size_t first = c->unit_bad ? 0 : c->first;
	size_t n = c->unit_bad ? u->n_fields : c->poll_bad ? c->n : 0;

	if (c->died || c->revived)
		log_state(m, emit, c->revived, c->revived ? "answers again" : why);
	for (size_t i = first; i < first + n; i++)
		if (c->unit_bad)
			gw_emit_sample(emit, u->fields[i].point, quality, 0, now_ns, 0);
		else
			gw_emit_unreadable(
				emit, u->fields[i].opts, quality, why, NULL, 0, now_ns);
	if (n > 0)
		gw_emit_flush(emit);
}

/* Counts the units that answer, and gives the bus to others after an unresponsive one cost time. */
static void end_request(struct gw_modbus_bus *m, bool was_alive, int64_t now_ns)
{
	struct gw_modbus_unit *u = current_unit(m);

	if (is_alive(u) && !was_alive)
		m->n_alive++;
	else if (was_alive && !is_alive(u))
		m->n_alive--;
	if (gw_modbus_unit_is_unresponsive(u)) {
		int64_t cost = now_ns - m->sent_ns;

		/* The silence that is waited for after an error on RTU is part of the cost. */
		if (m->phase == GW_MODBUS_AWAITING_SILENCE)
			cost += m->timeout_ns;
		m->probe_ns = now_ns + cost * PROBE_SHARE;
	}
	m->next_ns[m->unit] = gw_modbus_unit_next_ns(u);
}

static enum gw_err on_failure(struct gw_modbus_bus *m, enum gw_quality quality,
	const char *why, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_unit *u = current_unit(m);
	bool was_alive = is_alive(u);
	struct gw_modbus_change change;
	enum gw_err rc;

	gw_emit_count(emit,
		quality == GW_QUALITY_BAD_PROTOCOL ? GW_COUNT_BAD_FRAMES
						   : GW_COUNT_TIMEOUTS,
		1);
	gw_modbus_unit_on_failure(u, m->poll, now_ns, &change);
	emit_change(m, &change, quality, why, now_ns, emit);
	rc = recover(m, m->n_alive > (was_alive ? 1 : 0), now_ns, err);
	end_request(m, was_alive, now_ns);
	return rc;
}

static void on_data(
	struct gw_modbus_bus *m, const uint8_t *data, int64_t now_ns, struct gw_emit *emit)
{
	struct gw_modbus_unit *u = current_unit(m);
	const struct gw_modbus_block *block = &u->polls[m->poll].block;
	bool was_alive = is_alive(u);
	struct gw_modbus_change change;

	for (uint32_t i = block->first; i < block->first + block->n; i++) {
		const struct gw_modbus_field *f = &u->fields[i];
		uint64_t bits;
		double raw = gw_modbus_value_decode(f, block->addr, data, &bits);

		gw_emit_raw_bits(emit, f->opts, raw, bits, gw_modbus_value_bits(f), now_ns);
	}
	gw_emit_flush(emit);
	gw_modbus_unit_on_response(u, m->poll, now_ns, &change);
	emit_change(m, &change, GW_QUALITY_GOOD, NULL, now_ns, emit);
	end_request(m, was_alive, now_ns);
}

static void on_exception(
	struct gw_modbus_bus *m, unsigned code, int64_t now_ns, struct gw_emit *emit)
{
	struct gw_modbus_unit *u = current_unit(m);
	bool was_alive = is_alive(u);
	struct gw_modbus_change change;
	char why[96];

	snprintf(why, sizeof(why), "%s (exception %u)%s", gw_modbus_codec_exception(code),
		code, code <= 3 ? ": look at its register" : "");
	gw_emit_count(emit, GW_COUNT_REFUSED, 1);
	if (code == 0x0a || code == 0x0b) {
		/* A Modbus gateway reports that the unit does not answer: the connection is
		 * good. */
		gw_modbus_unit_on_failure(u, m->poll, now_ns, &change);
		emit_change(m, &change, GW_QUALITY_BAD_TIMEOUT, why, now_ns, emit);
	} else {
		gw_modbus_unit_on_exception(u, m->poll, code, now_ns, &change);
		emit_change(m, &change, GW_QUALITY_BAD_REFUSED, why, now_ns, emit);
	}
	end_request(m, was_alive, now_ns);
}

/* A whole response has been received. */
static void handle_response(struct gw_modbus_bus *m, bool exception,
	const struct gw_modbus_response *response, int64_t now_ns, struct gw_emit *emit)
{
	m->phase = GW_MODBUS_IDLE;
	m->until_ns = now_ns + m->gap_ns;
	m->breaks = m->timeouts = 0;
	if (gw_modbus_unit_may_be_stale(current_unit(m), m->poll, exception, now_ns)) {
		await_silence(m, now_ns);
		m->next_ns[m->unit] = gw_modbus_unit_next_ns(current_unit(m));
		return;
	}
	if (exception)
		on_exception(m, response->code, now_ns, emit);
	else
		on_data(m, response->data, now_ns, emit);
}

/* The first n bytes received. */
static void forget(struct gw_modbus_bus *m, size_t n)
{
	m->got -= n;
	memmove(m->adu, m->adu + n, m->got);
}

static enum gw_err receive(
	struct gw_modbus_bus *m, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_response response = {0};
	enum gw_err rc;
	size_t n;

	rc = gw_modbus_link_read(
		&m->link, m->adu + m->got, sizeof(m->adu) - m->got, &n, err);
	if (rc != GW_OK) {
		if (m->link.serial)
			return rc;
		if (++m->breaks > BREAKS_MAX)
			return gw_fail(err, GW_ERR_LINK, 0,
				"the connection breaks at every request");
		return on_failure(m,
			m->got ? GW_QUALITY_BAD_PROTOCOL : GW_QUALITY_BAD_TIMEOUT,
			"the connection was closed instead of an answer", now_ns, emit,
			err);
	}
	if (n == 0)
		return GW_OK;
	m->got += n;
	m->received_ns = now_ns;
	switch (gw_modbus_codec_find(&m->request, m->adu, m->got, &response)) {
	case GW_MODBUS_INCOMPLETE:
		m->why = response.why;
		forget(m, response.late);
		if (m->got == sizeof(m->adu)) /* noise: an answer is shorter than half */
			forget(m, m->got / 2);
		return GW_OK;
	case GW_MODBUS_DATA:
		handle_response(m, false, &response, now_ns, emit);
		return GW_OK;
	case GW_MODBUS_EXCEPTION:
		handle_response(m, true, &response, now_ns, emit);
		return GW_OK;
	case GW_MODBUS_BAD: break;
	}
	return on_failure(m, GW_QUALITY_BAD_PROTOCOL, response.why, now_ns, emit, err);
}

static enum gw_err on_timeout(
	struct gw_modbus_bus *m, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	char why[64];

	snprintf(why, sizeof(why), "no answer in %lld ms",
		(long long)(m->timeout_ns / GW_NS_PER_MS));
	if (m->got > 0)
		return on_failure(m, GW_QUALITY_BAD_PROTOCOL,
			m->why ? m->why : "only part of an answer came", now_ns, emit, err);
	return on_failure(m, GW_QUALITY_BAD_TIMEOUT, why, now_ns, emit, err);
}

/* The unit whose request is due first. */
static size_t earliest(struct gw_modbus_bus *m)
{
	size_t best = 0;

	for (size_t i = 1; i < m->n_units; i++)
		if (m->next_ns[i] < m->next_ns[best])
			best = i;
	return best;
}

/* What was received before the request is sent is no response to it: a greeting, a late answer.
 * ret_open: whether the link may be used. */
static enum gw_err discard_received(
	struct gw_modbus_bus *m, bool *ret_open, struct gw_error *err)
{
	uint8_t discarded[GW_MODBUS_ADU_MAX];
	size_t n = 0;

	*ret_open = true;
	if (m->link.serial)
		return gw_modbus_link_flush(&m->link, err);
	do
		*ret_open = gw_modbus_link_read(&m->link, discarded, sizeof(discarded), &n,
				    err) == GW_OK;
	while (*ret_open && n == sizeof(discarded));
	return GW_OK;
}

static enum gw_err send_request(
	struct gw_modbus_bus *m, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_unit *u = current_unit(m);
	const struct gw_modbus_block *r;
	uint8_t adu[14];
	uint64_t missed;
	enum gw_err rc;
	size_t n;

	m->poll = gw_modbus_unit_pick(u, now_ns);
	r = &u->polls[m->poll].block;
	m->request.wire = m->wire;
	m->request.transaction = (uint16_t)(m->request.transaction % UINT16_MAX + 1);
	m->request.unit = u->id;
	m->request.kind = r->kind;
	m->request.addr = r->addr;
	m->request.count = r->count;
	m->request.wide = u->wide;
	m->request.lenient_unit = m->lenient_unit;
	m->request.lenient_transaction = m->lenient_transaction;
	n = gw_modbus_codec_encode(&m->request, adu);
	if (m->wire == GW_MODBUS_RTU && !m->link.serial)
		n = gw_modbus_codec_add_crc(adu, n); /* else libmodbus does */
	rc = gw_modbus_link_send(&m->link, adu, n, err);
	if (rc != GW_OK)
		return m->link.serial ? rc : on_connection_broken(m, now_ns, err);
	gw_emit_count(emit, GW_COUNT_REQUESTS, 1);
	missed = gw_modbus_unit_on_sent(u, m->poll, now_ns);
	if (missed > 0)
		gw_emit_count(emit, GW_COUNT_SKIPPED, missed);
	m->phase = GW_MODBUS_AWAITING_RESPONSE;
	m->got = 0;
	m->why = NULL;
	m->sent_ns = now_ns;
	m->until_ns = now_ns + m->timeout_ns +
		wire_ns(m, n + 2 + gw_modbus_codec_response_size(&m->request));
	return GW_OK;
}

static enum gw_err send_next(
	struct gw_modbus_bus *m, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	enum gw_err rc;
	bool open;

	for (;;) {
		m->unit = earliest(m);
		if (m->n_units == 0 || m->next_ns[m->unit] > now_ns) {
			m->until_ns = m->n_units > 0 ? m->next_ns[m->unit] : INT64_MAX;
			return GW_OK;
		}
		if (m->n_alive == 0 || now_ns >= m->probe_ns ||
			!gw_modbus_unit_is_unresponsive(current_unit(m)))
			break;
		m->next_ns[m->unit] = m->probe_ns;
	}
	rc = discard_received(m, &open, err);
	if (rc != GW_OK)
		return rc;
	if (!open)
		return on_connection_broken(m, now_ns, err);
	return send_request(m, now_ns, emit, err);
}

/* One step of the state machine at now_ns; revents are those of the link. */
static enum gw_err step(struct gw_modbus_bus *m, short revents, int64_t now_ns,
	struct gw_emit *emit, struct gw_error *err)
{
	uint8_t discarded[GW_MODBUS_ADU_MAX];
	enum gw_err rc;
	size_t n;

	if (m->link.serial && (revents & (POLLHUP | POLLERR | POLLNVAL)))
		return gw_fail(err, GW_ERR_LINK, 0, "the port is gone");
	switch (m->phase) {
	case GW_MODBUS_AWAITING_RESPONSE:
		if (revents) {
			rc = receive(m, now_ns, emit, err);
			if (rc != GW_OK || m->phase != GW_MODBUS_AWAITING_RESPONSE)
				return rc;
		}
		return now_ns >= m->until_ns ? on_timeout(m, now_ns, emit, err) : GW_OK;
	case GW_MODBUS_AWAITING_SILENCE:
		if (revents) {
			rc = gw_modbus_link_read(
				&m->link, discarded, sizeof(discarded), &n, err);
			if (rc != GW_OK)
				return m->link.serial
					? rc
					: on_connection_broken(m, now_ns, err);
			m->until_ns = now_ns + m->timeout_ns;
			if (now_ns >= m->give_up_ns)
				return gw_fail(
					err, GW_ERR_LINK, 0, "the line is never quiet");
		} else if (now_ns >= m->until_ns) {
			m->phase = GW_MODBUS_IDLE;
			m->until_ns = now_ns;
		}
		return GW_OK;
	case GW_MODBUS_CONNECTING:
		if (revents) {
			rc = gw_modbus_link_connected(&m->link, err);
			m->phase = GW_MODBUS_IDLE;
			m->until_ns = now_ns + m->connect_delay_ns;
			return rc;
		}
		if (now_ns >= m->until_ns)
			return gw_fail(err, GW_ERR_LINK, ETIMEDOUT, "connect: no answer");
		return GW_OK;
	case GW_MODBUS_IDLE: break;
	}
	return GW_OK;
}

static enum gw_err wait_for(struct gw_modbus_bus *m, int64_t now_ns, int64_t end_ns,
	struct gw_emit *emit, short *ret_revents, struct gw_error *err)
{
	static const short events[] = {
		[GW_MODBUS_IDLE] = 0,
		[GW_MODBUS_AWAITING_RESPONSE] = POLLIN,
		[GW_MODBUS_AWAITING_SILENCE] = POLLIN,
		[GW_MODBUS_CONNECTING] = POLLOUT,
	};
	struct pollfd fds[2] = {
		{.fd = gw_emit_stop_fd(emit), .events = POLLIN},
		{.fd = m->link.fd, .events = events[m->phase]},
	};
	int64_t until_ns = m->until_ns < end_ns ? m->until_ns : end_ns;
	int64_t left = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec ts = gw_timespec_from_ns(left);
	/* An idle TCP connection is not watched: that it broke is seen at the next request. */
	bool watch_link = m->phase != GW_MODBUS_IDLE || m->link.serial;

	*ret_revents = 0;
	if (ppoll(fds, watch_link ? 2 : 1, &ts, NULL) < 0)
		return errno == EINTR ? GW_OK
				      : gw_fail(err, GW_ERR_SYSTEM, errno, "poll: %s",
						gw_errno_text(errno));
	if (watch_link)
		*ret_revents = fds[1].revents;
	return GW_OK;
}

enum gw_err gw_modbus_bus_poll(
	void *bus, int timeout_ms, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_bus *m = bus;
	int64_t now_ns = gw_clock_boot_ns(), end_ns = now_ns + timeout_ms * GW_NS_PER_MS;
	enum gw_err rc;
	short revents;

	do {
		if (m->phase == GW_MODBUS_IDLE && now_ns >= m->until_ns) {
			rc = send_next(m, now_ns, emit, err);
			if (rc != GW_OK)
				return rc;
		}
		rc = wait_for(m, now_ns, end_ns, emit, &revents, err);
		if (rc != GW_OK)
			return rc;
		if (gw_emit_stopping(emit))
			return GW_ERR_STOPPED;
		now_ns = gw_clock_boot_ns();
		rc = step(m, revents, now_ns, emit, err);
		if (rc != GW_OK)
			return rc;
	} while (now_ns < end_ns);
	return GW_OK;
}
