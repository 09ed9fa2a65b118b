"""EDNS options and server cookies."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.native import probe

ABSENT, CLIENT_ONLY, BAD, GOOD = range(4)
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
CLIENT = bytes.fromhex("2464c4abcf10c957")
HERE = ipaddress.ip_address("198.51.100.100").packed
NOW = 1559731985


def option(code: int, data: bytes = b"") -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def cookie(data: bytes) -> bytes:
    return option(10, data)


def told_cookie(data: bytes, now: int = NOW, **more: object) -> tuple[int, bytes]:
    """(worth of the cookie, the cookie in the answer)."""
    settings = {"secret": SECRET, "client": HERE, **more}
    status, told, answer = probe.opt(cookie(data), now=now, **settings)
    assert status == "OK"
    assert answer[11:] == cookie(told["cookie_out"])
    return told["cookie"], told["cookie_out"]


def fresh(now: int = NOW, **more: object) -> bytes:
    return told_cookie(CLIENT, now, **more)[1]


# -- RFC 9018, Appendix A --


def test_rfc9018_a1_learning_a_new_server_cookie() -> None:
    worth, answer = told_cookie(CLIENT)
    assert worth == CLIENT_ONLY
    assert answer.hex() == "2464c4abcf10c957010000005cf79f111f8130c3eee29480"


def test_rfc9018_a2_the_same_client_learning_a_renewed_cookie() -> None:
    given_ = bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
    worth, answer = told_cookie(given_, 0x5CF7A871)
    assert worth == GOOD
    assert answer.hex() == "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"


def test_rfc9018_a3_another_client_learning_a_renewed_cookie() -> None:
    given_ = bytes.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    address = ipaddress.ip_address("203.0.113.203").packed
    worth, answer = told_cookie(given_, 0x5CF7A9AC - 3600, client=address)
    assert worth == GOOD  # the reserved octets are hashed as they came
    assert answer[8:12].hex() == "01000000"  # and sent as zero
    worth, answer = told_cookie(given_, 0x5CF7A9AC, client=address)
    assert worth == BAD  # too old by now
    assert answer.hex() == "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"


def test_rfc9018_a4_an_ipv6_client_and_a_rolled_secret() -> None:
    given_ = bytes.fromhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8")
    worth, answer = told_cookie(
        given_,
        0x5CF7C609,
        client=ipaddress.ip_address("2001:db8:220:1:59de:d0f4:8769:82b8").packed,
        secret=bytes.fromhex("445536bcd2513298075a5d379663c962"),
        secret_old=bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715"),
    )
    assert worth == GOOD
    assert answer.hex() == "22681ab97d52c298010000005cf7c609a6bb79d16625507a"


# -- cookies: RFC 7873, 9018 4.3 --


@pytest.mark.parametrize(
    ("later", "worth", "same"),
    [
        (0, GOOD, True),
        (1800, GOOD, True),
        (1801, GOOD, False),
        (3600, GOOD, False),
        (3601, BAD, False),
        (-300, GOOD, True),
        (-301, BAD, False),
        (1 << 31, BAD, False),
    ],
)
def test_age(later: int, worth: int, same: bool) -> None:
    given_ = fresh()
    got, answer = told_cookie(given_, (NOW + later) % (1 << 32))
    assert got == worth
    assert (answer == given_) == same
    assert told_cookie(answer, (NOW + later) % (1 << 32))[0] == GOOD


def test_time_wraps_around() -> None:
    given_ = fresh((1 << 32) - 100)
    assert told_cookie(given_, 200)[0] == GOOD
    assert told_cookie(fresh(100), (1 << 32) - 100)[0] == GOOD


@pytest.mark.parametrize("at", range(24))
def test_any_octet_changed_is_noticed(at: int) -> None:
    given_ = bytearray(fresh())
    given_[at] ^= 0x10
    assert told_cookie(bytes(given_))[0] == BAD


def test_another_address_or_secret_is_noticed() -> None:
    assert told_cookie(fresh(), client=b"\1\2\3\4")[0] == BAD
    assert told_cookie(fresh(), secret=b"another secret..")[0] == BAD
    assert told_cookie(fresh(), secret=b"another secret..", secret_old=SECRET)[0] == GOOD


@pytest.mark.parametrize("length", range(50))
def test_length(length: int) -> None:
    status, told, _ = probe.opt(cookie(bytes(length)))
    good = length == 8 or 16 <= length <= 40
    assert status == ("OK" if good else "FORMERR")
    assert told["present"]
    if good:
        assert told["cookie"] == (CLIENT_ONLY if length == 8 else BAD)


def test_the_first_cookie_counts() -> None:
    status, told, answer = probe.opt(
        cookie(CLIENT) + cookie(b"x" * 8) + cookie(b""), now=NOW, secret=SECRET, client=HERE
    )
    assert status == "OK"
    assert told["cookie_out"] == fresh()
    assert answer[11:] == cookie(fresh())


def test_cookies_off_are_not_looked_at() -> None:
    status, told, answer = probe.opt(cookie(b"odd"), cookies=False)
    assert (status, told["cookie"], answer[11:]) == ("OK", ABSENT, b"")


# -- other options --


def test_fixed_part() -> None:
    status, told, answer = probe.opt(b"", rrclass=4000, ttl=0x12008001, udp_max=1400, rcode=0xABC)
    assert status == "OK"
    assert (told["udp_size"], told["do"], told["version"]) == (4000, True, 0)
    assert answer == b"\0" + struct.pack("!HHIH", 41, 1400, 0xAB008000, 0)


@pytest.mark.parametrize("size", [0, 1, 511, 512])
def test_small_sizes_count_as_512(size: int) -> None:
    assert probe.opt(b"", rrclass=size)[1]["udp_size"] == 512


def test_another_version_is_refused_and_its_options_not_read() -> None:
    status, told, answer = probe.opt(b"\0", ttl=0x00018000, rcode=16)
    assert (status, told["version"], told["do"], told["present"]) == ("BADVERS", 1, True, True)
    assert answer == b"\0" + struct.pack("!HHIH", 41, 1232, 0x01008000, 0)


@pytest.mark.parametrize("rdata", [b"\0", b"\0\3\0", b"\0\3\0\1", b"\0\3\0\0\0"])
def test_options_cut_short(rdata: bytes) -> None:
    status, told, _ = probe.opt(rdata)
    assert (status, told["present"]) == ("FORMERR", True)


@pytest.mark.parametrize("data", [b"", b"abc"])
def test_nsid(data: bytes) -> None:
    assert probe.opt(option(3, data), nsid=b"ns1")[2][11:] == option(3, b"ns1")
    assert probe.opt(option(3, data))[2][11:] == b""
    assert probe.opt(b"", nsid=b"ns1")[2][11:] == b""


def test_keepalive_on_tcp_when_asked_with_nothing_in_it() -> None:
    assert probe.opt(option(11), keepalive=300, tcp=True)[2][11:] == option(11, b"\x01\x2c")
    assert probe.opt(option(11), keepalive=300)[2][11:] == b""
    assert probe.opt(option(11), tcp=True)[2][11:] == b""
    assert probe.opt(option(11, b"\0\1"), keepalive=300, tcp=True)[2][11:] == b""
    assert probe.opt(b"", keepalive=300, tcp=True)[2][11:] == b""


def test_extended_error() -> None:
    assert probe.opt(b"", ede=20)[2][11:] == option(15, b"\0\x14")
    assert probe.opt(b"", ede=0)[2][11:] == option(15, b"\0\0")


def test_hooks_and_unknown_options() -> None:
    status, told, answer = probe.opt(option(9) + option(19) + option(65001, b"x" * 500))
    assert (status, told["expire"], told["zoneversion"], answer[11:]) == ("OK", True, True, b"")


@given(
    st.lists(st.tuples(st.sampled_from([3, 9, 10, 11, 15, 19, 77]), st.binary(max_size=44)), max_size=8), st.booleans()
)
def test_the_answer_is_well_formed_and_of_the_size_foretold(options: list[tuple[int, bytes]], tcp: bool) -> None:
    rdata = b"".join(option(code, data) for code, data in options)
    _, _, answer = probe.opt(rdata, nsid=b"x" * 128, keepalive=10, tcp=tcp, ede=14)
    length = struct.unpack("!H", answer[9:11])[0]
    assert len(answer) == 11 + length
    at = 11
    while at < len(answer):
        at += 4 + struct.unpack("!H", answer[at + 2 : at + 4])[0]
    assert at == len(answer)


@given(st.binary(max_size=80))
def test_any_octets(rdata: bytes) -> None:
    assert probe.opt(rdata)[0] in {"OK", "FORMERR"}
