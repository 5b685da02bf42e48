# SPDX-License-Identifier: Apache-2.0
"""The planted defects: what is changed in the gateway, and which trials must find it out."""
from defects import Defect

DELIVERY = "gateway/uplink/delivery.c"

DEFECTS = [
    # ---- cures taken out
    Defect("a refusal is believed without a witness", DELIVERY,
           "	if (gw_refusal_note(&u->outbox))\n		u->delivery.probes++;\n",
           "	gw_refusal_note(&u->outbox);\n"
           "	for (size_t i = 0; i < u->outbox.n;)\n"
           "		if (u->outbox.items[i]->awaits_witness) {\n"
           "			struct gw_outbox_item *it = gw_outbox_remove(&u->outbox, i);\n\n"
           "			gw_delivery_park(u, it->seq, r->why);\n"
           "			free(it);\n"
           "		} else {\n"
           "			i++;\n"
           "		}\n"
           "	gw_refusal_abandon(&u->outbox);\n",
           ("platform/status-400",)),
    Defect("a refusal while stopping parks", DELIVERY,
           "	else if (r.verdict == GW_SINK_REFUSED && !stopping(u))\n		on_refused(u, &r);\n",
           "	else if (r.verdict == GW_SINK_REFUSED && stopping(u))\n"
           "		for (size_t i = 0; i < u->delivery.n_picked; i++)\n"
           "			gw_delivery_park(u, u->delivery.picked[i]->seq, r.why);\n"
           "	else if (r.verdict == GW_SINK_REFUSED)\n		on_refused(u, &r);\n",
           ("platform/stop-during-401",)),
    Defect("unreadable is taken for corrupt, and left behind", "gateway/store/previous_run.c",
           "	if (rc == GW_ERR_CORRUPT) /*", "	if (rc && (rc = GW_ERR_CORRUPT)) /*",
           ("disk/start-read-eio", "disk/start-read-eio-on"),
           (("gateway/store/recovery.c", "	gw_salvage_all(s);\n	return check_contents",
             "	return check_contents"),)),
    Defect("a start takes the next number only", "gateway/store/run_counter.c",
           "	return base + 1 + random_bits(RANDOM_BITS);\n",
           "	return previous + 1 + 0 * (base + random_bits(RANDOM_BITS));\n",
           ("disk/folder-emptied",)),
    Defect("a new uplink shares the place of another", "gateway/store/registry.c",
           "		if (!row->name) {\n			*ret_row = row;\n			return GW_OK;\n"
           "		}\n",
           "		if (!row->name || s->used_slots > 1) {\n			*ret_row = row;\n"
           "			return GW_OK;\n		}\n",
           ("configuration/uplink-added", "configuration/uplink-added-then-eio")),
    Defect("what a renamed uplink was owed is not inherited", "gateway/store/registry.c",
           "	for (size_t bit = 0; *url && bit < GW_STORE_SLOTS; bit++)\n"
           "		if (is_removed",
           "	for (size_t bit = GW_STORE_SLOTS; *url && bit < GW_STORE_SLOTS; bit++)\n"
           "		if (is_removed",
           ("configuration/uplink-renamed",)),
    Defect("over-range is bad", "gateway/source/quality.c",
           "GW_QUALITY_UNDER_RANGE : GW_QUALITY_OVER_RANGE;",
           "GW_QUALITY_UNDER_RANGE : GW_QUALITY_BAD_RANGE;",
           ("sensor/over-range",)),
    Defect("a dead point beside a living one is not reported", "gateway/alarm/condition_unreadable.c",
           "	} else if (device_heard(o, m, in)) {\n		result->condition_true = true;\n",
           "	} else if (device_heard(o, m, in)) {\n		result->condition_true = false;\n",
           ("sensor/dead-point-exception",)),
    Defect("a retained value is taken for a live one", "drivers/mqtt_retained.c",
           "	if (!is_retained(r, flag, v5, all_received, hash)) {\n",
           "	if (flag || !is_retained(r, flag, v5, all_received, hash)) {\n",
           ("sensor/stale-retained-kill", "sensor/stale-retained-broker")),
    Defect("an over-long message ends the link", "drivers/mqtt_link.c",
           "		begin_oversize(l);\n",
           "		begin_oversize(l);\n"
           "		extern int shutdown(int, int);\n"
           "		shutdown(mosquitto_socket(l->m), 2);\n",
           ("sensor/message-too-long",)),
    # ---- others
    Defect("marked delivered before the answer", DELIVERY,
           "	prepare_bodies(u, committed);\n	u->delivery.has_untried = false;\n",
           "	prepare_bodies(u, committed);\n"
           "	for (size_t i = 0; i < u->delivery.n_picked; i++)\n"
           "		gw_backlog_mark(&u->backlog, u->delivery.picked[i]->seq,\n"
           "			GW_MARK_DELIVERED);\n"
           "	u->delivery.has_untried = false;\n",
           ("platform/client-certificate-expired",)),
    Defect("said to be committed before it is", "gateway/store/writer.c",
           "		if (!rc)\n			rc = write_transaction(s, &w, err);\n",
           "		if (!rc && s->n_entries > 0)\n"
           "			publish_committed(s, s->entries[s->n_entries - 1].event.seq);\n"
           "		if (!rc)\n			rc = write_transaction(s, &w, err);\n",
           ("power_cut",)),
    Defect("commits are not synced", "gateway/store/db.c",
           "PRAGMA synchronous=FULL;", "PRAGMA synchronous=OFF;", ("power_cut",)),
    Defect("a repeat forgets that it left undurable", DELIVERY,
           "			gw_backlog_mark(&u->backlog, it->seq, GW_MARK_UNDURABLE);\n", "",
           ("disk/undurable-repeat",)),
    Defect("the next batch begins one too far", "gateway/store/journal_read.c",
           "	sqlite3_bind_int(st, 1, GW_JOURNAL_URGENCY(after_level));\n"
           "	sqlite3_bind_int64(st, 2, (int64_t)after_seq);\n",
           "	sqlite3_bind_int(st, 1, GW_JOURNAL_URGENCY(after_level));\n"
           "	sqlite3_bind_int64(st, 2, (int64_t)after_seq + 1);\n",
           ("platform/backlog",)),
    Defect("newest first", "gateway/uplink/outbox.c",
           "(it->urgency == urgency && it->seq < seq))",
           "(it->urgency == urgency && it->seq > seq))",
           ("platform/status-500", "platform/backlog")),
    Defect("the start forgets what stood", "gateway/engine/restore.c",
           "	if (a)\n		gw_restore_alarm(e, a, record, now.boot_ns, &now);\n",
           "	if (a && !record->seq)\n"
           "		gw_restore_alarm(e, a, record, now.boot_ns, &now);\n",
           ("platform/client-certificate-expired", "crash/random-0", "disk/sync-5s")),
    Defect("a message is acknowledged before its commit", "drivers/mqtt_ack.c",
           "	if (a->n == 0)\n		return true;\n	if (gw_emit_is_committed",
           "	if (a->n > 0)\n		end_group(a, now_ns);\n"
           "	if (a->n == 0)\n		return true;\n	if (gw_emit_is_committed",
           ("crash/random-*", "crash/life-*")),
    Defect("a renamed alarm is not cleared", "gateway/engine/adopt.c",
           "			on_unconfigured(arg, &record, &was->opts->info);\n",
           "			(void)on_unconfigured, (void)arg;\n",
           ("configuration/alarm-renamed",)),
    Defect("each failing write leaks a descriptor", "gateway/store/writer.c",
           "	s->failing = true;\n	s->why = *why;\n",
           "	s->failing = true;\n	s->why = *why;\n	{\n		extern int dup(int);\n		(void)!dup(2);\n	}\n",
           ("disk/late-sync-eio",)),
    Defect("alarms wait ten seconds for a commit", "gateway/uplink/uplink.h",
           "#define GW_UPLINK_COMMIT_WAIT_NS (200 * GW_NS_PER_MS)",
           "#define GW_UPLINK_COMMIT_WAIT_NS (10000 * GW_NS_PER_MS)",
           ("disk/sync-12s", "resources/thread-store")),
]
