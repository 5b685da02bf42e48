/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLOCK          512
#define SIZE_FIELD_MAX ((size_t)077777777777)

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type,
		link[100], magic[6], version[2], user[32], group[32], major[8], minor[8],
		prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

bool gw_tar_add(FILE *to, const char *name, const void *bytes, size_t n, int64_t wall_s)
{
	static const char zeroes[BLOCK];
	struct header h = {.type = '0'};
	const unsigned char *at = (const unsigned char *)&h;
	unsigned sum = 0;

	if (strlen(name) > GW_TAR_NAME_MAX || n > SIZE_FIELD_MAX) {
		errno = EFBIG;
		return false;
	}
	memcpy(h.name, name, strlen(name));
	memcpy(h.mode, "0000600", 8);
	memcpy(h.uid, "0000000", 8);
	memcpy(h.gid, "0000000", 8);
	snprintf(h.size, sizeof(h.size), "%011zo", n);
	snprintf(h.mtime, sizeof(h.mtime), "%011" PRIo64,
		wall_s > 0 ? (uint64_t)wall_s & SIZE_FIELD_MAX : 0);
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	memset(h.sum, ' ', sizeof(h.sum)); /* as which it counts in the sum */
	for (size_t i = 0; i < sizeof(h); i++)
		sum += at[i];
	snprintf(h.sum, 7, "%06o", sum);
	return fwrite(&h, sizeof(h), 1, to) == 1 && fwrite(bytes, 1, n, to) == n &&
		fwrite(zeroes, 1, (BLOCK - n % BLOCK) % BLOCK, to) ==
		(BLOCK - n % BLOCK) % BLOCK;
}

bool gw_tar_end(FILE *to)
{
	static const char zeroes[2 * BLOCK];

	return fwrite(zeroes, sizeof(zeroes), 1, to) == 1 && fflush(to) == 0;
}
