#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What keeps the tree readable: structure.py ROOT

- a struct, enum or union tag is defined once in gateway/ and drivers/
- words that say nothing to a reader are no identifiers and no names of files
- a word that has one meaning here (doc/glossary.md) is used in the folders that it belongs to,
  in identifiers and in comments
- a name of a file is in one folder only
- the includes of modules (X.h and X.c are one) have no circle but the one in CIRCLES
- an internal header has structs and inline functions, no prototypes
- each header has its .c file
- a gw_ or GW_ name in a comment is one of the code: a rename includes the comments
- no line with a comment has more than COLUMNS_MAX columns (code and texts: clang-format)
- no C file of config/, drivers/, gateway/, man/ and tests/ has more than LINES_MAX lines"""
import pathlib
import re
import sys

TAG = re.compile(r"\b(?:struct|enum|union)\s+(\w+)\s*\{")
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
                      r"|^[ \t]*#[ \t]*include[^\n]*", re.S | re.M)
COMMENT = re.compile(r'(//[^\n]*|/\*.*?\*/)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
# gw_x_* stands for all that begin so, an X for any word.
NAME = re.compile(r"\b(?:gw|GW)_\w+\*?")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)

# A word, and what to write instead.
WORDS = {
    "story": "alarm_record", "moved": "has_record", "past": "history", "rest": "quiet_band",
    "rested": "quiet_band", "kept": "buffered", "recall": "flush", "calm": "in_band",
    "ask": "evaluate, request", "answer": "result, reply", "truth": "condition",
    "heed": "process_sample", "hear": "on_member", "tell": "emit", "told": "notified",
    "settle": "update_timers", "move": "transition", "ebb": "flood_end",
    "reveal": "flood_release", "feed": "ingest", "runner": "thread", "inside": "X_internal",
    "inner": "X_internal", "keep": "retention", "aside": "quarantine", "session": "recovery",
    "rotated": "credentials", "pulse": "watchdog", "pieces": "json_fields",
    "overview": "status_gateway", "answers": "reply", "caller": "client", "follow": "tail",
    "doubt": "incomplete", "meet": "apply_template", "draft": "pending_alarm",
    "beside": "exec", "sheet": "table", "show": "print", "judge": "silence_filter",
    "unroll": "decode", "breaker": "backoff",
    "hole": "absent", "news": "changes_plan", "apart": "distinguishable", "stray": "is_added",
    "bridge": "max_gap", "babble": "never_silent", "orphan": "unconfigured",
    "remark": "note", "mono_ns": "boot_ns", "gift": "reassign", "debts": "owed",
}
# A setting keeps the name of its key.
KEYS = {("drivers/modbus.c", "bridge"), ("drivers/modbus_opts.c", "bridge"),
        ("drivers/modbus_opts.h", "bridge")}
# Words with one meaning, where identifiers and comments may have them, and what to write elsewhere.
ONE_MEANING = {
    "generation": (("app", "control"), "revision"),
    "heir": (("store",), "successor"),
    "parked": (("uplink", "store", "app", "control"), "waiting, stopped"),
    "settled": (("uplink",), "stable, done"),
    "witness": (("uplink",), "proof"),
    "slot": (("store", "uplink", "app", "control"), "entry, bucket, place"),
    "suspect": (("uplink",), "recheck, unresponsive"),
    "member": (("alarm", "engine", "conf", "flow"), "field"),
    "drain": (("app", "base", "control", "engine", "store", "uplink"), "discard, wait"),
}
# Every program has one.
COMMON_NAMES = {"main.c"}
# These have a plain meaning as a local variable or a member, but name no module.
MODULES = {"out": "outputs", "tables": "build", "queue": "timers", "round": "writer",
           "line": "mailbox", "texts": "strings", "watch": "link_state", "same": "compare",
           "order": "toposort", "finish": "resolve", "groups": "setting_groups",
           "when": "time_arg", "pair": "compare", "room": "capacity"}
ALL = {**WORDS, **MODULES}
# Headers without a .c file of their name.
NO_SOURCE = {
    "alarm/condition_internal.h": "inline functions that conditions share",
    "app/gateway_internal.h": "structs only: each file of app/ has its own functions",
    "conf/config.h": "structs only: a loaded configuration",
    "control/command_row.h": "structs only: see commands.def",
    "control/protocol.h": "constants only: the protocol",
    "ctl/invocation.h": "structs only",
    "engine/engine_internal.h": "structs and their seqlock: each file of engine/ has its functions",
    "flow/alarm_record.h": "structs only: what the engine and the store keep of an alarm",
    "replay/reading.h": "a struct only",
    "source/driver.h": "the contract of drivers, each in its own file",
    "store/store_internal.h": "structs only: each file of store/ has its own functions",
    "uplink/payload.h": "the contract of payload formats",
    "uplink/sink.h": "the contract of sinks",
    "uplink/uplink_internal.h": "structs only: each file of uplink/ has its own functions",
}


# The one circle: what an alarm does may be a sample of another alarm's (engine/alarm.h states the
# bound of that recursion).
CIRCLES = {"engine"}
# A file of more is split by what its parts do; of a test, by the module that each part tests.
LINES_MAX = 500
COLUMNS_MAX = 100
PROTOTYPE = re.compile(r"^(?!static |typedef |extern )[A-Za-z_][\w \t*]*\b(\w+)\([^;{]*\);", re.M)


def code(path):
    return NOT_CODE.sub(" ", path.read_text("utf-8"))


def comments(text):
    """(number of the line, its text) of each line of a comment."""
    for found in COMMENT.finditer(text):
        first = text.count("\n", 0, found.start()) + 1
        yield from enumerate((found[1] or "").splitlines(), first)


def stale(mentions, known):
    """Names in comments that the code does not have."""
    text = " ".join(sorted(known))
    for file, number, word in mentions:
        pattern = "_".join(r"\w+" if part == "X" else part for part in word.rstrip("*").split("_"))
        end = "" if word[-1] in "_*" else r"\b"
        if not re.search(rf"\b{pattern}{end}", text):
            yield f"{file}:{number}: {word} is in no code"


def module(name):
    """X.h and X.c are one; but the header of a folder's name is its interface, which every file
    of the folder may include, while the source of that name may use every file."""
    stem = re.sub(r"\.(c|h|def)$", "", name)
    return name if name.endswith(".h") and stem.split("/")[0] == stem.split("/")[-1] else stem


def short(root, path):
    """As includes name it."""
    path = path.relative_to(root)
    return str(path.relative_to("gateway") if path.parts[0] == "gateway" else path)


def circles(edges):
    """The strongly connected components of more than one module, by Tarjan."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(edges.get(v, ())):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            circle = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(circle) > 1:
                found.append(sorted(circle))
    for v in sorted(edges):
        if v not in index:
            visit(v)
    return found


