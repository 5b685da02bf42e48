#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the table of floors. Prints file:line: X may not include Y."""
import pathlib
import re
import sys

MAY = {
    "gateway/base": ["base/"],
    "gateway/flow": ["base/", "flow/"],
    "gateway/alarm": ["base/", "flow/", "alarm/"],
    "gateway/engine": ["base/", "flow/", "alarm/", "engine/"],
    "gateway/source": ["base/", "flow/", "source/"],
    "gateway/store": ["base/", "flow/", "store/", "sqlite3.h", "openssl/"],
    "gateway/uplink": ["base/", "flow/", "store/", "uplink/", "curl/", "jansson.h"],
    "gateway/yaml": ["base/", "yaml/", "yaml.h"],
    "gateway/conf": ["base/", "flow/", "alarm/", "engine/", "source/", "store/", "uplink/",
                     "yaml/", "conf/"],
    "gateway/alert_log": ["base/", "flow/", "alert_log/"],
    "gateway/control": ["base/", "flow/", "alarm/", "engine/", "source/", "store/", "uplink/",
                        "conf/", "alert_log/", "control/", "jansson.h"],
    "gateway/app": ["base/", "flow/", "engine/", "source/", "store/", "uplink/", "conf/",
                    "yaml/files.h", "alert_log/", "control/", "app/", "jansson.h", "openssl/"],
    "gateway/term": ["base/", "term/"],
    "gateway/replay": ["base/", "flow/", "alarm/", "source/quality.h", "conf/",
                       "replay/", "term/"],
    "gateway/ctl": ["base/", "term/", "control/protocol.h", "control/command_row.h",
                    "control/commands.def", "ctl/",
                    "yaml.h", "jansson.h"],
    "gateway/backup": ["base/", "source/state_files.h", "store/", "yaml/files.h", "conf/load.h",
                       "control/", "ctl/connection.h", "backup/", "sqlite3.h", "openssl/",
                       "jansson.h"],
    "drivers": ["base/", "flow/", "source/driver.h", "base/backoff.h", "drivers/",
                "modbus.h", "mosquitto.h", "openssl/"],
}
GUARDED = ("base/", "flow/", "alarm/", "engine/", "source/", "store/", "uplink/", "conf/",
           "yaml/", "alert_log/", "control/", "app/", "term/", "ctl/", "replay/", "backup/", "drivers/", "sqlite3.h", "curl/", "yaml.h", "modbus.h",
           "mosquitto.h", "openssl/", "jansson.h")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')


def complaints(root):
    for path in sorted(root.glob("gateway/**/*.[ch]")) + sorted(root.glob("drivers/**/*.[ch]")):
        rel = path.relative_to(root)
        folder = "drivers" if rel.parts[0] == "drivers" else "/".join(rel.parts[:2])
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found or not found[1].startswith(GUARDED):
                continue
            if not found[1].startswith(tuple(MAY.get(folder, ()))):
                yield f"{rel}:{number}: {folder}/ may not include {found[1]}"


if __name__ == "__main__":
    lines = list(complaints(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
    print("\n".join(lines) or "floors: clean")
    sys.exit(1 if lines else 0)
