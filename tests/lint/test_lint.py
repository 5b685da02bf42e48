#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each lint finds what is planted for it and passes what is right: test_lint.py BUILD CC"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD, CC = sys.argv.pop(1), sys.argv.pop(1)


class Lint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def lint(self, name, *args):
        run = subprocess.run([sys.executable, "-B", str(HERE / name), *map(str, args)],
                             capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def test_floors(self):
        self.plant("gateway/base/a.c", '#include "base/a.h"\n#include <stdio.h>\n')
        self.plant("drivers/sim.c", '#include "source/driver.h"\n')
        self.assertEqual(self.lint("floors.py", self.root)[0], 0)
        self.plant("drivers/sim.c", '\n#include "app/gateway.h"\n')
        self.plant("gateway/flow/b.h", '#  include "engine/engine.h"\n')
        self.plant("gateway/new/c.c", '#include "base/a.h"\n')
        self.plant("gateway/uplink/d.c", "#include <sqlite3.h>\n")
        code, said = self.lint("floors.py", self.root)
        self.assertEqual(code, 1)
        self.assertEqual(said.splitlines(), [
            "gateway/flow/b.h:1: gateway/flow/ may not include engine/engine.h",
            "gateway/new/c.c:1: gateway/new/ may not include base/a.h",
            "gateway/uplink/d.c:1: gateway/uplink/ may not include sqlite3.h",
            "drivers/sim.c:2: drivers/ may not include app/gateway.h",
        ])

    def test_unit_file(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        text = (pathlib.Path(BUILD) / "systemd/tocsind.service").read_text()
        code, said = self.lint("unit_file.py", self.plant("tocsind.service", text))
        self.assertEqual(code, 0, said)
        # the sum stays what it may be
        self.assertIn("RemoveIPC=yes\n", text)
        self.plant("tocsind.service", text.replace("RemoveIPC=yes\n", ""))
        code, said = self.lint("unit_file.py", self.root / "tocsind.service")
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"\nRemoveIPC=: ")

    def test_headers(self):
        self.plant("gateway/base/good.h", "#ifndef A\n#define A\nstruct a { int b; };\n#endif\n")
        code, said = self.lint("headers.py", self.root, BUILD)
        self.assertEqual(code, 0, said)
        self.plant("gateway/base/needs.h", "size_t needs_stddef(void);\n")
        self.plant("drivers/twice.h", "struct twice { int a; };\n")
        self.plant("config/also.h", "size_t needs_stddef(void);\n")
        code, said = self.lint("headers.py", self.root, BUILD)
        self.assertEqual(code, 1)
        self.assertIn("gateway/base/needs.h: does not compile alone", said)
        self.assertIn("drivers/twice.h: does not compile alone", said)
        self.assertIn("config/also.h: does not compile alone", said)
        self.assertNotIn("good.h:", said)

    def test_format(self):
        shutil.copy(HERE.parent.parent / ".clang-format", self.root)
        self.plant("gateway/a.c", "int f(void)\n{\n\treturn 1;\n}\n")
        code, said = self.lint("format.py", self.root)
        if code == 77:
            self.skipTest(said)
        self.assertEqual(code, 0, said)
        for path in ("tests/unit/b.c", "config/b.c", "man/b.c"):
            file = self.plant(path, "int f(void) {\n    return 1;\n}\n")
            self.assertEqual(self.lint("format.py", self.root)[0], 1, path)
            pathlib.Path(file).unlink()

    def test_another_clang_is_passed_over(self):
        for name in "format", "tidy":
            tool = pathlib.Path(self.plant(f"bin/clang-{name}", "#!/bin/sh\necho version 19.1.7\n"))
            tool.chmod(0o755)
            run = subprocess.run([sys.executable, "-B", HERE / f"{name}.py", self.root, BUILD],
                                 env={"PATH": str(tool.parent)}, capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stdout),
                             (77, f"{name}: no clang-{name} 14 is installed\n"), run.stderr)

    def test_named(self):
        self.plant("gateway/base/a.c", "")
        self.plant("tests/e2e/test_a.py", "def test_one(gateway):\n    pass\n")
        self.plant("tests/unit/test_b.c", "static void two(void **state)\n")
        self.plant("tests/unit/meson.build", "unit_tests = [\n    'test_b.c',\n]\n")
        self.plant("tests/lint/c.py", "")
        self.plant("tests/lint/meson.build", "test('lint_c', python3, files('c.py'))\n")
        self.plant("doc/page.md", "`gateway/base/` `tests/e2e/test_a.py` `unit/test_b.c::two`\n")
        self.plant("README.md", "| `e2e/test_a.py::test_one`, `::test_one` | `lint/lint_c`\n"
                   "`lint/c.py --check FILE`, `/dev/ttyUSB0`, `a.c`, `doc/page.md`\n")
        code, said = self.lint("named.py", self.root)
        self.assertEqual(code, 0, said)
        self.plant("tests/unit/test_bb.c", "")
        self.plant("tests/lint/d.py", "")
        self.plant("doc/page.md", "\n`gateway/bass/`\n`e2f/test_a.py`\n")
        self.plant("README.md", "`e2e/test_a.py::test_on` `::test_one` `::test_three`\n"
                   "`e2e/test_z.py` `unit/test_bb.c` `unit/test_b.c::tw`\n"
                   "`lint/lint_d` `lint/d.py`\n")
        code, said = self.lint("named.py", self.root)
        self.assertEqual(code, 1)
        self.assertEqual(said.splitlines(), [
            "README.md:1: e2e/test_a.py has no test_on",
            "README.md:1: e2e/test_a.py has no test_three",
            "README.md:2: e2e/test_z.py is not there",
            "README.md:2: unit/test_bb.c is not run",
            "README.md:2: unit/test_b.c has no tw",
            "README.md:3: lint/lint_d is not there",
            "README.md:3: lint/d.py is not run",
            "doc/page.md:2: gateway/bass/ is not there",
            "doc/page.md:3: e2f/test_a.py is not there",
        ])

    def test_named_in_hacking(self):
        self.plant("tests/e2e/test_a.py", "")
        self.plant("gateway/store/db.c", "")
        self.plant("README.md", "")
        self.plant("doc/page.md", "")
        self.plant("HACKING.md", "`store/db.c` `drivers/X.c` `db.c` `X.h`\n`store/bd.c` `bd.h`\n")
        code, said = self.lint("named.py", self.root)
        self.assertEqual((code, said.splitlines()), (1, [
            "HACKING.md:2: store/bd.c is not there",
            "HACKING.md:2: bd.h is in no folder",
        ]))

    def test_structure(self):
        self.plant("gateway/base/a.h", '#include "base/b.h"\nstruct gw_a { int line; };\n')
        self.plant("gateway/base/a.c", '#include "base/a.h"\n/* told; "story";\n * gw_a, gw_a_*, gw_X_d */\n')
        self.plant("gateway/base/b.h", "struct gw_b { int b; };\nint gw_a_c(void);\nint gw_c_d(void);\n")
        self.plant("gateway/base/b.c", '#include "base/b.h"\nstatic char s[] = "told";\n')
        self.plant("tests/unit/base/test_a.c", "\n" * 500)
        code, said = self.lint("structure.py", self.root)
        self.assertEqual(code, 0, said)
        self.plant("gateway/base/b.c", '#include "base/a.h"\n')
        self.plant("gateway/base/c.h", "struct gw_a { int told; };\n")
        self.plant("drivers/pulse.c", "int gw_line_put(void), gw_x_told;\n"
                   "/* gw_line_put,\n * gw_z; GW_Z_MAX, gw_z_*, gw_X_e, gw_a_ */\n")
        self.plant("gateway/store/store_internal.h", '#include "store/x.h"\nint gw_x(void);\n')
        self.plant("tests/unit/base/test_a.c", "\n" * 501)
        self.plant("tests/peers/b.h", "\n" * 502)
        self.plant("drivers/long.c", "\n" * 503)
        self.plant("config/long.c", "\n" * 504)
        self.plant("man/long.c", "\n" * 505)
        self.plant("drivers/wide.c", "/* " + "a" * 94 + " */\n\t/* " + "a" * 87 + " */\n"
                   "static char b[] = \"" + "c" * 99 + "\";\n")
        self.plant("gateway/store/x.h", "")
        self.plant("gateway/store/d.c", "int suspect, slot, slots_n, suspended;\n")
        self.plant("drivers/d.c", "int n_slots, suspects;\nint slotted, bridge;\n/* a\n * Slots. */\n")
        self.plant("drivers/main.c", "int member_of, members, remembered;\n")
        self.plant("gateway/app/main.c", "int draining;\n")
        self.plant("drivers/modbus.c", "int bridge, hole;\n")
        self.plant("gateway/store/x.c", '#include "store/store_internal.h"\n')
        code, said = self.lint("structure.py", self.root)
        self.assertEqual(code, 1)
        self.assertEqual(said.splitlines(), [
            "drivers/d.c: bridge says nothing: max_gap?",
            "drivers/d.c: n_slots has another meaning in store: entry, bucket, place?",
            "drivers/d.c: suspects has another meaning in uplink: recheck, unresponsive?",
            "drivers/d.c:4: slot has another meaning in store: entry, bucket, place?",
            "drivers/main.c: member_of has another meaning in alarm: field?",
            "drivers/main.c: members has another meaning in alarm: field?",
            "drivers/modbus.c: hole says nothing: absent?",
            "drivers/pulse.c: gw_line_put says nothing: mailbox?",
            "drivers/pulse.c: gw_x_told: told says nothing: notified?",
            "drivers/pulse.c: the name says nothing: watchdog?",
            "base/c.h: gw_a is defined in base/a.h, too",
            "base/c.h: told says nothing: notified?",
            "base/c.h: has no base/c.c",
            "store/d.c: suspect has another meaning in uplink: recheck, unresponsive?",
            "store/d.c: drivers/d.c has the same name",
            "store/store_internal.h: gw_x is a prototype: an internal header has structs only",
            "drivers/pulse.c:3: gw_z is in no code",
            "drivers/pulse.c:3: GW_Z_MAX is in no code",
            "drivers/pulse.c:3: gw_z_* is in no code",
            "drivers/pulse.c:3: gw_X_e is in no code",
            "config/long.c: 504 lines, more than 500: split it",
            "drivers/long.c: 503 lines, more than 500: split it",
            "drivers/wide.c:2: 101 columns with a comment: wrap it",
            "man/long.c: 505 lines, more than 500: split it",
            "tests/peers/b.h: 502 lines, more than 500: split it",
            "tests/unit/base/test_a.c: 501 lines, more than 500: split it",
            "include circle: base/a, base/b",
        ])

    def test_version(self):
        self.plant("meson.build", "project('tocsin', 'c',\n    version: '1.2.3',\n)\n")
        self.plant("debian/changelog", "tocsin (1.2.3) unstable; urgency=medium\n")
        self.plant("CHANGELOG.md", "# Changelog\n\n## [1.2.3] - not yet released\n## [1.2.2]\n")
        self.assertEqual(self.lint("version.py", self.root)[0], 0)
        self.plant("debian/changelog", "tocsin (1.2.2) unstable; urgency=medium\n")
        code, said = self.lint("version.py", self.root)
        self.assertEqual(code, 1)
        self.assertIn("debian/changelog 1.2.2", said)
        self.plant("debian/changelog", "")
        self.assertIn("debian/changelog none", self.lint("version.py", self.root)[1])

    def test_subjects(self):
        def commit(subject):
            subprocess.run(["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b",
                            "commit", "-q", "--allow-empty", "-m", subject], check=True)
        self.assertEqual(self.lint("subjects.py", self.root)[0], 77)
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        commit("store, uplink: keep what is owed")
        commit("HACKING: list each thread once")
        self.assertEqual(self.lint("subjects.py", self.root)[0], 0)
        for bad in ("Tell of the rests", "store: Keep what is owed", "store: " + "k" * 80):
            commit(bad)
        code, said = self.lint("subjects.py", self.root)
        self.assertEqual((code, len(said.splitlines())), (1, 3), said)

    def test_actuate(self):
        for name, code in (("modbus_read_registers", 0), ("modbus_write_register", 1),
                           ("modbus_write_and_read_registers", 1),
                           ("modbus_mask_write_register", 1)):
            source = self.plant("a.c", f"void {name}(void); void f(void) {{ {name}(); }}\n")
            subprocess.run([CC, "-c", source, "-o", str(self.root / "a.o")], check=True)
            self.assertEqual(self.lint("actuate.py", self.root / "a.o")[0], code, name)

    def test_pictures(self):
        shutil.copytree(HERE.parent.parent / "doc", self.root / "doc")
        def check():
            return self.lint(self.root / "doc/pictures/draw.py", "--check", f"{BUILD}/tocsin")
        self.assertEqual(check(), (0, ""))
        for name, was, lie in (("pictures/above.svg", "raised 12", "raised 11"),
                               ("pictures/dose.txt", "raised 1", "raised 2"),
                               ("alarms.md", "above: 50", "above: 52"),
                               ("alarms.md", "on_delay: 1min", "on_delay: 2min"),
                               ("alarms.md", "    unless: pump-off\n", ""),
                               ("alarms.md", "re_alarm: 1h", "re_alarm: 2h"),
                               ("alarms.md", "chatter: hold\n", "chatter: tell\n"),
                               ("pictures/signals.py", "(13, 53)", "(13, 63)")):
            file = self.root / "doc" / name
            text = file.read_text("utf-8")
            self.assertIn(was, text)
            file.write_text(text.replace(was, lie), "utf-8")
            code, said = check()
            self.assertEqual(code, 1, f"{name}: {lie}")
            self.assertIn("as replay says today", said)
            file.write_text(text, "utf-8")
        page = self.root / "doc/alarms.md"
        page.write_text(page.read_text("utf-8").replace("clear: 45", "clear: 54"), "utf-8")
        self.assertIn("54 is over the limit", check()[1])
        shutil.copy(HERE.parent.parent / "doc/alarms.md", page)
        self.assertEqual(check()[0], 0)
        (self.root / "doc/pictures/is.svg").unlink()
        self.assertEqual(check()[0], 1)


if __name__ == "__main__":
    unittest.main()
