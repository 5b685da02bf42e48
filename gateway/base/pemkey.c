/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pemkey.h"

#include "base/setting.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024) /* a chain of certificates may stand before the key */

/* RFC 7468 ("ENCRYPTED PRIVATE KEY") and the older form of RFC 1421, which says so in a header
 * below "RSA PRIVATE KEY". */
static bool is_encrypted(const char *text)
{
	const char *end = strstr(text, "PRIVATE KEY-----"), *begin = end, *next, *header;

	if (!end)
		return false;
	while (begin > text && begin[-1] != '\n')
		begin--;
	next = strstr(end, "-----END");
	header = strstr(end, "Proc-Type: 4,ENCRYPTED");
	return strncmp(begin, "-----BEGIN ENCRYPTED", strlen("-----BEGIN ENCRYPTED")) ==
		0 ||
		(header && (!next || header < next));
}

bool gw_pemkey_encrypted(const char *path)
{
	char text[FILE_MAX];
	size_t used = 0;
	ssize_t n = -1;
	int fd;

	if (!gw_setting_is_set(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	while (fd >= 0 && used < sizeof(text) - 1 &&
		(n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[used] = '\0';
	if (strlen(text) < used) /* DER, or no key at all */
		used = 0;
	n = used > 0 && is_encrypted(text);
	explicit_bzero(text, sizeof(text));
	return n != 0;
}

const char *gw_pemkey_inspect(const char *path)
{
	return gw_pemkey_encrypted(path) ? GW_PEMKEY_ENCRYPTED
		" (openssl pkey -in KEY -out NEW)"
					 : NULL;
}
