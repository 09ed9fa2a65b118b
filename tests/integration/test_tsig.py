"""TSIG on every kind of message, with every algorithm, at a real server: right ones, keys nobody knows, altered messages, wrong clocks.

RFC 8945 4.3, 5.2, 5.3, 6. Signatures are made and proved by dnspython's dns.tsig.
"""

import base64
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig
import dns.update
import pytest

from nsblast.transfer.tsig import take_off
from tests.helpers import transfers
from tests.helpers.api import Api, api

SECRET = bytes(range(32))
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
MD5 = "hmac-md5.sig-alg.reg.int"
KINDS = [
    "query udp",
    "query tcp",
    "axfr tcp",
    "ixfr tcp",
    "ixfr udp",
    "notify udp",
    "notify tcp",
    "update udp",
    "update tcp",
]
FUDGE = 300
SIGN: Any = dns.tsig.sign
RDATA: Any = dns.rdtypes.ANY.TSIG.TSIG


def prepared(folder: Path, *flags: str) -> Any:
    """A server with a zone of its own, one of a master who is not there, and a key of each algorithm that may do all."""
    return api(folder, "--secondaries", "theirs.test 127.0.0.1@9", "--retry-min", "3600", *flags, workers=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with prepared(tmp_path_factory.mktemp("tsig")) as running:
        fill(running)
        yield running


def fill(server: Api) -> None:
    with server.client() as client:
        assert client.post("/zone/own.test", json={"ns": ["ns.example."]}).status_code == 201
        for algorithm in (*ALGORITHMS, MD5):
            form = {"name": f"{algorithm}.", "algorithm": algorithm, "secret": base64.b64encode(SECRET).decode()}
            answer = client.post("/tsigkey", json={**form, "transfer": True, "update": True, "notify": True})
            assert answer.status_code == 201, answer.text


def key(algorithm: str, name: str = "", secret: bytes = SECRET) -> dns.tsig.Key:
    return dns.tsig.Key(name or f"{algorithm}.", secret, algorithm)


def message_of(kind: str) -> dns.message.Message:
    match kind.split()[0]:
        case "axfr":
            return transfers.question("own.test.")
        case "ixfr":
            return transfers.question("own.test.", 1)
        case "notify":
            message = dns.message.make_query("theirs.test.", "SOA", use_edns=False)
            message.set_opcode(dns.opcode.NOTIFY)
            return message
        case "update":
            update = dns.update.UpdateMessage("own.test.")
            update.replace("www", 60, "TXT", f'"{time.monotonic_ns()}"')
            return update
        case _:
            return dns.message.make_query("own.test.", "NS", use_edns=False)


def signed(message: dns.message.Message, secret: dns.tsig.Key, late: float = 0.0) -> tuple[bytes, bytes]:
    """The message as it goes out when the clock goes wrong by some seconds, and its MAC."""
    plain = message.to_wire()
    now = int(time.time() + late)
    bare = RDATA(
        dns.rdataclass.ANY, dns.rdatatype.TSIG, secret.algorithm, now, FUDGE, b"", message.id, dns.rcode.NOERROR, b""
    )
    rdata, _ = SIGN(plain, secret, bare, now, b"")
    wire = rdata.to_wire()
    record = secret.name.to_wire() + struct.pack("!HHIH", dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(wire)) + wire
    return plain[:11] + bytes((plain[11] + 1,)) + plain[12:] + record, rdata.mac


def ask(server: Api, packet: bytes, kind: str) -> bytes:
    """The first message of the answer."""
    if kind.endswith("udp"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.sendto(packet, (server.address, server.port))
            return sock.recv(65535)
    with socket.create_connection((server.address, server.port), 10) as sock, sock.makefile("rb") as reader:
        sock.sendall(struct.pack("!H", len(packet)) + packet)
        return reader.read(int.from_bytes(reader.read(2), "big"))


def error_of(answer: bytes, packet: bytes, rcode: dns.rcode.Rcode) -> Any:
    """The answer's TSIG rdata."""
    assert answer[:2] == packet[:2]
    assert dns.message.from_wire(answer, keyring=False).rcode() == rcode
    found = take_off(answer)
    assert found is not None
    return found.rdata


def proves(answer: bytes, secret: dns.tsig.Key, request_mac: bytes) -> bool:
    """Whether the answer's MAC is right, and covers the request's."""
    found = take_off(answer)
    assert found is not None
    rdata, _ = SIGN(found.plain, secret, found.rdata, found.rdata.time_signed, request_mac)
    return bool(found.rdata.mac) and rdata.mac == found.rdata.mac


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_right_one_is_answered_signed(server: Api, kind: str, algorithm: str) -> None:
    packet, mac = signed(message_of(kind), key(algorithm))
    answer = ask(server, packet, kind)
    assert error_of(answer, packet, dns.rcode.NOERROR).error == 0
    assert proves(answer, key(algorithm), mac)


@pytest.mark.parametrize("kind", KINDS)
def test_5_2_1_a_key_nobody_knows(server: Api, kind: str) -> None:
    packet, _ = signed(message_of(kind), key("hmac-sha256", "nobody."))
    rdata = error_of(ask(server, packet, kind), packet, dns.rcode.NOTAUTH)
    assert (rdata.error, rdata.mac) == (dns.rcode.BADKEY, b"")


@pytest.mark.parametrize("kind", KINDS)
def test_5_2_2_a_wrong_secret_and_an_altered_message(server: Api, kind: str) -> None:
    wrong, _ = signed(message_of(kind), key("hmac-sha256", secret=b"x" * 32))
    right, _ = signed(message_of(kind), key("hmac-sha256"))
    altered = right[:3] + bytes((right[3] ^ 0x10,)) + right[4:]  # a bit of the header that says nothing
    for packet in (wrong, altered):
        rdata = error_of(ask(server, packet, kind), packet, dns.rcode.NOTAUTH)
        assert (rdata.error, rdata.mac) == (dns.rcode.BADSIG, b"")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("late", [-1000, 1000])
def test_5_2_3_a_wrong_clock_is_told_the_time_under_a_signature(server: Api, kind: str, late: int) -> None:
    packet, mac = signed(message_of(kind), key("hmac-sha512"), late)
    answer = ask(server, packet, kind)
    rdata = error_of(answer, packet, dns.rcode.NOTAUTH)
    assert rdata.error == dns.rcode.BADTIME
    sent = take_off(packet)
    assert sent is not None
    assert rdata.time_signed == sent.rdata.time_signed
    assert len(rdata.other) == 6
    assert abs(int.from_bytes(rdata.other, "big") - time.time()) < 30
    assert proves(answer, key("hmac-sha512"), mac)


def test_6_md5_only_where_it_is_allowed(server: Api) -> None:
    """Last: it starts the server anew."""
    for kind in KINDS:
        packet, _ = signed(message_of(kind), key(MD5))
        rdata = error_of(ask(server, packet, kind), packet, dns.rcode.NOTAUTH)
        assert (rdata.error, rdata.mac) == (dns.rcode.BADKEY, b""), kind
    server.stop()
    server.start("--secondaries", "theirs.test 127.0.0.1@9", "--retry-min", "3600", "--tsig-md5")
    for kind in KINDS:
        packet, mac = signed(message_of(kind), key(MD5))
        answer = ask(server, packet, kind)
        assert error_of(answer, packet, dns.rcode.NOERROR).error == 0, kind
        assert proves(answer, key(MD5), mac), kind
