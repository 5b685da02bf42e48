/* SPDX-License-Identifier: Apache-2.0 */
/* scripted_store.h: a store whose clock the test sets. */
#ifndef GW_TESTS_SCRIPTED_STORE_H
#define GW_TESTS_SCRIPTED_STORE_H

#include "store_fixture.h"
#include "tests/unit/fixture/scripted_clock.h"

/* One second after the other, each with all that is due in it. */
__attribute__((unused)) static void pass(struct gw_store *s, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		now_ns += GW_NS_PER_SEC;
		turn(s);
	}
}

#endif
