/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/sink_https.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/pemkey.h"
#include "uplink/accept.h"
#include "uplink/credentials.h"
#include "uplink/https_response.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_MAX_NS GW_NS_PER_SEC
#define CA_CACHE_SEC   60L
#define CONNECTION_SEC 300L

struct https_state {
	const struct gw_uplink_opts *opts;
	const struct gw_sink_https_opts *own;
	const char *agent;
	CURLM *multi;
	CURL *easy;
	struct gw_file_version ca, cert, key;
	struct gw_bearer bearer;
	char *body;
	size_t body_size;
	/* of the last response, for when the name cannot be looked up */
	char host[256], address[64];
	long port;
	struct gw_https_response response;
	bool key_encrypted;
};

/* ---- its settings ---- */

static const struct gw_setting https_settings[] = {
	{.key = "accept",
		.type = GW_SET_PAIRS,
		.offset = offsetof(struct gw_sink_https_opts, accept),
		.choices = gw_accept_words,
		.max = GW_ACCEPT_MAX,
		.help = "What the JSON body of a 2xx answer must say: a map of JSON pointers to values, such as {/errcode: 0}; all must match, else what was sent counts as refused. Without it any body will do but a web page (HTML), which is taken for a login or captive portal and tried again; any lets that count, too."},
	{.key = NULL},
};

/* at: host[:port] of n bytes. */
static void check_authority(
	const char *at, size_t n, const void *where, struct gw_report *report)
{
	const char *colon = at + n, *p;
	struct gw_error err;
	char port[8];
	int64_t number;

	if (memchr(at, '@', n) != NULL) {
		gw_report(report, where,
			"a user or password does not belong into the URL, where logs show it: use token_file, or cert and key");
		return;
	}
	for (p = at; p < at + n && *p != ']'; p++)
		continue;
	for (p = *at == '[' ? p : at; p < at + n; p++)
		if (*p == ':') {
			colon = p;
			break;
		}
	if (colon == at)
		gw_report(report, where, "no host between https:// and the path");
	if (*at == '[' && memchr(at, ']', n) == NULL)
		gw_report(report, where, "no ] after the address that [ begins");
	if (colon == at + n)
		return;
	n = (size_t)(at + n - colon) - 1;
	memcpy(port, colon + 1, n < sizeof(port) ? n : sizeof(port) - 1);
	port[n < sizeof(port) ? n : sizeof(port) - 1] = '\0';
	if (gw_parse_int(port, 1, 65535, &number, &err) != GW_OK)
		gw_report(report, where, "port: %s", err.text);
}

static const struct gw_sink_https_opts no_own; /* for options made by hand */

static void check_accept(const struct gw_sink_https_opts *own, struct gw_report *report)
{
	const char *wrong;
	size_t i;

	for (i = 0; i < own->accept.n; i++) {
		wrong = gw_accept_pointer_error(own->accept.at[i].key);
		if (wrong != NULL)
			gw_report(report, &own->accept, "\"%s\": %s", own->accept.at[i].key,
				wrong);
	}
}

static void https_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const char *at = o->url + strlen("https://");

	check_authority(at, strcspn(at, "/?#"), &o->url, report);
	if (strchr(at, '#') != NULL)
		gw_report(report, &o->url, "what follows # is never sent: leave it out");
	if (o->sink_opts != NULL)
		check_accept(o->sink_opts, report);
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- the handles ---- */

static void drop_handles(struct https_state *s)
{
	if (s->easy != NULL)
		curl_easy_cleanup(s->easy);
	if (s->multi != NULL)
		curl_multi_cleanup(s->multi);
	s->easy = NULL;
	s->multi = NULL;
}

static bool set_trust(struct https_state *s)
{
	const struct gw_uplink_opts *o = s->opts;
	CURL *e = s->easy;
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	/* A resumed session would still use a certificate that was replaced. */
	bad |= curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	bad |= curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_SEC);
	bad |= curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, CONNECTION_SEC);
	if (gw_setting_is_set(o->ca)) {
		bad |= curl_easy_setopt(e, CURLOPT_CAINFO, o->ca);
		/* without this the system's authorities would be trusted, too */
		bad |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (gw_setting_is_set(o->cert)) {
		bad |= curl_easy_setopt(e, CURLOPT_SSLCERT, o->cert);
		bad |= curl_easy_setopt(e, CURLOPT_SSLKEY, o->key);
		/* without this OpenSSL asks for a pass phrase on the terminal and blocks */
		bad |= curl_easy_setopt(e, CURLOPT_KEYPASSWD, "");
	}
	return bad == CURLE_OK;
}

