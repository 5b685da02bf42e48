/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus.h"

#include "base/clock.h"
#include "drivers/modbus_bus.h"

#include <errno.h>
#include <stdlib.h>

static void close_modbus(void *state)
{
	struct gw_modbus_bus *m = state;

	gw_modbus_link_close(&m->link);
	for (size_t i = 0; m->units && i < m->n_units; i++)
		gw_modbus_unit_fini(&m->units[i]);
	free(m->units);
	free(m->next_ns);
	m->units = NULL;
	m->next_ns = NULL;
	m->n_units = 0;
}

/* All points of one unit, of however many devices it is made up. */
static enum gw_err add_unit(struct gw_modbus_bus *m, uint8_t id,
	struct gw_modbus_field *fields, int64_t now_ns, struct gw_error *err)
{
	unsigned bridge = GW_MODBUS_MAX_REGISTERS;
	size_t n = 0;
	enum gw_err rc;

	for (size_t d = 0; d < m->opts->n_devices; d++) {
		const struct gw_device_opts *device = &m->opts->devices[d];
		const struct gw_modbus_device_opts *own = device->driver;

		if (gw_modbus_map_unit(device) != id)
			continue;
		if (own->bridge < bridge)
			bridge = (unsigned)own->bridge;
		for (size_t p = 0; p < device->n_points; p++)
			gw_modbus_map_field(
				m->opts, device, &device->points[p], &fields[n++]);
	}
	if (n == 0)
		return GW_OK;
	rc = gw_modbus_unit_init(&m->units[m->n_units], id,
		m->wire == GW_MODBUS_RTU || m->lenient_transaction, bridge, fields, n,
		(uint64_t)now_ns ^ (uint64_t)id << 56, now_ns, err);
	if (rc != GW_OK)
		return rc;
	m->next_ns[m->n_units++] = now_ns;
	return GW_OK;
}

static enum gw_err add_units(struct gw_modbus_bus *m, struct gw_error *err)
{
	struct gw_modbus_field *fields = calloc(m->opts->n_points + 1UL, sizeof(*fields));
	int64_t now_ns = gw_clock_boot_ns();
	bool done[256] = {false};
	enum gw_err rc = GW_OK;

	m->units = calloc(m->opts->n_devices + 1, sizeof(*m->units));
	m->next_ns = calloc(m->opts->n_devices + 1, sizeof(*m->next_ns));
	if (!fields || !m->units || !m->next_ns)
		rc = gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	for (size_t d = 0; rc == GW_OK && d < m->opts->n_devices; d++) {
		uint8_t id = gw_modbus_map_unit(&m->opts->devices[d]);

		if (!done[id])
			rc = add_unit(m, id, fields, now_ns, err);
		done[id] = true;
	}
	free(fields);
	return rc;
}

static enum gw_err begin(
	struct gw_modbus_bus *m, const struct gw_source_opts *opts, struct gw_error *err)
{
	enum gw_err rc;

	m->opts = opts;
	m->n_alive = 0;
	m->phase = GW_MODBUS_IDLE;
	m->until_ns = m->probe_ns = 0;
	m->breaks = 0;
	rc = add_units(m, err);
	if (rc != GW_OK)
		close_modbus(m);
	return rc;
}

static enum gw_err open_rtu(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	const struct gw_modbus_rtu_opts *own = opts->driver;
	struct gw_modbus_bus *m = state;
	enum gw_err rc;

	(void)emit;
	close_modbus(m);
	m->wire = GW_MODBUS_RTU;
	rc = gw_modbus_link_open_rtu(&m->link, own, err);
	if (rc != GW_OK)
		return rc;
	m->timeout_ns = own->timeout_ns;
	/* Modbus over Serial Line V1.02, 2.5.1.1: 3.5 characters, above 19200 fixed. */
	m->gap_ns = own->turnaround_ns +
		(gw_modbus_opts_baud(own) > 19200 ? GW_NS_PER_MS * 7 / 4
						  : m->link.char_ns * 7 / 2);
	return begin(m, opts, err);
}

static enum gw_err open_tcp(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	const struct gw_modbus_tcp_opts *own = opts->driver;
	struct gw_modbus_bus *m = state;
	enum gw_err rc;

	close_modbus(m);
	m->wire = own->framing == 1 ? GW_MODBUS_RTU : GW_MODBUS_TCP;
	rc = gw_modbus_link_open_tcp(&m->link, own, emit, err);
	if (rc != GW_OK)
		return rc;
	m->timeout_ns = own->timeout_ns;
	m->connect_ns = own->connect_timeout_ns;
	m->connect_delay_ns = own->connect_delay_ns;
	m->gap_ns = own->turnaround_ns;
	m->lenient_unit = gw_modbus_opts_is_lenient(own, "unit");
	m->lenient_transaction = gw_modbus_opts_is_lenient(own, "transaction");
	rc = begin(m, opts, err);
	m->until_ns = gw_clock_boot_ns() + own->connect_delay_ns;
	return rc;
}

const struct gw_driver gw_driver_modbus_rtu = {
	.name = "modbus-rtu",
	.summary = "Modbus RTU over a serial line (RS-485, RS-232)",
	.source_settings = gw_modbus_opts_rtu_settings,
	.device_settings = gw_modbus_opts_rtu_device_settings,
	.point_settings = gw_modbus_opts_point_settings,
	.source_opts_size = sizeof(struct gw_modbus_rtu_opts),
	.device_opts_size = sizeof(struct gw_modbus_device_opts),
	.point_opts_size = sizeof(struct gw_modbus_point_opts),
	.state_size = sizeof(struct gw_modbus_bus),
	.descriptors = 1,
	.check = gw_modbus_map_check,
	.open = open_rtu,
	.poll = gw_modbus_bus_poll,
	.close = close_modbus,
};

const struct gw_driver gw_driver_modbus_tcp = {
	.name = "modbus-tcp",
	.summary = "Modbus TCP, to a device or to a gateway with units behind it",
	.source_settings = gw_modbus_opts_tcp_settings,
	.device_settings = gw_modbus_opts_tcp_device_settings,
	.point_settings = gw_modbus_opts_point_settings,
	.source_opts_size = sizeof(struct gw_modbus_tcp_opts),
	.device_opts_size = sizeof(struct gw_modbus_device_opts),
	.point_opts_size = sizeof(struct gw_modbus_point_opts),
	.state_size = sizeof(struct gw_modbus_bus),
	.descriptors = 2, /* of a look-up: its end and a query; later only the link */
	.threads = 1,     /* a look-up */
	.check = gw_modbus_map_check_tcp,
	.open = open_tcp,
	.poll = gw_modbus_bus_poll,
	.close = close_modbus,
};
