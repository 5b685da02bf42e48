/* SPDX-License-Identifier: Apache-2.0 */
/* probe: the machine's mode just now (bench.h), for the benchmarks that are scripts. */
#include "bench.h"

#include <stdio.h>

int main(void)
{
	printf("%.0f\n", bench_probe_ns());
	return 0;
}
