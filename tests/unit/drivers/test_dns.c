/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "drivers/dns.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Displaces libc's: a name server that answers when the test says so. */
static _Atomic bool answered;
static _Atomic pid_t looker[8]; /* the threads that look */
static _Atomic int lookers;

/* 10.1.2.3 and those after it: as many as the name says. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
	struct addrinfo **ret_found)
{
	struct answer {
		struct addrinfo info;
		struct sockaddr_in a;
	} * found;
	struct sockaddr_in a = {.sin_family = AF_INET};
	int n = 1;

	if (hints->ai_flags & AI_NUMERICHOST) {
		if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
			return EAI_NONAME;
	} else {
		looker[lookers++] = gettid();
		while (!answered)
			usleep(1000);
		if (strcmp(host, "nobody") == 0)
			return EAI_NONAME;
		inet_pton(AF_INET, "10.1.2.3", &a.sin_addr);
		sscanf(host, "has-%d", &n);
	}
	a.sin_port = htons((uint16_t)(port[0] - '0'));
	found = calloc((size_t)n, sizeof(*found));
	for (int i = 0; i < n; i++) {
		found[i].a = a;
		found[i].a.sin_addr.s_addr = htonl(ntohl(a.sin_addr.s_addr) + (uint32_t)i);
		found[i].info.ai_addr = (struct sockaddr *)&found[i].a;
		found[i].info.ai_addrlen = sizeof(found[i].a);
		found[i].info.ai_next = i + 1 < n ? &found[i + 1].info : NULL;
	}
	*ret_found = &found->info;
	return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
	free(found);
}

/* All n look-ups that were begun have ended, and their threads with them. */
static bool all_ended(int n)
{
	char path[64];

	if (lookers != n)
		return false;
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d", (int)looker[i]);
		if (looker[i] == 0 || access(path, F_OK) == 0)
			return false;
	}
	return true;
}

static void print_address(const struct gw_dns_address *from, char *ret_text)
{
	struct sockaddr_in a;

	memcpy(&a, &from->addr, sizeof(a));
	assert_int_equal(from->len, sizeof(a));
	assert_int_equal(ntohs(a.sin_port), 7);
	inet_ntop(AF_INET, &a.sin_addr, ret_text, INET_ADDRSTRLEN);
}

/* What a look-up needs of a source. */
struct gw_emit {
	int wake_fd;
};

int gw_emit_stop_fd(const struct gw_emit *e)
{
	return e->wake_fd;
}

void gw_emit_beat(struct gw_emit *e)
{
	(void)e; /* tests/unit/drivers/test_open_beats.c */
}

static enum gw_err ask(
	const char *host, int wait_ms, int wake_fd, char *ret_text, struct gw_error *err)
{
	struct gw_emit emit = {.wake_fd = wake_fd};
	struct gw_dns_addresses found;
	enum gw_err rc = gw_dns_resolve(
		host, 7, gw_clock_boot_ns() + wait_ms * GW_NS_PER_MS, &emit, &found, err);

	if (rc == GW_OK) {
		assert_int_equal(found.n, 1);
		print_address(&found.at[0], ret_text);
	}
	return rc;
}

static void names_and_numbers_have_addresses(void **state)
{
	char text[INET_ADDRSTRLEN];
	struct gw_error err;

	(void)state;
	answered = false; /* not needed for a number */
	assert_int_equal(ask("192.168.3.4", 1000, -1, text, &err), GW_OK);
	assert_string_equal(text, "192.168.3.4");
	answered = true;
	assert_int_equal(ask("broker.local", 10000, -1, text, &err), GW_OK);
	assert_string_equal(text, "10.1.2.3");
	assert_int_equal(ask("nobody", 10000, -1, text, &err), GW_ERR_LINK);
	assert_non_null(strstr(err.text, "look up nobody: "));
}

static void all_addresses_are_found_up_to_the_bound(void **state)
{
	struct gw_emit emit = {.wake_fd = -1};
	struct gw_dns_addresses found;
	struct gw_error err;

	(void)state;
	answered = true;
	for (size_t n = 1; n <= GW_DNS_ADDRESSES_MAX + 2; n++) {
		char host[32], text[INET_ADDRSTRLEN], want[32];

		snprintf(host, sizeof(host), "has-%zu", n);
		lookers = 0;
		assert_int_equal(
			gw_dns_resolve(host, 7, gw_clock_boot_ns() + 10 * GW_NS_PER_SEC,
				&emit, &found, &err),
			GW_OK);
		assert_int_equal(
			found.n, n < GW_DNS_ADDRESSES_MAX ? n : GW_DNS_ADDRESSES_MAX);
		for (size_t i = 0; i < found.n; i++) {
			snprintf(want, sizeof(want), "10.1.2.%zu", 3 + i);
			print_address(&found.at[i], text);
			assert_string_equal(text, want);
		}
	}
}

/* Hazards 6 and 12: the resolver of a dead name server blocks for half a minute. */
static void a_dead_name_server_is_bounded(void **state)
{
	char text[INET_ADDRSTRLEN];
	int64_t began_ns = gw_clock_boot_ns();
	struct gw_error err;
	int wake = eventfd(0, EFD_CLOEXEC);

	(void)state;
	answered = false;
	lookers = 0;
	assert_int_equal(ask("broker.local", 100, wake, text, &err), GW_ERR_LINK);
	assert_string_equal(err.text, "look up broker.local: no answer from DNS");
	eventfd_write(wake, 1);
	assert_int_equal(ask("broker.local", 10000, wake, text, &err), GW_ERR_STOPPED);
	assert_true(gw_clock_boot_ns() - began_ns < 5 * GW_NS_PER_SEC);
	close(wake);
	answered = true; /* those left behind free what they hold and end by themselves */
	for (int i = 0; i < 20000 && !all_ended(2); i++)
		usleep(1000);
	assert_true(all_ended(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers_have_addresses),
		cmocka_unit_test(all_addresses_are_found_up_to_the_bound),
		cmocka_unit_test(a_dead_name_server_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
