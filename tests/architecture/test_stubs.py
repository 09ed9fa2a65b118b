"""Every compiled module that Python can call has a stub, and no stub is left without its module."""

import re

import pytest

from tests.architecture.tree import CORE

SURFACE = re.compile(r"^(?:def |cpdef |class |cdef class |async def )", re.MULTILINE)


@pytest.mark.parametrize("path", sorted(CORE.glob("*.pyx")), ids=lambda path: path.stem)
def test_surface_has_a_stub(path) -> None:
    if SURFACE.search(path.read_text()):
        assert path.with_suffix(".pyi").exists(), f"{path.name} can be called from Python and has no .pyi"


def test_types_are_shipped() -> None:
    assert (CORE.parent / "py.typed").exists()
