/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted_curl.h: a libcurl and a clock that a test commands: include it in one file. They take
 * the place of libcurl.so and clock.o when it is linked.
 */
#ifndef SCRIPTED_CURL_H
#define SCRIPTED_CURL_H

#include "base/clock.h"
#include "uplink/https_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define MS  GW_NS_PER_MS
#define SEC GW_NS_PER_SEC

static struct {
	int64_t now_ns;
	bool synced;
	bool no_multi, no_easy, no_add, no_perform, no_address;
	int no_list;       /* the n-th header cannot be had; 0: all can */
	CURLoption no_opt; /* this option is not taken */
	const char *ca, *ca_path, *cert;
	char resolve[80];
	long timeout_ms, connect_ms;
	char *error; /* CURLOPT_ERRORBUFFER */
	struct gw_https_response *result;
	const char *headers[4];
	int n_headers, easies, multis, lists, polls, transfers;
	/* the answer */
	int64_t takes_ns; /* a transfer takes so long */
	bool odd_message;
	CURLcode code, second_code; /* of the first transfer, and of those after it */
	long status, verify;
	curl_off_t looked_up;
	const char *body, *address, *said;
	CURLMsg message;
	bool has_message;
	int64_t began_ns;
} curl;

static char easy_memory, multi_memory;
#define EASY  ((CURL *)(void *)&easy_memory)
#define MULTI ((CURLM *)(void *)&multi_memory)

int64_t gw_clock_boot_ns(void)
{
	return curl.now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return 0;
}

bool gw_clock_synced(void)
{
	return curl.synced;
}

void gw_clock_boot_id(char ret_id[37])
{
	ret_id[0] = '\0';
}

CURLcode curl_global_init(long flags)
{
	(void)flags;
	return CURLE_OK;
}

CURL *curl_easy_init(void)
{
	curl.easies += !curl.no_easy;
	return curl.no_easy ? NULL : EASY;
}

void curl_easy_cleanup(CURL *e)
{
	assert_ptr_equal(e, EASY);
	curl.easies--;
}

CURLM *curl_multi_init(void)
{
	curl.multis += !curl.no_multi;
	return curl.no_multi ? NULL : MULTI;
}

CURLMcode curl_multi_cleanup(CURLM *m)
{
	assert_ptr_equal(m, MULTI);
	curl.multis--;
	return CURLM_OK;
}

#undef curl_multi_setopt
CURLMcode curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
	(void)m;
	(void)option;
	return CURLM_OK;
}

CURLcode curl_easy_setopt(CURL *e, CURLoption option, ...)
{
	CURLcode code = option == curl.no_opt ? CURLE_UNKNOWN_OPTION : CURLE_OK;
	struct curl_slist *list;
	va_list ap;

	assert_ptr_equal(e, EASY);
	va_start(ap, option);
	switch ((int)option) {
	case CURLOPT_CAINFO: curl.ca = va_arg(ap, const char *); break;
	case CURLOPT_CAPATH: curl.ca_path = va_arg(ap, const char *); break;
	case CURLOPT_SSLCERT: curl.cert = va_arg(ap, const char *); break;
	case CURLOPT_TIMEOUT_MS: curl.timeout_ms = va_arg(ap, long); break;
	case CURLOPT_CONNECTTIMEOUT_MS: curl.connect_ms = va_arg(ap, long); break;
	case CURLOPT_ERRORBUFFER: curl.error = va_arg(ap, char *); break;
	case CURLOPT_WRITEDATA: curl.result = va_arg(ap, void *); break;
	case CURLOPT_RESOLVE:
		list = va_arg(ap, struct curl_slist *);
		if (list != NULL)
			snprintf(curl.resolve, sizeof(curl.resolve), "%s", list->data);
		break;
	case CURLOPT_HTTPHEADER:
		list = va_arg(ap, struct curl_slist *);
		for (; list != NULL && curl.n_headers < 4; list = list->next)
			curl.headers[curl.n_headers++] = list->data;
		break;
	default: break;
	}
	va_end(ap);
	return code;
}

