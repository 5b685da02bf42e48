/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h: the protocol of the control socket between tocsin and tocsind, a Unix stream socket
 * (0660, group tocsin-operators). One JSON object a line, both ways; UTF-8; no line is longer than
 * GW_PROTOCOL_REQUEST_MAX on the way in, newline included.
 *
 * Requests (a key that is not listed here is refused):
 *   {"cmd":"status"}
 *   {"cmd":"points","pattern":"plant/heat-?f/temp*"}   pattern is optional
 *   {"cmd":"alarms","all":true}                              optional: not only standing ones
 *   {"cmd":"ack","alarm":"KEY or unique NAME","note":"..."}  note is optional; likewise
 *   {"cmd":"reset","alarm":"..."}
 *   {"cmd":"shelve","alarm":"...","for":"30min","note":"..."}
 *   {"cmd":"unshelve","alarm":"..."}
 *   {"cmd":"record","max_bytes":1000000}                     optional; GW_PROTOCOL_RECORD_BYTES
 *   {"cmd":"reload","force":true}                            optional: even if it takes all uplinks
 *                                                            or alarms away while some matter
 *   {"cmd":"resend","since_seq":4711,"uplink":"city"}        all optional; since_ms (wall time)
 *                                                            instead of since_seq
 *   {"cmd":"verify"}
 *   {"cmd":"backup"}                                         of root or the daemon's user
 *   {"cmd":"tail","last":10,"since_ms":1795220130123,"json":true}   all three optional
 *
 * Replies: {"ok":true,"result":...} or {"ok":false,"error":"in plain English"}; if no alarm or
 * more than one has the name, "candidates":["key",...] besides. The result of status is an
 * object, of points and alarms an array, of ack, reset, shelve and unshelve
 * {"alarm":"key","state":"active-acked"}.
 *
 * reload: {"sources":1,"alarms":9,"uplinks":1}, or the first complaint as its error.
 * resend: {"uplinks":[{"name":"city","parked":2,"resent":17}]}: how many parked events are offered
 * again, and how many delivered ones of the journal are sent again.
 *
 * verify:
 * {"events":4711,"unchained":0,"broken":null,"why":"","head":{"seq":4711,"sha256":"..."}} once
 * every row was read: events in the journal, those of an earlier version that have no hash, the
 * first that was changed and why, and the end of the chain of hashes.
 *
 * backup: lines {"progress":{"done":1024,"pages":4096}} while the database is copied, then
 * {"bytes":4194304} and with it a descriptor (SCM_RIGHTS) that reads the copy, which has no name.
 * If the client goes away, the copy is given up.
 *
 * tail: {"ok":true,"result":{"following":true}} and then, without end, lines of
 *   {"line":"2026-11-21T08:15:30.123+08:00 RED raised ..."}    as in the alert log
 *   {"event":{...}}                                            with json: the event's data object
 *   {"note":"..."}                                             history is missing, and why
 *   {"ok":false,"error":"..."}                                 and the connection is closed
 * last: so many transitions from history first; since_ms: those at or after this wall time.
 * With since_ms alone the newest GW_PROTOCOL_TAIL_MAX. Between history and live events nothing
 * is missing and nothing comes twice.
 *
 * record: {"ok":true,"result":{"recording":true}}; all bytes after that line are those of the
 * file. When the client closes its half of the connection, or max_bytes is reached, the rest
 * and the end of the file follow. One client at a time.
 *
 * A request must be complete GW_PROTOCOL_READ_MS after the connection or the last reply. A line
 * that is malformed, too long or too slow gets an error and the connection is closed; a request
 * that is refused for its meaning leaves it open. A client that does not read is disconnected.
 * At most GW_PROTOCOL_CLIENTS are connected, and GW_PROTOCOL_STAY of them in tail or record, so
 * that a client that wants to acknowledge can always connect; of one user
 * GW_PROTOCOL_UID_CLIENTS and _UID_STAY.
 */
#ifndef GW_CONTROL_PROTOCOL_H
#define GW_CONTROL_PROTOCOL_H

#define GW_PROTOCOL_SOCKET       "/run/tocsin/control.sock"
#define GW_PROTOCOL_GROUP        "tocsin-operators"
#define GW_PROTOCOL_REQUEST_MAX  4096
#define GW_PROTOCOL_READ_MS      5000
#define GW_PROTOCOL_CLIENTS      32
#define GW_PROTOCOL_UID_CLIENTS  24 /* of one user: others come in, too */
#define GW_PROTOCOL_STAY         30 /* that follow or record: the rest is for short requests */
#define GW_PROTOCOL_UID_STAY     22 /* of one user */
#define GW_PROTOCOL_TAIL_MAX     10000
#define GW_PROTOCOL_NOTE_MAX     127 /* bytes of a note */
#define GW_PROTOCOL_RECORD_BYTES (256 << 20)
#define GW_PROTOCOL_SHELVE_DAYS  30 /* longest time an alarm may be shelved at once */

/* The exact beginnings of lines, so that a client may pass the rest on byte for byte. */
#define GW_PROTOCOL_OK    "{\"ok\":true,\"result\":"
#define GW_PROTOCOL_EVENT "{\"event\":"

#endif
