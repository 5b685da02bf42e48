#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema is one, takes what ships and refuses what is wrong: schema.py SCHEMA CONFIG..."""
import copy
import json
import pathlib
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"schema: {missing}")
    sys.exit(77)


class Loader(yaml.SafeLoader):
    """YAML 1.2's idea of true and false: `on` is a key like any other."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rows if tag != "tag:yaml.org,2002:bool"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))

# What is changed in the first config: a path to it and what stands there then.
WRONG = (
    (("gateway", "id"), 7),
    (("gateway", "oops"), "x"),
    (("sources", 0, "driver"), "modbus-tpc"),
    (("sources", 0, "poll"), "1"),
    (("sources", 0, "devices", 1, "points", 0, "type"), "s17"),
    (("sources", 0, "devices", 1, "points", 0, "path"), "/x"),
    (("sources", 0, "devices", 1, "points"), [{"name": "x"}]),
    (("alarms", 0, "level"), "purple"),
    (("alarms", 0, "when"), {"above": 1, "below": 2}),
    (("alarms", 0, "when"), {"above": 1, "within": "1s"}),
    (("alarms", 0, "when"), {"rises": 1}),
    (("alarms", 0, "on_delay"), 10),
    (("alarms", 0, "unless"), []),
    (("alarms", 0, "unless"), 7),
    (("alarms", 0, "chatter"), "stop"),
    (("uplinks", 0, "url"), ["x"]),
    (("uplinks", 0, "accept"), ["x"]),
    (("uplinks", 0, "accept"), "all"),
    (("uplinks", 0, "accept"), {"/errcode": [0]}),
)


def main(schema_path, *config_paths):
    schema = json.loads(pathlib.Path(schema_path).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failed = False
    for path in config_paths:
        config = yaml.load(pathlib.Path(path).read_text(), Loader)
        for error in validator.iter_errors(config):
            print(f"{path}: {list(error.absolute_path)}: {error.message}")
            failed = True
    config = yaml.load(pathlib.Path(config_paths[0]).read_text(), Loader)
    for path, value in WRONG:
        wrong = copy.deepcopy(config)
        at = wrong
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        if validator.is_valid(wrong):
            print(f"{path} = {value!r} is taken for good")
            failed = True
    print(f"schema: {len(config_paths)} configs, {len(WRONG)} mistakes")
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
