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
        run = subprocess.run([sys.executable, str(HERE / name), *map(str, args)],
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

    def test_headers(self):
        self.plant("gateway/base/good.h", "#ifndef A\n#define A\nstruct a { int b; };\n#endif\n")
        code, said = self.lint("headers.py", self.root, BUILD)
        self.assertEqual(code, 0, said)
        self.plant("gateway/base/needs.h", "size_t needs_stddef(void);\n")
        self.plant("drivers/twice.h", "struct twice { int a; };\n")
        code, said = self.lint("headers.py", self.root, BUILD)
        self.assertEqual(code, 1)
        self.assertIn("gateway/base/needs.h: does not compile alone", said)
        self.assertIn("drivers/twice.h: does not compile alone", said)
        self.assertNotIn("good.h:", said)

    def test_format(self):
        shutil.copy(HERE.parent.parent / ".clang-format", self.root)
        self.plant("gateway/a.c", "int f(void)\n{\n\treturn 1;\n}\n")
        code, said = self.lint("format.py", self.root)
        if code == 77:
            self.skipTest(said)
        self.assertEqual(code, 0, said)
        self.plant("tests/unit/b.c", "int f(void) {\n    return 1;\n}\n")
        self.assertEqual(self.lint("format.py", self.root)[0], 1)

    def test_actuate(self):
        for name, code in (("modbus_read_registers", 0), ("modbus_write_register", 1),
                           ("modbus_write_and_read_registers", 1),
                           ("modbus_mask_write_register", 1)):
            source = self.plant("a.c", f"void {name}(void); void f(void) {{ {name}(); }}\n")
            subprocess.run([CC, "-c", source, "-o", str(self.root / "a.o")], check=True)
            self.assertEqual(self.lint("actuate.py", self.root / "a.o")[0], code, name)


if __name__ == "__main__":
    unittest.main()
