/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

/*
 * An event row is about 100 bytes because its texts stand once in info. What is still owed is a
 * small table of its own, in the order it is sent: the platform's answer then touches one page
 * that is in memory already, and not the event's. No
 * index but the order of rows, and that of info by digest.
 * The doubles are ANY so that they come back bit for bit (REAL would turn -0.0 into 0).
 */
/*
 * Names that the words of doc/glossary.md have outgrown. A column is renamed by a change of the
 * schema only, and files outlive versions:
 *
 *	sink            an uplink that is, or was, configured: bit is its place in
 *	                the registry (registry.h), not its slot
 *	sinks           of owed and parked: the uplinks, one bit each; undurable of event likewise
 *	owed.urgency    0 is red: GW_JOURNAL_URGENCY of the event's own level. In uplink/outbox.h
 *	                urgency counts up, and includes what later events of the alarm raised it to
 *	event.bound     the limit
 *	under           the underlying state: without shelf, suppression and out of service
 *	event.mono_ns   boot_ns, CLOCK_BOOTTIME
 *	joint.before    the row before the gap, joint.seq its successor
 *	removed         the head of the chain, where its row was deleted; no removed uplink
 *	info            the texts of an alarm, once for all events that have the same
 *	boot            boot ids, once each
 */
/* Table joint: for a row whose successor in the chain does not have the next number, the number of
 * that successor (before, seq). Table removed: the head, if its row is deleted. */
#define CHAIN \
	"CREATE TABLE joint(before INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;" \
	"CREATE TABLE removed(seq INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;"

