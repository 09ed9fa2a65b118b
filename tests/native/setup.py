"""Builds probe, the tests' way to the core's cdef functions, beside its source. Never packaged.

Takes its flags from the product's setup.py, so that a sanitizer build of one is a sanitizer build of both.
"""

import os
import runpy
import sys
from pathlib import Path
from unittest import mock

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

os.chdir(ROOT)
with mock.patch("setuptools.setup"):
    product = runpy.run_path(str(ROOT / "setup.py"))

os.chdir(HERE)
sys.path.insert(0, str(ROOT / "src"))
setup(
    name="nsblast-probe",
    ext_modules=cythonize(
        [
            Extension(
                "probe",
                ["probe.pyx"],
                extra_compile_args=product["COMMON"] + product["CFLAGS"][product["FLAVOUR"]],
                extra_link_args=product["LDFLAGS"].get(product["FLAVOUR"], []),
            )
        ],
        include_path=[str(ROOT / "src")],
        compiler_directives=product["DIRECTIVES"],
    ),
)
