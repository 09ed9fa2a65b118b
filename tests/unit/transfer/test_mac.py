"""nsblast.transfer.mac: the short way says of a message what the long way (tsig.py) says, or nothing."""

import base64
import time

import dns.message
import dns.name
import dns.tsig
import dns.update
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast.access.records_v1 import TsigKey
from nsblast.transfer import mac, tsig

ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
SECRET = bytes(range(40))


def record(algorithm: str = "hmac-sha256", name: str = "key.test.", *, active: bool = True) -> TsigKey:
    return TsigKey(tenant="", name=name, algorithm=algorithm, secret=SECRET, active=active)


def signed(key: TsigKey, secret: bytes = SECRET, *, spelled: str = "", fudge: int = 300) -> dns.message.Message:
    update = dns.update.UpdateMessage("example.")
    update.add("www", 60, "A", "192.0.2.1")
    theirs = dns.tsig.Key(spelled or key.name, base64.b64encode(secret).decode(), key.algorithm)
    update.use_tsig(theirs, fudge=fudge)
    update.to_wire()
    return update


def finder(*keys: TsigKey):  # type: ignore[no-untyped-def]
    return {key.name: key for key in keys}.get


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_right_one_and_its_answer(algorithm: str) -> None:
    key = record(algorithm)
    message = signed(key)
    verified = mac.verify(message.to_wire(), finder(key))
    assert verified is not None
    assert verified.key is key
    assert verified.plain == tsig.check(message.to_wire(), finder(key)).plain
    answer = verified.plain[:2] + b"\xa8\0" + bytes(8)
    told = dns.message.from_wire(verified.seal(answer), keyring=tsig.key_of(key), request_mac=message.mac)
    assert told.had_tsig


def test_names_of_keys_are_without_case() -> None:
    key = record()
    message = signed(key, spelled="KEY.Test.")
    assert mac.verify(message.to_wire(), finder(key)) is not None


@pytest.mark.parametrize(
    "message",
    [
        signed(record(), b"another secret of some length"),
        signed(record(name="other.example.")),
        signed(record("hmac-sha512")),
        signed(record("hmac-md5.sig-alg.reg.int")),
        dns.update.UpdateMessage("example."),
    ],
    ids=["secret", "name", "algorithm", "md5", "unsigned"],
)
def test_others_go_the_long_way(message: dns.message.Message) -> None:
    assert mac.verify(message.to_wire(), finder(record(), record("hmac-md5.sig-alg.reg.int", "md5.example."))) is None


def test_a_compressed_name_goes_the_long_way() -> None:
    """dnspython points from the key's name into the zone's, where they end alike."""
    key = record(name="key.example.")
    wire = signed(key).to_wire()
    assert mac.verify(wire, finder(key)) is None
    assert tsig.check(wire, finder(key)).key is key


def test_a_key_that_is_off_and_a_clock_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = signed(record()).to_wire()
    assert mac.verify(wire, finder(record(active=False))) is None
    now = time.time()
    for moved, right in ((298, True), (302, False), (-298, True), (-302, False)):
        monkeypatch.setattr(time, "time", lambda moved=moved: now + moved)
        assert (mac.verify(wire, finder(record())) is not None) is right


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_whatever_is_damaged_is_not_taken_unless_the_long_way_takes_it(data: st.DataObject) -> None:
    key = record()
    wire = bytearray(signed(key).to_wire())
    for _ in range(data.draw(st.integers(1, 3))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(wire[: data.draw(st.integers(1, len(wire)))]) if data.draw(st.booleans()) else bytes(wire)
    short = mac.verify(damaged, finder(key))
    long = tsig.check(damaged, finder(key))
    if short is not None:
        assert (long.error, long.key, long.plain) == (0, key, short.plain)
    elif long.key is not None:
        assert mac.take_off(damaged) is None  # written in a way that only the long way reads


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_octets(packet: bytes) -> None:
    assert mac.verify(packet, finder(record())) is None
