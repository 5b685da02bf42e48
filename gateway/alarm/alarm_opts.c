/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/alarm_opts.h"

struct gw_state_opts gw_alarm_state_opts(const struct gw_alarm_opts *o)
{
	return (struct gw_state_opts){.on_delay_ns = o->on_delay_ns,
		.off_delay_ns = o->off_delay_ns,
		.re_alarm_ns = o->re_alarm_ns,
		.latch = o->latch,
		.hold_while_chattering = o->chatter_rule == GW_CHATTER_HOLD};
}
