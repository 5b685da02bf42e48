/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus.h"

#include "base/clock.h"
#include "drivers/modbus_bus.h"

#include <errno.h>
#include <stdlib.h>

static void close_modbus(void *state)
{
	struct gw_modbus_bus *b = state;

	gw_modbus_link_close(&b->link);
	for (size_t i = 0; b->units && i < b->n_units; i++)
		gw_modbus_unit_fini(&b->units[i]);
	free(b->units);
	free(b->next_ns);
	b->units = NULL;
	b->next_ns = NULL;
	b->n_units = 0;
}

/* All points of one unit, of however many devices it is made up. */
static enum gw_err add_unit(struct gw_modbus_bus *b, uint8_t id,
	struct gw_modbus_field *fields, int64_t now_ns, struct gw_error *err)
{
	unsigned bridge = GW_MODBUS_MAX_REGISTERS;
	size_t n = 0;
	enum gw_err rc;

	for (size_t d = 0; d < b->opts->n_devices; d++) {
		const struct gw_device_opts *device = &b->opts->devices[d];
		const struct gw_modbus_device_opts *own = device->driver;

		if (gw_modbus_map_unit(device) != id)
			continue;
		if (own->bridge < bridge)
			bridge = (unsigned)own->bridge;
		for (size_t p = 0; p < device->n_points; p++)
			gw_modbus_map_field(
				b->opts, device, &device->points[p], &fields[n++]);
	}
	if (n == 0)
		return GW_OK;
	rc = gw_modbus_unit_init(&b->units[b->n_units], id,
		b->wire == GW_MODBUS_RTU || b->lenient_transaction, bridge, fields, n,
		(uint64_t)now_ns ^ (uint64_t)id << 56, now_ns, err);
	if (rc != GW_OK)
		return rc;
	b->next_ns[b->n_units++] = now_ns;
	return GW_OK;
}

static enum gw_err add_units(struct gw_modbus_bus *b, struct gw_error *err)
{
	struct gw_modbus_field *fields = calloc(b->opts->n_points + 1UL, sizeof(*fields));
	int64_t now_ns = gw_clock_boot_ns();
	bool done[256] = {false};
	enum gw_err rc = GW_OK;

	b->units = calloc(b->opts->n_devices + 1, sizeof(*b->units));
	b->next_ns = calloc(b->opts->n_devices + 1, sizeof(*b->next_ns));
	if (!fields || !b->units || !b->next_ns)
		rc = gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	for (size_t d = 0; rc == GW_OK && d < b->opts->n_devices; d++) {
		uint8_t id = gw_modbus_map_unit(&b->opts->devices[d]);

		if (!done[id])
			rc = add_unit(b, id, fields, now_ns, err);
		done[id] = true;
	}
	free(fields);
	return rc;
}

static enum gw_err begin(
	struct gw_modbus_bus *b, const struct gw_source_opts *opts, struct gw_error *err)
{
	enum gw_err rc;

	b->opts = opts;
	b->n_alive = 0;
	b->phase = GW_MODBUS_IDLE;
	b->until_ns = b->probe_ns = 0;
	b->breaks = 0;
	rc = add_units(b, err);
	if (rc != GW_OK)
		close_modbus(b);
	return rc;
}

static enum gw_err open_rtu(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	const struct gw_modbus_rtu_opts *own = opts->driver;
	struct gw_modbus_bus *b = state;
	enum gw_err rc;

	(void)emit;
	close_modbus(b);
	b->wire = GW_MODBUS_RTU;
	rc = gw_modbus_link_open_rtu(&b->link, own, err);
	if (rc != GW_OK)
		return rc;
	b->timeout_ns = own->timeout_ns;
	/* Modbus over Serial Line V1.02, 2.5.1.1: 3.5 characters, above 19200 fixed. */
	b->gap_ns = own->turnaround_ns +
		(gw_modbus_opts_baud(own) > 19200 ? GW_NS_PER_MS * 7 / 4
						  : b->link.char_ns * 7 / 2);
	return begin(b, opts, err);
}

static enum gw_err open_tcp(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	const struct gw_modbus_tcp_opts *own = opts->driver;
	struct gw_modbus_bus *b = state;
	enum gw_err rc;

	close_modbus(b);
	b->wire = own->framing == 1 ? GW_MODBUS_RTU : GW_MODBUS_TCP;
	rc = gw_modbus_link_open_tcp(&b->link, own, emit, err);
	if (rc != GW_OK)
		return rc;
	b->timeout_ns = own->timeout_ns;
	b->connect_ns = own->connect_timeout_ns;
	b->connect_delay_ns = own->connect_delay_ns;
	b->gap_ns = own->turnaround_ns;
	b->lenient_unit = gw_modbus_opts_is_lenient(own, "unit");
	b->lenient_transaction = gw_modbus_opts_is_lenient(own, "transaction");
	rc = begin(b, opts, err);
	b->until_ns = gw_clock_boot_ns() + own->connect_delay_ns;
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
