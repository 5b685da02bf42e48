/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_value.h"

#include <math.h>
#include <string.h>

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* n words of 16 bits, put in order, as one number. */
static uint64_t join_words(unsigned order, const uint8_t *at, unsigned n)
{
	uint64_t raw = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned place = order & GW_MODBUS_CDAB ? n - 1 - i : i;
		const uint8_t *word;

		if (order & GW_MODBUS_EFGHABCD)
			place ^= 2; /* 64 bits only */
		word = at + (size_t)2 * place;
		raw = raw << 16 |
			(order & GW_MODBUS_BADC ? (unsigned)word[1] << 8 | word[0]
						: get16(word));
	}
	return raw;
}

/* The bits of a value that begins at `at`. In registers of 32 bits it is the low part. */
static uint64_t value_bits(const struct gw_modbus_field *f, const uint8_t *at)
{
	unsigned bits = gw_modbus_map_type_bits(f->type);
	unsigned words = gw_modbus_map_registers(f->type, f->wide) * (f->wide ? 2 : 1);
	uint64_t raw = join_words(f->order, at, words);

	if (f->high_byte)
		raw >>= 8;
	return bits < 64 ? raw & ((UINT64_C(1) << bits) - 1) : raw;
}

/* The double that the shortest decimal text of a float stands for: a transmitter that means 0.3
 * sends 0.3f, which as a double is greater than 0.3 and would raise an alarm above 0.3. */
static double float_to_double(float x)
{
	static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
		1e10, 1e11, 1e12, 1e13, 1e14};
	double d = (double)x;
	int exponent, power;

	if (!(fabs(d) >= 1e-6 && fabs(d) < 1e9))
		return d;
	frexp(d, &exponent);
	/* 6 to 9 significant digits: 0.30103 is log10 of 2. */
	power = 6 - (int)ceil(exponent * 0.30103);
	for (int digits = 0; digits < 5; digits++, power++) {
		double r;

		if (power < 0 || power > 14)
			continue;
		r = nearbyint(d * tens[power]) / tens[power];
		if ((float)r == x)
			return r;
	}
	return d;
}

/* The shortest decimal that is nearer to x than half the distance to the next number of the
 * format, which has 11 significant bits and exponents down to -14. */
static double half_to_double(unsigned raw)
{
	int exponent = (int)(raw >> 10 & 31);
	double fraction = raw & 0x3ff, sign = raw & 0x8000 ? -1 : 1;
	double x, half_step, ten = 1;

	if (exponent == 31)
		return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
	x = exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
	half_step = ldexp(0.5, exponent == 0 ? -24 : exponent - 25);
	if (fraction == 0 && exponent > 1)
		half_step /= 2; /* the numbers below a power of two are denser */
	for (int digits = 0; digits <= 8; digits++, ten *= 10) {
		double r = nearbyint(x * ten) / ten;

		if (fabs(r - x) < half_step && (r != 0 || x == 0))
			return sign * r;
	}
	return sign * x;
}

static double float_of(unsigned type, uint64_t raw)
{
	if (type == GW_TYPE_F16)
		return half_to_double((unsigned)raw);
	if (type == GW_TYPE_F32) {
		uint32_t bits = (uint32_t)raw;
		float x;

		memcpy(&x, &bits, sizeof(x));
		return float_to_double(x);
	} else {
		double x;

		memcpy(&x, &raw, sizeof(x));
		return x;
	}
}

static double signed_of(uint64_t raw, unsigned bits)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);

	return (double)(int64_t)((raw ^ sign) - sign);
}

static double sign_magnitude_of(uint64_t raw, unsigned bits)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);

	return raw & sign ? -(double)(raw ^ sign) : (double)raw;
}

static double bcd_of(uint64_t raw, unsigned bits)
{
	uint64_t number = 0;

	while (bits > 0) {
		unsigned digit = (unsigned)(raw >> (bits -= 4)) & 15;

		if (digit > 9)
			return (double)NAN;
		number = number * 10 + digit;
	}
	return (double)number;
}