static bool make_handles(struct https_state *s)
{
	CURLcode bad = CURLE_OK;
	CURL *e;

	s->multi = curl_multi_init();
	s->easy = e = curl_easy_init();
	if (s->multi == NULL || e == NULL)
		return false;
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 2L);
	bad |= curl_easy_setopt(e, CURLOPT_URL, s->opts->url);
	bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, s->agent);
	bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->response.error);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, gw_https_response_on_header);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, &s->response);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, gw_https_response_on_body);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, &s->response);
	return set_trust(s) && bad == CURLE_OK;
}

/* Files that changed get new handles, so that no connection and no cache uses the old ones. */
static bool refresh_handles(struct https_state *s)
{
	struct gw_file_version ca = gw_credentials_version(s->opts->ca),
			       cert = gw_credentials_version(s->opts->cert),
			       key = gw_credentials_version(s->opts->key);

	if (s->easy != NULL && gw_credentials_version_equal(ca, s->ca) &&
		gw_credentials_version_equal(cert, s->cert) &&
		gw_credentials_version_equal(key, s->key))
		return true;
	drop_handles(s);
	s->ca = ca;
	s->cert = cert;
	s->key = key;
	s->key_encrypted = gw_pemkey_encrypted(s->opts->key);
	if (make_handles(s))
		return true;
	drop_handles(s);
	return false;
}

/* ---- one try ---- */

static enum gw_err https_open(void *state, const struct gw_uplink_opts *o,
	const char *agent, struct gw_error *err)
{
	struct https_state *s = state;

	pthread_once(&curl_once, start_curl);
	s->opts = o;
	s->own = o->sink_opts != NULL ? o->sink_opts : &no_own;
	s->agent = agent;
	if (!gw_https_response_init(&s->response) || !refresh_handles(s))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "libcurl cannot be set up");
	return GW_OK;
}

static void https_close(void *state)
{
	struct https_state *s = state;

	drop_handles(s);
	gw_https_response_fini(&s->response);
	free(s->body);
	s->body = NULL;
	s->body_size = 0;
	explicit_bzero(&s->bearer, sizeof(s->bearer));
}

static size_t body_size(const struct gw_sink_body *b)
{
	size_t n = 0, i;

	for (i = 0; i < b->n_parts; i++)
		n += b->parts[i].iov_len;
	return n;
}

static bool join_bodies(
	struct https_state *s, const struct gw_sink_request *r, size_t *ret_n)
{
	size_t between = strlen(r->between), n = strlen(r->before) + strlen(r->after), i, k;
	char *p;

	for (i = 0; i < r->n_bodies; i++)
		n += body_size(&r->bodies[i]) + between;
	if (n > s->body_size) {
		p = realloc(s->body, n);
		if (p == NULL)
			return false;
		s->body = p;
		s->body_size = n;
	}
	p = stpcpy(s->body, r->before);
	for (i = 0; i < r->n_bodies; i++) {
		const struct gw_sink_body *b = &r->bodies[i];

		if (i > 0)
			p = mempcpy(p, r->between, between);
		for (k = 0; k < b->n_parts; k++)
			p = mempcpy(p, b->parts[k].iov_base, b->parts[k].iov_len);
	}
	p = mempcpy(p, r->after, strlen(r->after));
	*ret_n = (size_t)(p - s->body);
	return true;
}

static CURLcode transfer(
	struct https_state *s, const struct gw_sink_request *r, int64_t until_ns)
{
	struct curl_waitfd wake = {.fd = r->wake->fd, .events = CURL_WAIT_POLLIN};
	CURLcode code = CURLE_OPERATION_TIMEDOUT;
	CURLMsg *msg;
	int running, left;

