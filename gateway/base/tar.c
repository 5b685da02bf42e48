/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK          512
#define SIZE_FIELD_MAX UINT64_C(077777777777)
#define BINARY         0x80 /* first byte of a number that is not octal */

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type,
		link[100], magic[6], version[2], user[32], group[32], major[8], minor[8],
		prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static const char zeroes[2 * BLOCK];

/* The sum field itself counts as blanks. */
static unsigned sum_of(const struct header *h)
{
	const unsigned char *at = (const unsigned char *)h;
	size_t from = offsetof(struct header, sum), to = from + sizeof(h->sum);
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(*h); i++)
		sum += i >= from && i < to ? ' ' : at[i];
	return sum;
}

static size_t padding_of(uint64_t n)
{
	return (size_t)((BLOCK - n % BLOCK) % BLOCK);
}

/* ---- writing ---- */

/* A name that is too long for its field is cut at its last slash. */
static bool put_name(struct header *h, const char *name)
{
	const char *slash = strrchr(name, '/'), *last = name;
	size_t n = strlen(name);

	if (n >= sizeof(h->name)) {
		if (!slash || (size_t)(slash - name) >= sizeof(h->prefix))
			return false;
		memcpy(h->prefix, name, (size_t)(slash - name));
		last = slash + 1;
		n = strlen(last);
	}
	if (n >= sizeof(h->name))
		return false;
	memcpy(h->name, last, n);
	return true;
}

/* Octal digits; above 8 GiB binary, most significant byte first, as GNU tar and others do. */
static void put_size(struct header *h, uint64_t n)
{
	size_t at = sizeof(h->size);

	if (n <= SIZE_FIELD_MAX) {
		snprintf(h->size, sizeof(h->size), "%011" PRIo64, n & SIZE_FIELD_MAX);
		return;
	}
	for (; n > 0; n >>= 8)
		h->size[--at] = (char)(unsigned char)(n & 0xff);
	h->size[0] = (char)(unsigned char)BINARY;
}

bool gw_tar_begin(FILE *to, const char *name, uint64_t n, int64_t wall_s)
{
	struct header h = {.type = '0'};

	if (!put_name(&h, name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(h.mode, "0000600", 8);
	memcpy(h.uid, "0000000", 8);
	memcpy(h.gid, "0000000", 8);
	put_size(&h, n);
	snprintf(h.mtime, sizeof(h.mtime), "%011" PRIo64,
		wall_s > 0 ? (uint64_t)wall_s & SIZE_FIELD_MAX : 0);
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	snprintf(h.sum, 7, "%06o", sum_of(&h));
	h.sum[7] = ' ';
	return fwrite(&h, sizeof(h), 1, to) == 1;
}

bool gw_tar_finish(FILE *to, uint64_t n)
{
	return fwrite(zeroes, 1, padding_of(n), to) == padding_of(n);
}

bool gw_tar_add(FILE *to, const char *name, const void *bytes, size_t n, int64_t wall_s)
{
	return gw_tar_begin(to, name, n, wall_s) && fwrite(bytes, 1, n, to) == n &&
		gw_tar_finish(to, n);
}

bool gw_tar_end(FILE *to)
{
	return fwrite(zeroes, sizeof(zeroes), 1, to) == 1 && fflush(to) == 0;
}

/* ---- reading ---- */

static bool binary_of(const char *field, size_t size, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (size_t i = 1; i < size; i++) {
		if (number >> 55)
			return false;
		number = number << 8 | (unsigned char)field[i];
	}
	*ret_number = number;
	return (unsigned char)field[0] == BINARY;
}

/* Octal digits up to a NUL or a blank, or binary. */
static bool number_of(const char *field, size_t size, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t i = 0;

	if ((unsigned char)field[0] & BINARY)
		return binary_of(field, size, ret_number);
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		number = number * 8 + (uint64_t)(field[i] - '0');
	*ret_number = number;
	return i > 0 && (i == size || field[i] == '\0' || field[i] == ' ');
}

enum gw_tar_next gw_tar_next(FILE *from, struct gw_tar_entry *ret_entry)
{
	struct header h;
	uint64_t sum;

	if (fread(&h, sizeof(h), 1, from) != 1)
		return GW_TAR_INVALID;
	if (memcmp(&h, zeroes, sizeof(h)) == 0)
		return fread(&h, sizeof(h), 1, from) == 1 &&
				memcmp(&h, zeroes, sizeof(h)) == 0
			? GW_TAR_END
			: GW_TAR_INVALID;
	if (memcmp(h.magic, "ustar", 6) != 0 || h.type != '0' ||
		!number_of(h.sum, sizeof(h.sum), &sum) || sum != sum_of(&h) ||
		!number_of(h.size, sizeof(h.size), &ret_entry->n))
		return GW_TAR_INVALID;
	snprintf(ret_entry->name, sizeof(ret_entry->name), "%.*s%s%.*s",
		(int)sizeof(h.prefix) - 1, h.prefix, h.prefix[0] ? "/" : "",
		(int)sizeof(h.name) - 1, h.name);
	return GW_TAR_ENTRY;
}

bool gw_tar_skip_padding(FILE *from, uint64_t n)
{
	char padding[BLOCK];

	return fread(padding, 1, padding_of(n), from) == padding_of(n);
}