const char gw_schema_tables[] =
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT "
	"ROWID;"
	"CREATE TABLE sink(bit INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
	"CREATE TABLE boot(id INTEGER PRIMARY KEY, boot TEXT NOT NULL) STRICT;"
	"CREATE TABLE info(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
	" class INTEGER NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, subject TEXT NOT "
	"NULL,"
	" condition TEXT NOT NULL, text TEXT NOT NULL, point TEXT NOT NULL, source TEXT "
	"NOT NULL,"
	" device TEXT NOT NULL, unit_of_measure TEXT NOT NULL, building TEXT NOT NULL,"
	" floor TEXT NOT NULL, room TEXT NOT NULL, gateway TEXT NOT NULL, unit TEXT NOT "
	"NULL,"
	" area TEXT NOT NULL, grid TEXT NOT NULL) STRICT;"
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, info INTEGER NOT NULL, run INTEGER "
	"NOT NULL,"
	" boot INTEGER NOT NULL, class INTEGER NOT NULL, level INTEGER NOT NULL,"
	" change INTEGER NOT NULL, state INTEGER NOT NULL, under INTEGER NOT NULL,"
	" quality INTEGER NOT NULL, undurable INTEGER NOT NULL, synced INTEGER NOT NULL,"
	" occurrence BLOB NOT NULL, value ANY, bound ANY, peak ANY, eta_ms INTEGER NOT "
	"NULL,"
	" mono_ns INTEGER NOT NULL, wall_ms INTEGER NOT NULL, onset_ms INTEGER NOT NULL,"
	" shelved_until_ms INTEGER NOT NULL, confirmed_by BLOB, note TEXT,"
	/* prev: NULL for the number before; before_hash: only if that row is deleted */
	" prev INTEGER, hash BLOB, before_hash BLOB) STRICT;" CHAIN
	"CREATE TABLE alarm(key TEXT PRIMARY KEY, info INTEGER NOT NULL, state INTEGER NOT "
	"NULL,"
	" under INTEGER NOT NULL, level INTEGER NOT NULL, occurrence BLOB NOT NULL,"
	" onset_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL,"
	" shelved_until_ms INTEGER NOT NULL, value ANY, peak ANY, seq INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	/* urgency: GW_JOURNAL_URGENCY(level) */
	"CREATE TABLE owed(urgency INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" sinks INTEGER NOT NULL, PRIMARY KEY(urgency, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE parked(seq INTEGER PRIMARY KEY, sinks INTEGER NOT NULL) STRICT;";

/* Rows of schema 1 get no hash. */
const char gw_schema_1_to_2[] =
	"ALTER TABLE event ADD COLUMN prev INTEGER; ALTER TABLE event ADD COLUMN hash BLOB;"
	"ALTER TABLE event ADD COLUMN before_hash BLOB;" CHAIN
	"REPLACE INTO meta VALUES('chain_from', (SELECT ifnull(max(seq), 0) FROM event));"
	"PRAGMA user_version=2";

#define EVENT_COLUMNS \
	"e.seq, e.info, e.run, e.boot, e.class, e.level, e.change, e.state, e.under," \
	" e.quality, e.undurable, e.synced, e.occurrence, e.value, e.bound, e.peak," \
	" e.eta_ms, e.mono_ns, e.wall_ms, e.onset_ms, e.shelved_until_ms, e.confirmed_by," \
	" e.note"

const char *const gw_schema_statements[GW_DB_STMTS] = {
	[GW_DB_BEGIN] = "BEGIN IMMEDIATE",
	[GW_DB_COMMIT] = "COMMIT",
	[GW_DB_ROLLBACK] = "ROLLBACK",
	[GW_DB_META_GET] = "SELECT value FROM meta WHERE name = ?",
	[GW_DB_META_PUT] = "REPLACE INTO meta VALUES(?, ?)",
	[GW_DB_UPLINK_ALL] = "SELECT bit, name FROM sink ORDER BY bit",
	[GW_DB_UPLINK_PUT] = "INSERT INTO sink VALUES(?, ?)",
	[GW_DB_BOOT_FIND] = "SELECT id FROM boot WHERE boot = ?",
	[GW_DB_BOOT_PUT] = "INSERT INTO boot(boot) VALUES(?)",
	[GW_DB_BOOT_GET] = "SELECT boot FROM boot WHERE id = ?",
	[GW_DB_INFO_FIND] = "SELECT id FROM info WHERE digest = ?",
	[GW_DB_INFO_PUT] = "INSERT INTO info VALUES"
			   "(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[GW_DB_INFO_GET] =
		"SELECT class, key, name, subject, condition, text, point, source,"
		" device, unit_of_measure, building, floor, room, gateway, unit, area,"
		" grid FROM info WHERE id = ?",
	[GW_DB_INFO_SWEEP] = "DELETE FROM info WHERE id IN (SELECT id FROM info WHERE"
			     " id NOT IN (SELECT info FROM event) AND"
			     " id NOT IN (SELECT info FROM alarm) LIMIT 500)",
	[GW_DB_EVENT_PUT] =
		"INSERT INTO event VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[GW_DB_CHAIN_LINK] = "SELECT prev, hash, before_hash FROM event WHERE seq = ?",
	[GW_DB_CHAIN_ROWS] = "SELECT " EVENT_COLUMNS ", e.prev, e.hash, e.before_hash"
			     " FROM event AS e WHERE e.seq > ? ORDER BY e.seq",
	[GW_DB_CHAIN_GAP] = "UPDATE event SET before_hash = ?2 WHERE seq = ?1",
	[GW_DB_NEXT_SEQ_PUT] = "REPLACE INTO joint VALUES(?, ?)",
	[GW_DB_NEXT_SEQ_GET] = "SELECT seq FROM joint WHERE before = ?",
	[GW_DB_NEXT_SEQ_DELETE] = "DELETE FROM joint WHERE before = ?",
	[GW_DB_REMOVED_GET] = "SELECT NULL, hash, NULL FROM removed WHERE seq = ?",
	[GW_DB_REMOVED_PUT] = "REPLACE INTO removed VALUES(?, ?)",
	[GW_DB_REMOVED_DELETE] = "DELETE FROM removed WHERE seq = ?",
	[GW_DB_REMOVED_MAX_SEQ] = "SELECT max(seq) FROM removed",
	[GW_DB_EVENT_UNDURABLE] =
		"UPDATE event SET undurable = undurable | ? WHERE seq = ?",
	[GW_DB_EVENT_RUN] = "SELECT run FROM event WHERE seq = ?",
	[GW_DB_EVENT_DELETE] = "DELETE FROM event WHERE seq = ?",
	[GW_DB_EVENT_MAX_SEQ] = "SELECT max(seq) FROM event",
	[GW_DB_EVENT_OTHER_RUN] = "SELECT count(*) FROM event WHERE seq >= ? AND run <> ?",
	[GW_DB_EVENT_MIN_SEQ_FROM] = "SELECT min(seq) FROM event WHERE seq >= ?",
	[GW_DB_ALARM_PUT] = "REPLACE INTO alarm VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	/* normal, and its last event made room for others */
	[GW_DB_ALARM_SWEEP] = "DELETE FROM alarm WHERE state = 0 AND NOT EXISTS"
			      " (SELECT 1 FROM event AS e WHERE e.seq = alarm.seq)",
	[GW_DB_ALARM_NEWER] =
		"SELECT e.seq FROM alarm AS a CROSS JOIN event AS e ON e.seq = a.seq"
		" WHERE a.key = ?1 AND a.seq > ?2 AND NOT EXISTS (SELECT 1 FROM owed AS o"
		" WHERE o.urgency = 3 - e.level AND o.seq = e.seq AND o.sinks & ?3)"
		" AND NOT EXISTS (SELECT 1 FROM parked AS p WHERE p.seq = e.seq AND"
		" p.sinks & ?3)",
	[GW_DB_ALARM_ALL] =
		"SELECT info, state, under, level, occurrence, onset_ms, since_ms,"
		" shelved_until_ms, value, peak, seq FROM alarm WHERE state <> 0 OR ?"
		" ORDER BY seq",
	[GW_DB_ALARM_HAS] = "SELECT seq FROM alarm WHERE key = ?",
	/* names: see unconfirmed.c */
	[GW_DB_UNCONFIRMED_PUT_ALL] =
		"REPLACE INTO meta SELECT 'unconfirmed ' || key, seq FROM alarm"
		" WHERE state <> 0",
	[GW_DB_UNCONFIRMED_DELETE] =
		"DELETE FROM meta WHERE name = 'unconfirmed ' || ?1 AND value <= ?2",
	[GW_DB_UNCONFIRMED_SWEEP] =
		"DELETE FROM meta WHERE name >= 'unconfirmed ' AND name < 'unconfirmed!'"
		" AND NOT EXISTS (SELECT 1 FROM alarm AS a WHERE"
		" a.key = substr(meta.name, 13) AND a.seq = meta.value AND a.state <> 0)",
	[GW_DB_UNCONFIRMED_COUNT] =
		"SELECT count(*) FROM meta WHERE name >= 'unconfirmed ' AND"
		" name < 'unconfirmed!'",
	[GW_DB_OWED_PUT] = "REPLACE INTO owed VALUES(?, ?, ?)",
	[GW_DB_OWED_GET] =
		"SELECT o.urgency, o.sinks, e.class FROM event AS e CROSS JOIN owed AS o"
		" ON o.urgency = 3 - e.level AND o.seq = e.seq WHERE e.seq = ?",
	[GW_DB_OWED_SET] = "UPDATE owed SET sinks = ?3 WHERE urgency = ?1 AND seq = ?2",
	[GW_DB_OWED_DELETE] = "DELETE FROM owed WHERE urgency = ? AND seq = ?",
	[GW_DB_OWED_COUNT] = "SELECT sinks, count(*) FROM owed GROUP BY sinks",
	[GW_DB_OWED_BATCH] = "SELECT " EVENT_COLUMNS
			     " FROM owed AS o CROSS JOIN event AS e ON e.seq = o.seq"
			     " WHERE (o.urgency, o.seq) > (?1, ?2) AND o.sinks & ?3"
			     " ORDER BY o.urgency, o.seq",
	[GW_DB_OWED_NEXT] = "SELECT urgency, seq FROM owed WHERE (urgency, seq) > (?1, ?2)"
			    " ORDER BY urgency, seq LIMIT 1",
	[GW_DB_PARKED_SWEEP] = "DELETE FROM parked WHERE sinks = 0",
	[GW_DB_OWED_UPLINKS] =
		"SELECT o.sinks FROM event AS e CROSS JOIN owed AS o"
		" ON o.urgency = 3 - e.level AND o.seq = e.seq WHERE e.seq = ?",
	[GW_DB_PARKED_UPLINKS] = "SELECT sinks FROM parked WHERE seq = ?",
	[GW_DB_UNDURABLE_UPLINKS] = "SELECT undurable FROM event WHERE seq = ?",
	[GW_DB_PARKED_PUT] =
		"INSERT INTO parked VALUES(?, ?)"
		" ON CONFLICT(seq) DO UPDATE SET sinks = sinks | excluded.sinks",
	[GW_DB_PARKED_SET] = "REPLACE INTO parked VALUES(?, ?)",
	[GW_DB_PARKED_DELETE] = "DELETE FROM parked WHERE seq = ?",
	[GW_DB_PARKED_COUNT] = "SELECT sinks, count(*) FROM parked GROUP BY sinks",
	[GW_DB_PARKED_CLEAR] =
		"UPDATE parked SET sinks = sinks & ~?2 WHERE seq = ?1 AND sinks & ?2",
	[GW_DB_PARKED_DROP] = "DELETE FROM parked WHERE seq = ? AND sinks = 0",
	[GW_DB_PARKED_BATCH] = "SELECT " EVENT_COLUMNS
			       " FROM parked AS p CROSS JOIN event AS e ON e.seq = p.seq"
			       " WHERE p.seq > ?1 AND p.sinks & ?2 ORDER BY p.seq",
	[GW_DB_PARKED_NEXT] =
		"SELECT 0, seq FROM parked WHERE seq > ?2 ORDER BY seq LIMIT 1",
	/* ?1 and ?2: seq from and before; ?3: wall_ms from; ?4: bit */
	[GW_DB_OWE_RANGE] =
		"INSERT INTO owed SELECT 3 - level, seq, ?4 FROM event"
		" WHERE seq >= ?1 AND seq < ?2 AND wall_ms >= ?3"
		" ON CONFLICT(urgency, seq) DO UPDATE SET sinks = sinks | excluded.sinks"
		" WHERE NOT sinks & excluded.sinks",
	[GW_DB_UNPARK_RANGE] =
		"UPDATE parked SET sinks = sinks & ~?4 WHERE seq >= ?1 AND seq < ?2"
		" AND sinks & ?4 AND (SELECT e.wall_ms FROM event AS e WHERE"
		" e.seq = parked.seq) >= ?3",
	[GW_DB_HISTORY] = "SELECT " EVENT_COLUMNS
			  " FROM event AS e WHERE e.wall_ms >= ? ORDER BY e.seq DESC",
	/* ?3: a level, below 0: all */
	[GW_DB_EVENT_RANGE] = "SELECT " EVENT_COLUMNS
			      " FROM event AS e WHERE e.seq > ?1 AND e.seq <= ?2"
			      " AND (?3 < 0 OR e.level = ?3) ORDER BY e.seq DESC",
	[GW_DB_DELETABLE] =
		"SELECT e.seq, ifnull((SELECT o.sinks FROM owed AS o WHERE o.urgency ="
		" 3 - e.level AND o.seq = e.seq), 0) AS owes, ifnull((SELECT p.sinks FROM"
		" parked AS p WHERE p.seq = e.seq), 0) AS parks FROM event AS e"
		" WHERE e.seq >= ?1 AND e.seq < ?2 AND e.class = ?3 AND e.level = ?4"
		" AND CASE WHEN owes & ?7 THEN 2 WHEN parks OR owes THEN 1 ELSE 0 END = ?5"
		" ORDER BY e.seq LIMIT ?6",
	[GW_DB_PAGES] = "PRAGMA page_count",
	[GW_DB_FREE_PAGES] = "PRAGMA freelist_count",
	[GW_DB_SHRINK] = "PRAGMA incremental_vacuum(256)",
};