def complaints(root):
    files = sorted([*root.glob("gateway/*/*.[ch]"), *root.glob("drivers/*.[ch]")])
    names = {short(root, f) for f in files}
    where, edges, known, mentions, same_name = {}, {}, set(), [], {}
    for file in files:
        name, text = short(root, file), code(file)
        known.update(word.rstrip("*") for word in NAME.findall(text))
        mentions += [(name, number, word) for number, line in comments(file.read_text("utf-8"))
                     for word in NAME.findall(line)]
        for tag in TAG.findall(text):
            if where.setdefault(tag, name) != name:
                yield f"{name}: {tag} is defined in {where[tag]}, too"
        for word in sorted(set(re.findall(r"[A-Za-z_]\w*", text))):
            parts = word.lower().split("_")[1:] if word.lower().startswith("gw_") else []
            if word in WORDS and (name, word) not in KEYS:
                yield f"{name}: {word} says nothing: {WORDS[word]}?"
            elif parts and parts[0] in ALL:
                yield f"{name}: {word} says nothing: {ALL[parts[0]]}?"
            for part in parts[1:]:
                if part in WORDS:
                    yield f"{name}: {word}: {part} says nothing: {WORDS[part]}?"
            for one, (folders, instead) in ONE_MEANING.items():
                if name.split("/")[0] not in folders and \
                        re.search(rf"(?:^|_){one}(?:s|ed|ing)?(?:_|$)", word.lower()):
                    yield f"{name}: {word} has another meaning in {folders[0]}: {instead}?"
        for number, line in comments(file.read_text("utf-8")):
            for one, (folders, instead) in ONE_MEANING.items():
                if name.split("/")[0] not in folders and \
                        re.search(rf"\b{one}(?:e?s|ed|ing)?\b", line.lower()):
                    yield f"{name}:{number}: {one} has another meaning in {folders[0]}: {instead}?"
        first = same_name.setdefault(pathlib.PurePath(name).name, name)
        if first != name and pathlib.PurePath(name).name not in COMMON_NAMES:
            yield f"{name}: {first} has the same name"
        stem = pathlib.PurePath(name).stem
        if stem in ALL:
            yield f"{name}: the name says nothing: {ALL[stem]}?"
        internal = name.endswith("_internal.h")
        for prototype in PROTOTYPE.findall(text) if internal else ():
            if prototype != "static_assert":
                yield f"{name}: {prototype} is a prototype: an internal header has structs only"
        # Structs that all files of a folder know make no circle of what their functions call.
        edges.setdefault(module(name), set()).update(
            module(i) for i in INCLUDE.findall(file.read_text("utf-8"))
            if i in names and module(i) != module(name) and not i.endswith("_internal.h"))
        if name.endswith(".h") and name[:-1] + "c" not in names and name not in NO_SOURCE:
            yield f"{name}: has no {name[:-1]}c"
    yield from stale(mentions, known)
    for folder in ("config", "drivers", "gateway", "man", "tests"):
        for file in sorted(root.glob(folder + "/**/*.[ch]")):
            text = file.read_text("utf-8")
            lines, name = text.splitlines(), file.relative_to(root)
            if len(lines) > LINES_MAX:
                yield f"{name}: {len(lines)} lines, more than {LINES_MAX}: split it"
            for number in sorted({number for number, _ in comments(text)}):
                columns = len(lines[number - 1].expandtabs(8))
                if columns > COLUMNS_MAX:
                    yield f"{name}:{number}: {columns} columns with a comment: wrap it"
    allowed = set(CIRCLES)
    for circle in circles(edges):
        folders = {name.split("/")[0] for name in circle}
        if len(folders) == 1 and folders <= allowed:
            allowed -= folders
        else:
            yield f"include circle: {', '.join(circle)}"


if __name__ == "__main__":
    lines = list(complaints(pathlib.Path(sys.argv[1])))
    print("\n".join(lines) or "structure: clean")
    sys.exit(1 if lines else 0)
