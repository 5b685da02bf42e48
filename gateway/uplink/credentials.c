/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/credentials.h"

#include "base/hash.h"

#include "base/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct gw_file_version gw_credentials_version(const char *path)
{
	struct stat st;

	if (!gw_setting_is_set(path) || stat(path, &st) != 0)
		return (struct gw_file_version){.dev = 0};
	return (struct gw_file_version){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

bool gw_credentials_version_equal(struct gw_file_version a, struct gw_file_version b)
{
	return a.dev == b.dev && a.ino == b.ino && a.size == b.size &&
		a.changed.tv_sec == b.changed.tv_sec &&
		a.changed.tv_nsec == b.changed.tv_nsec;
}

uint64_t gw_credentials_fingerprint(const char *const *paths, size_t n)
{
	uint64_t h = GW_HASH_START;

	for (size_t i = 0; i < n; i++) {
		struct gw_file_version p = gw_credentials_version(paths[i]);

		const uint64_t words[] = {p.dev, p.ino, (uint64_t)p.size,
			(uint64_t)p.changed.tv_sec, (uint64_t)p.changed.tv_nsec};

		h = gw_hash(h, words, sizeof(words));
	}
	return h;
}

/* Length of the first line; 0: it is not visible ASCII only. Zero bytes are what a file has whose
 * last write did not survive a power cut. */
static size_t token_in(char *line, size_t n)
{
	size_t end = 0;

	while (end < n && line[end] != '\r' && line[end] != '\n')
		end++;
	while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	line[end] = '\0';
	for (size_t i = 0; i < end; i++) {
		unsigned char c = (unsigned char)line[i]; /* ARM: char has no sign */

		if (c <= ' ' || c >= 0x7f)
			return 0;
	}
	return end < GW_TOKEN_MAX ? end : 0;
}

static enum gw_err read_token(
	const char *path, char ret_line[GW_TOKEN_MAX + 1], struct gw_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_line, GW_TOKEN_MAX);

	if (n < 0)
		gw_fail(err, GW_ERR_SYSTEM, errno, "token_file %s: %s", path,
			gw_errno_text(errno));
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return GW_ERR_SYSTEM;
	if (token_in(ret_line, (size_t)n) == 0)
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"token_file %s: its first line is not a token of visible ASCII",
			path);
	return GW_OK;
}

enum gw_err gw_credentials_bearer(
	struct gw_bearer *b, const char *path, struct gw_error *err)
{
	char line[GW_TOKEN_MAX + 1];
	struct gw_file_version now;
	enum gw_err rc;

	if (!gw_setting_is_set(path))
		return GW_OK;
	now = gw_credentials_version(path);
	if (b->line[0] != '\0' && gw_credentials_version_equal(now, b->version))
		return GW_OK;
	rc = read_token(path, line, err);
	if (rc)
		return b->line[0] ? GW_OK : rc;
	snprintf(b->line, sizeof(b->line), "Authorization: Bearer %s", line);
	b->version = now;
	return GW_OK;
}