/* Each register counts to 9,999; a negative number has none that is positive. */
static double mod10_of(uint64_t raw, unsigned bits)
{
	bool above = false, below = false;
	int64_t number = 0;

	while (bits > 0) {
		int part = (int16_t)(uint16_t)(raw >> (bits -= 16));

		if (part > 9999 || part < -9999)
			return (double)NAN;
		above |= part > 0;
		below |= part < 0;
		number = number * 10000 + part;
	}
	return above && below ? (double)NAN : (double)number;
}

static double whole_tenths_of(uint64_t raw)
{
	unsigned whole = (unsigned)(raw >> 8), tenths = raw & 0xff;

	return tenths > 9 ? (double)NAN : (whole * 10 + tenths) / 10.0;
}

static double number_of(const struct gw_modbus_field *f, uint64_t raw)
{
	unsigned bits = gw_modbus_map_type_bits(f->type);

	switch ((enum gw_point_type)f->type) {
	case GW_TYPE_BOOL: return raw != 0;
	case GW_TYPE_BIT: return (double)(raw >> f->bit & 1);
	case GW_TYPE_S8:
	case GW_TYPE_S16:
	case GW_TYPE_S24:
	case GW_TYPE_S32:
	case GW_TYPE_S48:
	case GW_TYPE_S64: return signed_of(raw, bits);
	case GW_TYPE_F16:
	case GW_TYPE_F32:
	case GW_TYPE_F64: return float_of(f->type, raw);
	case GW_TYPE_BCD16:
	case GW_TYPE_BCD32:
	case GW_TYPE_BCD64: return bcd_of(raw, bits);
	case GW_TYPE_SIGN_MAGNITUDE16:
	case GW_TYPE_SIGN_MAGNITUDE32: return sign_magnitude_of(raw, bits);
	case GW_TYPE_MOD10X2:
	case GW_TYPE_MOD10X3:
	case GW_TYPE_MOD10X4: return mod10_of(raw, bits);
	case GW_TYPE_WHOLE_TENTHS: return whole_tenths_of(raw);
	case GW_TYPE_NUMBER:
	case GW_TYPE_U8:
	case GW_TYPE_U16:
	case GW_TYPE_U24:
	case GW_TYPE_U32:
	case GW_TYPE_U48:
	case GW_TYPE_U64: break;
	}
	return (double)raw;
}

/* The power of ten in another register of the same response. SunSpec: -10 to 10, and 0x8000 for a
 * point that the device does not have. */
static double apply_exponent(
	const struct gw_modbus_field *f, const uint8_t *registers, double number)
{
	const uint8_t *at = registers + (size_t)(f->wide ? 4 : 2) * f->exponent_at;
	int exponent = (int16_t)(uint16_t)join_words(
		f->order & (GW_MODBUS_CDAB | GW_MODBUS_BADC), at, f->wide ? 2 : 1);
	double power = 1;

	if (exponent < -10 || exponent > 10)
		return (double)NAN;
	for (int i = exponent < 0 ? -exponent : exponent; i > 0; i--)
		power *= 10;
	return exponent < 0 ? number / power : number * power; /* rounds once */
}

double gw_modbus_value_decode(const struct gw_modbus_field *f, uint16_t addr,
	const uint8_t *data, uint64_t *ret_bits)
{
	unsigned at = (unsigned)f->addr - addr;
	const uint8_t *registers;
	double number;

	if (f->kind <= GW_MODBUS_DISCRETE) {
		*ret_bits = data[at / 8] >> (at % 8) & 1;
		return (double)*ret_bits;
	}
	registers = data + (size_t)(f->wide ? 4 : 2) * at;
	*ret_bits = value_bits(f, registers + (size_t)(f->wide ? 4 : 2) * f->value_at);
	number = number_of(f, *ret_bits);
	return f->has_exponent ? apply_exponent(f, registers, number) : number;
}

unsigned gw_modbus_value_bits(const struct gw_modbus_field *f)
{
	return f->kind <= GW_MODBUS_DISCRETE ? 1 : gw_modbus_map_type_bits(f->type);
}
