/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale.h: from the number a device gave to the value in the point's unit: raw * scale + offset,
 * for every driver in the same way. Scales and offsets are mostly short decimals, which a double
 * does not hold exactly: 523 * 0.1 is 52.300000000000004, and an alarm at 52.3 would be true. So
 * they are kept as whole numbers over a power of ten, (raw * num + off) / den, which rounds once,
 * in the division: 523 at scale 0.1 is 52.3 and nothing else.
 *
 * Thread: any; pure.
 */
#ifndef GW_SOURCE_SCALE_H
#define GW_SOURCE_SCALE_H

struct gw_scale {
	double num, off, den;
};

/* Up to nine decimals, num to 1e9 and off to 1e15 are exact; all else is plain raw * scale +
 * offset. */
void gw_scale_init(struct gw_scale *s, double scale, double offset);

static inline double gw_scale_apply(const struct gw_scale *s, double raw)
{
	return (raw * s->num + s->off) / s->den;
}

#endif
