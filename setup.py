"""The list of compiled modules and how each build flavour compiles them; all metadata is in pyproject.toml.

NSBLAST_BUILD chooses the flavour:
  release   -O3, what the wheel holds (default)
  debug     -O0 -g3 and the invariants behind NSB_DEBUG
  sanitize  address and undefined-behaviour sanitizers, line numbers of the .pyx kept
  fuzz      clang only: address sanitizer, and what a coverage-guided fuzzer needs
  coverage  line tracing for Cython.Coverage
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FLAVOUR = os.environ.get("NSBLAST_BUILD", "release")
COMMON = [
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-missing-field-initializers",
    "-fno-plt",
    "-fvisibility=hidden",
]
CFLAGS = {
    "release": ["-O3", "-DNDEBUG", "-fno-semantic-interposition"],
    "debug": ["-O0", "-g3", "-UNDEBUG", "-DNSB_DEBUG=1"],
    "sanitize": ["-O1", "-g", "-UNDEBUG", "-DNSB_DEBUG=1", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"],
    "fuzz": ["-O1", "-g", "-UNDEBUG", "-DNSB_DEBUG=1", "-fsanitize=fuzzer-no-link,address", "-fno-omit-frame-pointer"],
    "coverage": ["-O0", "-g", "-DCYTHON_TRACE_NOGIL=1", "-DCYTHON_USE_SYS_MONITORING=0"],
}
if FLAVOUR not in CFLAGS:
    raise SystemExit(f"NSBLAST_BUILD={FLAVOUR!r}: expected one of {', '.join(CFLAGS)}")
LDFLAGS = {
    "sanitize": ["-fsanitize=address,undefined"],
    "fuzz": ["-fsanitize=fuzzer-no-link,address"],
    "release": ["-s"],
}

DIRECTIVES = {
    "language_level": 3,
    "embedsignature": True,
    "binding": True,
    "annotation_typing": False,
    # Never applies to raw pointers: packet safety is the cursors' business (wire.pxd).
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "freethreading_compatible": True,
    "linetrace": FLAVOUR == "coverage",
}


class ParallelBuildExt(build_ext):
    """Compile the modules side by side: they are many and small."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def build_extensions(self) -> None:
        # C is made here and not before: a source distribution holds the .pyx and none of it.
        made = cythonize(
            self.extensions,
            include_path=["src"],
            compiler_directives=DIRECTIVES,
            emit_linenums=FLAVOUR in ("debug", "sanitize", "fuzz"),
            nthreads=os.cpu_count() or 1,
            force=self.force,
        )
        for extension, compiled in zip(self.extensions, made, strict=True):
            extension.sources = compiled.sources
        super().build_extensions()


def extensions() -> list[Extension]:
    """Every .pyx under src/nsblast/_core is one module."""
    return [
        Extension(
            f"nsblast._core.{path.stem}",
            [str(path)],
            extra_compile_args=COMMON + CFLAGS[FLAVOUR],
            extra_link_args=LDFLAGS.get(FLAVOUR, []),
        )
        for path in sorted(Path("src/nsblast/_core").glob("*.pyx"))
    ]


setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuildExt})