	gw_https_response_begin(&s->response);
	if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (curl_multi_perform(s->multi, &running) == CURLM_OK && running > 0) {
		int64_t wait_ns = until_ns - gw_clock_boot_ns();
		bool go_on;

		if (wait_ns <= 0)
			break;
		if (wait_ns > SERVICE_MAX_NS)
			wait_ns = SERVICE_MAX_NS;
		gw_wake_prepare(r->wake);
		go_on = r->service(r->arg);
		if (go_on)
			curl_multi_poll(s->multi, &wake, 1,
				(int)((wait_ns + GW_NS_PER_MS - 1) / GW_NS_PER_MS), NULL);
		gw_wake_finish(r->wake);
		if (!go_on) {
			code = CURLE_ABORTED_BY_CALLBACK;
			break;
		}
	}
	while ((msg = curl_multi_info_read(s->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			code = msg->data.result;
	curl_multi_remove_handle(s->multi, s->easy);
	return code;
}

static void remember_address(struct https_state *s)
{
	const char *address = NULL, *host = s->opts->url + strlen("https://");
	size_t n = strcspn(host, ":/?#");

	if (*host == '[' || n >= sizeof(s->host) ||
		curl_easy_getinfo(s->easy, CURLINFO_PRIMARY_IP, &address) != CURLE_OK ||
		!gw_setting_is_set(address))
		return;
	memcpy(s->host, host, n);
	s->host[n] = '\0';
	snprintf(s->address, sizeof(s->address), "%s", address);
	curl_easy_getinfo(s->easy, CURLINFO_PRIMARY_PORT, &s->port);
}

static bool was_lookup(struct https_state *s, CURLcode code)
{
	curl_off_t looked_up = 0;

	if (code == CURLE_COULDNT_RESOLVE_HOST)
		return true;
	curl_easy_getinfo(s->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
	return code == CURLE_OPERATION_TIMEDOUT && looked_up == 0;
}

/* A lookup that fails or hangs leaves half of the time for the address of the last response. The
 * certificate is still checked against the name. */
static CURLcode try_addresses(struct https_state *s, const struct gw_sink_request *r)
{
	int64_t now = gw_clock_boot_ns(), until = now + r->timeout_ns;
	long timeout_ms = (long)(r->timeout_ns / GW_NS_PER_MS);
	struct curl_slist *resolve = NULL;
	char entry[400];
	CURLcode code;

	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS,
		s->address[0] ? timeout_ms / 2 : timeout_ms);
	code = transfer(s, r, until);
	if (s->address[0] == '\0' || !was_lookup(s, code))
		return code;
	now = gw_clock_boot_ns();
	/* "+": the entry times out like any cached name, so that DNS is asked again */
	snprintf(entry, sizeof(entry), "+%s:%ld:%s", s->host, s->port, s->address);
	resolve = curl_slist_append(NULL, entry);
	if (resolve == NULL || until - now < GW_NS_PER_MS) {
		curl_slist_free_all(resolve);
		return code;
	}
	timeout_ms = (long)((until - now) / GW_NS_PER_MS);
	curl_easy_setopt(s->easy, CURLOPT_RESOLVE, resolve);
	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	code = transfer(s, r, until);
	curl_easy_setopt(s->easy, CURLOPT_RESOLVE, NULL);
	curl_slist_free_all(resolve);
	return code;
}

static struct curl_slist *make_headers(
	struct https_state *s, const struct gw_sink_request *r)
{
	struct curl_slist *all = NULL, *more;
	char type[160];
	const char *lines[] = {type, "Expect:", s->bearer.line[0] ? s->bearer.line : NULL};
	size_t i;

	snprintf(type, sizeof(type), "Content-Type: %s", r->content_type);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (lines[i] == NULL)
			continue;
		more = curl_slist_append(all, lines[i]);
		if (more == NULL) {
			curl_slist_free_all(all);
			return NULL;
		}
		all = more;
	}
	return all;
}

static void https_send(
	void *state, const struct gw_sink_request *r, struct gw_sink_result *ret_result)
{
	struct https_state *s = state;
	struct curl_slist *headers;
	struct gw_error err;
	CURLcode code;
	size_t n;

	if (gw_credentials_bearer(&s->bearer, s->opts->token_file, &err)) {
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0, "%s", err.text);
		return;
	}
	headers = make_headers(s, r);
	/* memory that was missing at the start may be there now */
	if (headers == NULL ||
		(s->response.body == NULL && !gw_https_response_init(&s->response)) ||
		!refresh_handles(s) || !join_bodies(s, r, &n)) {
		curl_slist_free_all(headers);
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0, "out of memory");
		return;
	}
	if (s->key_encrypted) {
		curl_slist_free_all(headers);
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0,
			"%s: " GW_PEMKEY_ENCRYPTED, s->opts->key);
		return;
	}
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	code = try_addresses(s, r);
	gw_https_response_evaluate(
		&s->response, s->easy, code, &s->own->accept, ret_result);
	if (ret_result->verdict == GW_SINK_SENT)
		remember_address(s);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, NULL);
	curl_slist_free_all(headers);
}

const struct gw_sink gw_sink_https = {
	.name = "https",
	.scheme = "https://",
	.url_form = "https://...",
	.insecure = "http://",
	.settings = https_settings,
	.opts_size = sizeof(struct gw_sink_https_opts),
	.check = https_check,
	.state_size = sizeof(struct https_state),
	.heartbeats = true,
	.open = https_open,
	.send = https_send,
	.close = https_close,
};
