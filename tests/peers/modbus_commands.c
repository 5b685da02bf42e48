/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of modbus_server: values, holes and faults of its units; see modbus_server.c. */
#include "modbus_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[] = {"", "coil", "discrete", "holding", "input"};

static const char *const faults[] = {"none", "late", "drop", "exception", "wrong-unit",
	"wrong-function", "wrong-count", "wrong-length", "wrong-protocol",
	"wrong-transaction", "bad-crc", "stray", "extra", "half", "drip", "close", "twice",
	"foreign", "echo", "edges", "zero-unit", "zero-transaction", NULL};
static_assert(sizeof(faults) / sizeof(faults[0]) == FAULTS + 1, "a name for each fault");

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; name && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static int kind_of(const char *name)
{
	for (int i = COIL; name && i <= INPUT; i++)
		if (strcmp(kinds[i], name) == 0)
			return i;
	return -1;
}

static bool set_values(struct unit *u, int kind, long addr)
{
	const char *word;

	for (; (word = strtok(NULL, " ")); addr++) {
		uint16_t v = (uint16_t)strtol(word, NULL, 0);

		if (addr < 0 || addr >= REGISTERS)
			return false;
		switch (kind) {
		case COIL: u->map->tab_bits[addr] = v != 0; break;
		case DISCRETE: u->map->tab_input_bits[addr] = v != 0; break;
		case HOLDING: u->map->tab_registers[addr] = v; break;
		default: u->map->tab_input_registers[addr] = v; break;
		}
	}
	return true;
}

static bool set_hole(struct unit *u, int kind, long addr, long count, bool hole)
{
	if (addr < 0 || count < 1 || addr + count > REGISTERS)
		return false;
	if (!u->holes[kind])
		u->holes[kind] = calloc(REGISTERS, 1);
	if (u->holes[kind])
		memset(u->holes[kind] + addr, hole, (size_t)count);
	return u->holes[kind] != NULL;
}

static long number(const char *word)
{
	return word ? strtol(word, NULL, 0) : -1;
}

void need_unit(struct unit *u)
{
	if (u->exists)
		return;
	u->map = modbus_mapping_new(REGISTERS, REGISTERS, REGISTERS, REGISTERS);
	if (!u->map)
		die("mapping");
	u->exists = u->alive = true;
}

/* One command for one unit; the rest of its words are in strtok. */
static bool command_unit(const char *verb, struct unit *u, char *rest)
{
	char *word = strtok(rest, " ");
	long a, b;
	int k;

	need_unit(u);
	if (strcmp(verb, "alive") == 0) {
		u->alive = word && strcmp(word, "on") == 0;
		return word && (u->alive || strcmp(word, "off") == 0);
	}
	if (strcmp(verb, "most") == 0) {
		u->most = (int)number(word);
		return u->most >= 0;
	}
	if (strcmp(verb, "wide") == 0) {
		u->wide = number(word) == 1;
		return true;
	}
	if (strcmp(verb, "fault") == 0) {
		k = index_of(faults, word);
		if (k < 0)
			return false;
		u->fault = k;
		u->times = (int)number(strtok(NULL, " "));
		u->arg = (int)number(strtok(NULL, " "));
		return true;
	}
	k = kind_of(word);
	if (k < 0)
		return false;
	a = number(strtok(NULL, " "));
	if (strcmp(verb, "set") == 0)
		return set_values(u, k, a);
	b = number(strtok(NULL, " "));
	if (strcmp(verb, "hole") == 0 || strcmp(verb, "fill") == 0)
		return set_hole(u, k, a, b, verb[0] == 'h');
	return false;
}

static void say_trace(struct unit *u)
{
	printf("ok");
	for (unsigned i = 0; i < u->n_trace; i++)
		printf(" %u:%u:%u", u->traced[i][0], get16(u->traced[i] + 1),
			get16(u->traced[i] + 3));
	printf("\n");
	u->n_trace = 0;
}

static size_t read_hex(const char *hex, uint8_t bytes[256])
{
	size_t n = 0;
	unsigned b;

	for (; n < 256 && sscanf(hex + 2 * n, "%2x", &b) == 1; n++)
		bytes[n] = (uint8_t)b;
	return n;
}

static void send_raw(const char *hex)
{
	uint8_t bytes[256];
	size_t n = read_hex(hex, bytes);

	for (int c = 0; c < CONNS; c++)
		if (conns[c].fd >= 0)
			send_now(c, bytes, n);
}

static bool command_all(const char *verb, const char *word)
{
	if (strcmp(verb, "unplug") == 0) {
		unplug();
	} else if (strcmp(verb, "plug") == 0) {
		plug();
	} else if (strcmp(verb, "disconnect") == 0) {
		for (int c = 0; !serial && c < CONNS; c++)
			close_conn(c);
	} else if (strcmp(verb, "greet") == 0 && word) {
		n_greeting = read_hex(word, greeting);
	} else if (strcmp(verb, "deaf") == 0 && word) {
		deaf_ms = (int)number(word);
	} else if (strcmp(verb, "raw") == 0 && word) {
		send_raw(word);
	} else {
		return false;
	}
	return true;
}

static void command(char *line)
{
	char all[4096];
	char *verb = strtok(line, " "), *who, *rest;
	bool good = true;

	if (!verb)
		return;
	who = strtok(NULL, " ");
	rest = strtok(NULL, "");
	if (command_all(verb, who)) {
		printf("ok\n");
		return;
	}
	if (!who) {
		printf("error: %s?\n", verb);
		return;
	}
	if (strcmp(who, "*") != 0 && (number(who) < 0 || number(who) >= UNITS)) {
		printf("error: no unit %s\n", who);
		return;
	}
	if (strcmp(verb, "stats") == 0) {
		printf("ok %u %u %u\n", units[number(who)].requests, accepted, writes);
		return;
	}
	if (strcmp(verb, "trace") == 0) {
		say_trace(&units[number(who)]);
		return;
	}
	for (int i = 0; i < UNITS; i++) {
		if (strcmp(who, "*") == 0 ? !units[i].exists : i != number(who))
			continue;
		snprintf(all, sizeof(all), "%s", rest ? rest : "");
		good = command_unit(verb, &units[i], all) && good;
	}
	printf(good ? "ok\n" : "error: not understood\n");
}

/* False at the end of stdin or at quit. */
bool read_commands(void)
{
	static char text[8192];
	static size_t n;
	ssize_t got = read(0, text + n, sizeof(text) - 1 - n);
	char *end;

	if (got <= 0)
		return false;
	n += (size_t)got;
	text[n] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end = '\0';
		if (strcmp(text, "quit") == 0)
			return false;
		command(text);
		fflush(stdout);
		n -= (size_t)(end + 1 - text);
		memmove(text, end + 1, n + 1);
	}
	return true;
}
