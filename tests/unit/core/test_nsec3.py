"""Hashed owner names: the core's against RFC 5155 appendix A and hashlib's."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.store.reader import Nsec3Params, hash_owner
from tests.native import probe


@pytest.mark.parametrize(
    ("wire", "label"),
    [
        (b"\x07example\0", b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        (b"\x01a\x07example\0", b"35mthgpgcu1qg68fab165klnsnk3dpvl"),
        (b"\x01*\x01w\x07example\0", b"r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
    ],
)
def test_appendix_a(wire: bytes, label: bytes) -> None:
    assert probe.nsec3_label(wire, bytes.fromhex("aabbccdd"), 12) == label


@given(st.binary(min_size=1, max_size=255), st.binary(max_size=255), st.integers(0, 20))
def test_like_the_reader(wire: bytes, salt: bytes, iterations: int) -> None:
    assert probe.nsec3_label(wire, salt, iterations) == hash_owner(wire, b"\0", Nsec3Params(iterations, salt))[1:33]


def test_without_hashlibs_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter whose hashlib has its functions built in: nothing is found, and the store's reader hashes."""
    monkeypatch.delattr(hashlib, "_hashlib")
    assert probe.nsec3_label(b"\0", b"", 0) is None
