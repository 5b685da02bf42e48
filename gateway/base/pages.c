/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pages.h"

#include <errno.h>
#include <sys/mman.h>

void *gw_pages_map(size_t n, size_t size)
{
	size_t bytes;
	void *at;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	/* One byte would take 2 MiB. A refusal makes it larger, no more. */
	(void)madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

void gw_pages_unmap(void *at, size_t n, size_t size)
{
	if (at)
		munmap(at, n * size);
}
