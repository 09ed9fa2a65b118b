"""Read a build's output; list compiler warnings in our own code and Cython's performance hints; exit 1 when there are any.

A warning belongs to us when it stands in a .pyx or .pxd file (debug builds keep their line numbers), in our own C, or in a C
function that Cython made from one of ours (its name begins with __pyx_f_ or __pyx_pf_). The rest is Cython's boilerplate.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

WARNING = re.compile(r"^\s*(?P<file>\S+?):(?P<line>\d+):(?:\d+:)? (?:warning|error): (?P<text>.*)$")
FUNCTION = re.compile(r"In function [‘'`](?P<name>\w+)")
OURS = ("__pyx_f_", "__pyx_pf_", "__pyx_fuse_")


def findings(lines: Iterable[str]) -> Iterator[str]:
    """Each hint or warning that is ours to mend, once."""
    seen: set[str] = set()
    function = ""
    for raw in lines:
        line = raw.rstrip()
        if "performance hint:" in line:
            found = line.strip()
        elif match := FUNCTION.search(line):
            function = match["name"]
            continue
        elif match := WARNING.match(line):
            generated = match["file"].endswith(".c") and Path(match["file"]).with_suffix(".pyx").exists()
            if generated and not function.startswith(OURS):
                continue
            found = f"{line.strip()}  (in {function})" if generated else line.strip()
        elif line.endswith("At top level:"):
            function = ""
            continue
        else:
            continue
        if found not in seen:
            seen.add(found)
            yield found


def main() -> int:
    """Read the files named, or standard input."""
    paths = sys.argv[1:]
    texts = [Path(path).read_text(errors="replace") for path in paths] if paths else [sys.stdin.read()]
    found = [entry for text in texts for entry in findings(text.splitlines())]
    for entry in found:
        print(entry)
    if found:
        print(f"{len(found)} warnings and hints: mend them, or say in the code why the compiler is wrong")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
