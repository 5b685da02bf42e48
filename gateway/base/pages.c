/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t round_to_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

void *gw_pages_map(size_t n, size_t size)
{
	size_t page = round_to_pages(1), bytes, used;
	unsigned char *at;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - 2 * page) {
		errno = ENOMEM;
		return NULL;
	}
	used = round_to_pages(bytes);
	at = mmap(NULL, used + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (mprotect(at, used, PROT_READ | PROT_WRITE)) {
		munmap(at, used + page);
		errno = ENOMEM;
		return NULL;
	}
	/* One byte would take 2 MiB. A refusal makes it larger, no more. */
	(void)madvise(at, used, MADV_NOHUGEPAGE);
	return at + used - bytes;
}

void gw_pages_unmap(void *at, size_t n, size_t size)
{
	size_t used = round_to_pages(n * size);

	if (at)
		munmap((unsigned char *)at + n * size - used, used + round_to_pages(1));
}
