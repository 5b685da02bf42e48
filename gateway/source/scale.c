/* SPDX-License-Identifier: Apache-2.0 */
#include "source/scale.h"

#include <math.h>

#define DECIMALS_MAX 9
#define NUM_MAX      1e9
#define OFF_MAX      1e15

void gw_scale_init(struct gw_scale *s, double scale, double offset)
{
	double den = 1;

	for (int decimals = 0; decimals <= DECIMALS_MAX; decimals++, den *= 10) {
		double num = round(scale * den), off = round(offset * den);

		if (fabs(num) > NUM_MAX || fabs(off) > OFF_MAX)
			break;
		if (num / den == scale && off / den == offset) {
			*s = (struct gw_scale){num, off, den};
			return;
		}
	}
	*s = (struct gw_scale){scale, offset, 1};
}