CURLcode curl_easy_getinfo(CURL *e, CURLINFO info, ...)
{
	CURLcode code = CURLE_OK;
	va_list ap;

	assert_ptr_equal(e, EASY);
	va_start(ap, info);
	switch ((int)info) {
	case CURLINFO_RESPONSE_CODE: *va_arg(ap, long *) = curl.status; break;
	case CURLINFO_SSL_VERIFYRESULT: *va_arg(ap, long *) = curl.verify; break;
	case CURLINFO_PRIMARY_PORT: *va_arg(ap, long *) = 8443; break;
	case CURLINFO_NAMELOOKUP_TIME_T: *va_arg(ap, curl_off_t *) = curl.looked_up; break;
	case CURLINFO_PRIMARY_IP:
		*va_arg(ap, const char **) = curl.address;
		code = curl.no_address ? CURLE_UNKNOWN_OPTION : CURLE_OK;
		break;
	default: break;
	}
	va_end(ap);
	return code;
}

/* Not from the heap, which a test may let fail. */
static struct list_node {
	struct curl_slist node;
	bool used;
	char text[8400];
} list_nodes[8];

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
	struct list_node *new = list_nodes;
	struct curl_slist *last = list;

	if (curl.no_list > 0 && --curl.no_list == 0)
		return NULL;
	while (new < list_nodes + 8 && new->used)
		new ++;
	assert_true(new < list_nodes + 8);
	new->used = true;
	snprintf(new->text, sizeof(new->text), "%s", text);
	new->node = (struct curl_slist){.data = new->text};
	while (last != NULL && last->next != NULL)
		last = last->next;
	if (last != NULL)
		last->next = &new->node;
	curl.lists++;
	return list != NULL ? list : &new->node;
}

void curl_slist_free_all(struct curl_slist *list)
{
	for (; list != NULL; list = list->next) {
		for (size_t i = 0; i < 8; i++)
			if (&list_nodes[i].node == list)
				list_nodes[i].used = false;
		curl.lists--;
	}
}

static CURLcode code_now(void)
{
	return curl.transfers == 1 ? curl.code : curl.second_code;
}

CURLMcode curl_multi_add_handle(CURLM *m, CURL *e)
{
	(void)m;
	(void)e;
	curl.transfers++;
	curl.began_ns = curl.now_ns;
	return curl.no_add ? CURLM_OUT_OF_MEMORY : CURLM_OK;
}

CURLMcode curl_multi_remove_handle(CURLM *m, CURL *e)
{
	(void)m;
	(void)e;
	return CURLM_OK;
}

CURLMcode curl_multi_perform(CURLM *m, int *ret_running)
{
	char status_line[] = "HTTP/1.1 200 OK\r\n", odd[] = "\rx", end[] = "\r\n",
	     body[256];

	(void)m;
	*ret_running = curl.now_ns < curl.began_ns + curl.takes_ns;
	if (curl.no_perform)
		return CURLM_INTERNAL_ERROR;
	if (*ret_running)
		return CURLM_OK;
	if (code_now() == CURLE_OK) {
		gw_https_response_on_header(
			status_line, 1, strlen(status_line), curl.result);
		gw_https_response_on_header(odd, 1, 2, curl.result);
		odd[0] = 'x';
		gw_https_response_on_header(odd, 1, 2, curl.result);
		assert_false(curl.result->head_done);
		gw_https_response_on_header(end, 1, 2, curl.result);
		snprintf(body, sizeof(body), "%s", curl.body ? curl.body : "");
		gw_https_response_on_body(body, 1, strlen(body), curl.result);
	} else if (curl.said != NULL) {
		strcpy(curl.error, curl.said);
	}
	curl.has_message = true;
	return CURLM_OK;
}

CURLMsg *curl_multi_info_read(CURLM *m, int *ret_left)
{
	(void)m;
	*ret_left = 0;
	if (!curl.has_message)
		return NULL;
	if (curl.odd_message) {
		curl.odd_message = false;
		curl.message = (CURLMsg){.msg = CURLMSG_NONE};
		return &curl.message;
	}
	curl.has_message = false;
	curl.message = (CURLMsg){.msg = CURLMSG_DONE, .data.result = code_now()};
	return &curl.message;
}

CURLMcode curl_multi_poll(
	CURLM *m, struct curl_waitfd *fds, unsigned n, int timeout_ms, int *ret_n)
{
	(void)m;
	(void)fds;
	(void)n;
	(void)ret_n;
	assert_in_range(timeout_ms, 1, 1000);
	curl.now_ns += timeout_ms * MS;
	curl.polls++;
	return CURLM_OK;
}

#endif
