/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus TCP values per CPU-second of the driver, beside a bare libmodbus loop with the same plan
 * on the same server in the same run: 100 units, 10 registers each, as fast as answers come.
 * bench_modbus SERVER; one JSON line.
 */
#include "base/clock.h"
#include "drivers/modbus.h"
#include "drivers/modbus_map.h"
#include "flow/ring.h"
#include "source/emit.h"

#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNITS     100
#define REGISTERS 10
#define ROUNDS    7
#define ROUND_NS  (GW_NS_PER_SEC * 2 / 5)

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * GW_NS_PER_SEC + ts.tv_nsec;
}

static pid_t start_server(const char *path, FILE **ret_in, int *ret_port)
{
	int in[2], out[2];
	char line[64];
	FILE *from;
	pid_t pid;

	if (pipe(in) != 0 || pipe(out) != 0)
		exit(1);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(path, path, "tcp", "0", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*ret_in = fdopen(in[1], "w");
	from = fdopen(out[0], "r");
	if (!fgets(line, sizeof(line), from) || sscanf(line, "ready %d", ret_port) != 1)
		exit(1);
	for (int unit = 1; unit <= UNITS; unit++)
		fprintf(*ret_in, "set %d holding 0 1 2 3 4 5 6 7 8 9 10\n", unit);
	fflush(*ret_in);
	for (int unit = 1; unit <= UNITS; unit++)
		if (!fgets(line, sizeof(line), from))
			exit(1);
	fclose(from);
	return pid;
}

/* Values per CPU-second. */
static double bare_round(modbus_t *ctx, double *sum)
{
	int64_t until_ns = gw_clock_boot_ns() + ROUND_NS, began_ns = cpu_ns();
	uint16_t values[REGISTERS];
	uint64_t n = 0;

	while (gw_clock_boot_ns() < until_ns) {
		for (int unit = 1; unit <= UNITS; unit++) {
			modbus_set_slave(ctx, unit);
			if (modbus_read_registers(ctx, 0, REGISTERS, values) != REGISTERS)
				exit(1);
			for (int i = 0; i < REGISTERS; i++)
				*sum += values[i] * 0.1;
			n += REGISTERS;
		}
	}
	return (double)n * 1e9 / (double)(cpu_ns() - began_ns);
}

static struct gw_modbus_device_opts own_devices[UNITS];
static struct gw_modbus_point_opts own_points[UNITS * REGISTERS];
static struct gw_device_opts devices[UNITS];
static struct gw_point_opts points[UNITS * REGISTERS];

static void make_source(struct gw_source_opts *source, struct gw_modbus_tcp_opts *own)
{
	for (uint32_t i = 0; i < UNITS * REGISTERS; i++) {
		own_points[i].reg = (struct gw_modbus_register){
			.kind = GW_MODBUS_HOLDING, .addr = (uint16_t)(i % REGISTERS)};
		points[i] = (struct gw_point_opts){
			.name = "p", .scale = 0.1, .index = i, .driver = &own_points[i]};
	}
	for (int i = 0; i < UNITS; i++) {
		own_devices[i].unit = i + 1;
		devices[i] = (struct gw_device_opts){.name = "d",
			.points = &points[(ptrdiff_t)i * REGISTERS],
			.n_points = REGISTERS,
			.driver = &own_devices[i]};
	}
	*source = (struct gw_source_opts){.name = "bench",
		.driver_table = &gw_driver_modbus_tcp,
		.poll_ns = 1000, /* always due */
		.devices = devices,
		.n_devices = UNITS,
		.n_points = UNITS * REGISTERS,
		.driver = own};
}

static double driver_round(void *state, struct gw_emit *emit, struct gw_ring *ring)
{
	int64_t until_ns = gw_clock_boot_ns() + ROUND_NS, began_ns = cpu_ns();
	static struct gw_sample samples[512];
	uint64_t n = 0;
	size_t got;

	while (gw_clock_boot_ns() < until_ns) {
		if (gw_driver_modbus_tcp.poll(state, 10, emit, NULL) != GW_OK)
			exit(1);
		while ((got = gw_ring_pop(ring, samples, 512, sizeof(samples[0]))) > 0)
			n += got;
	}
	return (double)n * 1e9 / (double)(cpu_ns() - began_ns);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct gw_modbus_tcp_opts own = {.host = "127.0.0.1",
		.timeout_ns = GW_NS_PER_SEC,
		.connect_timeout_ns = GW_NS_PER_SEC};
	struct gw_source_opts source;
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_emit_opts emit_opts = {.source = "bench",
		.n_points = UNITS * REGISTERS + 1,
		.ring = &ring,
		.stop_fd = -1};
	void *state = calloc(1, gw_driver_modbus_tcp.state_size);
	double bare[ROUNDS], driver[ROUNDS], ratio[ROUNDS], sum = 0;
	modbus_t *ctx;
	FILE *in;
	pid_t pid;
	int port;

	if (argc != 2 || !state)
		return 2;
	pid = start_server(argv[1], &in, &port);
	own.port = port;
	make_source(&source, &own);
	ctx = modbus_new_tcp("127.0.0.1", port);
	if (gw_ring_init(&ring, 1 << 16, sizeof(struct gw_sample), NULL) != GW_OK ||
		gw_emit_init(&emit, &emit_opts, NULL) != GW_OK ||
		modbus_connect(ctx) != 0 ||
		gw_driver_modbus_tcp.open(state, &source, &emit, NULL) != GW_OK)
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = bare_round(ctx, &sum);
		driver[i] = driver_round(state, &emit, &ring);
		ratio[i] = driver[i] / bare[i];
	}
	qsort(bare, ROUNDS, sizeof(double), ascending);
	qsort(driver, ROUNDS, sizeof(double), ascending);
	qsort(ratio, ROUNDS, sizeof(double), ascending);
	printf("{\"bench\":\"modbus\",\"values_per_cpu_s\":%.0f,\"bare\":%.0f,\"ratio\":%."
	       "3f,"
	       "\"goal\":0.9}\n",
		driver[ROUNDS / 2], bare[ROUNDS / 2], ratio[ROUNDS / 2]);
	gw_driver_modbus_tcp.close(state);
	gw_emit_fini(&emit);
	gw_ring_fini(&ring);
	modbus_free(ctx);
	free(state);
	fclose(in);
	waitpid(pid, NULL, 0);
	return sum > 0 ? 0 : 1;
}
