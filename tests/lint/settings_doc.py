# SPDX-License-Identifier: Apache-2.0
"""The man page and the schema of the build's own program, which is linked with the tables of
settings alone (config/meson.build), are those of one that is linked with all of the product: no
table, row or choice is missing. Arguments: both programs, the template, the folder of pictures."""
import subprocess
import sys


def main(program, whole, template, pictures):
    failed = False
    for arguments in (["schema"], ["man", template, pictures]):
        ours, theirs = (subprocess.run([p, *arguments], stdout=subprocess.PIPE, check=True).stdout
                        for p in (program, whole))
        if ours != theirs or len(theirs) < 1000:
            print(f"{arguments[0]}: differs from that of the whole product: is a file missing in "
                  "settings_sources of meson.build?")
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
