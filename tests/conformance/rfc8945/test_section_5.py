"""RFC 8945 5: signing, the order of the checks, errors, truncated MACs, several messages. dnspython is the other end."""

import struct
import time

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import pytest

from nsblast.access.records_v1 import TsigKey
from nsblast.serve.handover import bare_answer
from nsblast.transfer import tsig

ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def record(algorithm: str = "hmac-sha256", secret: bytes = b"s" * 32, *, active: bool = True) -> TsigKey:
    return TsigKey(tenant="", name="key.example.", algorithm=algorithm, secret=secret, active=active)


def signed(key: TsigKey, **more: int) -> dns.message.Message:
    query = dns.message.make_query("example.", "SOA")
    query.use_tsig(tsig.key_of(key), **more)
    query.to_wire()
    return query


def checked(query: dns.message.Message | bytes, key: TsigKey | None, **more: object) -> tsig.Checked:
    wire = query if isinstance(query, bytes) else query.to_wire()
    return tsig.check(wire, lambda name: key if key and name == key.name else None, **more)  # type: ignore[arg-type]


def error_of(answer: bytes) -> tuple[int, int, bytes, bytes]:
    """Rcode, TSIG error, MAC and other data of an answer."""
    found = tsig.take_off(answer)
    assert found is not None
    return answer[3] & 15, found.rdata.error, found.rdata.mac, found.rdata.other


def refused(result: tsig.Checked) -> bytes:
    return result.seal(bare_answer(result.plain, result.rcode))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_5_2_a_right_signature_and_its_answer(algorithm: str) -> None:
    key = record(algorithm)
    query = signed(key)
    result = checked(query, key)
    assert (result.error, result.key) == (0, key)
    assert dns.message.from_wire(result.plain).question == query.question
    answer = bare_answer(result.plain, dns.rcode.NOERROR)
    assert result.signer is not None
    sealed = result.seal(answer)
    assert len(sealed) - len(answer) == result.signer.octets
    assert dns.message.from_wire(sealed, keyring=tsig.key_of(key), request_mac=query.mac).had_tsig


def test_5_2_unsigned_is_no_error() -> None:
    query = dns.message.make_query("example.", "SOA").to_wire()
    result = checked(query, record())
    assert (result.error, result.key, result.plain) == (0, None, query)
    assert result.seal(b"answer") == b"answer"


@pytest.mark.parametrize("known", [None, record("hmac-sha512"), record(active=False)], ids=["name", "algorithm", "off"])
def test_5_2_1_badkey(known: TsigKey | None) -> None:
    answer = refused(checked(signed(record()), known))
    assert error_of(answer) == (dns.rcode.NOTAUTH, dns.rcode.BADKEY, b"", b"")


def test_5_2_2_badsig_is_not_signed() -> None:
    answer = refused(checked(signed(record(secret=b"another secret, of theirs")), record()))
    assert error_of(answer) == (dns.rcode.NOTAUTH, dns.rcode.BADSIG, b"", b"")


def test_5_2_2_a_changed_message_is_badsig() -> None:
    wire = bytearray(signed(record()).to_wire())
    wire[2] ^= 1
    assert checked(bytes(wire), record()).error == dns.rcode.BADSIG


def test_5_2_3_badtime_is_signed_and_tells_our_time() -> None:
    query = signed(record())
    result = checked(query, record(), now=time.time() + 301)
    assert result.key is None
    answer = refused(result)
    rcode, error, mac, other = error_of(answer)
    assert (rcode, error, len(mac)) == (dns.rcode.NOTAUTH, dns.rcode.BADTIME, 32)
    assert abs(int.from_bytes(other, "big") - time.time()) < 5
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(answer, keyring=tsig.key_of(record()), request_mac=query.mac)


def test_5_2_3_within_the_fudge() -> None:
    assert checked(signed(record()), record(), now=time.time() + 299).error == 0


def test_5_2_3_a_wrong_mac_counts_before_a_wrong_time() -> None:
    query = signed(record(secret=b"another secret, of theirs"))
    assert checked(query, record(), now=time.time() + 10_000).error == dns.rcode.BADSIG


def cut(query: dns.message.Message, octets: int) -> bytes:
    """The same with a MAC of fewer octets."""
    found = tsig.take_off(query.to_wire())
    assert found is not None
    return tsig._append(found.plain, found.name, found.rdata.replace(mac=found.rdata.mac[:octets]))


@pytest.mark.parametrize("octets", [0, 9, 15])
def test_5_2_2_1_too_short_is_formerr(octets: int) -> None:
    assert checked(cut(signed(record()), octets), record()).rcode == dns.rcode.FORMERR


def test_5_2_2_1_longer_than_the_hash_is_formerr() -> None:
    found = tsig.take_off(signed(record()).to_wire())
    assert found is not None
    longer = tsig._append(found.plain, found.name, found.rdata.replace(mac=found.rdata.mac + b"x"))
    assert checked(longer, record()).rcode == dns.rcode.FORMERR


def test_5_2_4_truncated_is_badtrunc_when_right_and_badsig_when_not() -> None:
    assert checked(cut(signed(record()), 16), record()).error == dns.rcode.BADTRUNC
    assert checked(cut(signed(record(secret=b"another secret, of theirs")), 16), record()).error == dns.rcode.BADSIG


def test_6_md5_is_taken_only_where_it_is_allowed() -> None:
    key = record("hmac-md5.sig-alg.reg.int")
    assert checked(signed(key), key).error == dns.rcode.BADKEY
    assert checked(signed(key), key, md5=True).error == 0


def test_5_3_1_several_messages() -> None:
    key = record()
    query = signed(key)
    signer = checked(query, key).signer
    assert signer is not None
    messages = [bare_answer(query.to_wire(), dns.rcode.NOERROR) for _ in range(5)]
    sent = [signer.sign(message) for message in messages]
    follower = tsig.Follower(key, query.mac)
    assert [follower.take(message) for message in sent] == messages
    follower = tsig.Follower(key, query.mac)
    follower.take(sent[0])
    with pytest.raises(dns.tsig.BadSignature):
        follower.take(sent[2])


def test_5_3_1_messages_between_may_be_unsigned_but_not_the_last() -> None:
    key = record()
    query = signed(key)
    plain = bare_answer(query.to_wire(), dns.rcode.NOERROR)
    first = checked(query, key).seal(plain)
    follower = tsig.Follower(key, query.mac)
    assert follower.take(first) == plain
    assert follower.take(plain) == plain
    with pytest.raises(dns.tsig.BadSignature):
        follower.take(plain, last=True)


@pytest.mark.parametrize("size", range(0, 100, 7))
def test_5_2_cut_short_is_formerr_or_unsigned(size: int) -> None:
    wire = signed(record()).to_wire()
    result = checked(wire[:size], record())
    assert result.key is None
    assert result.error in (0, dns.rcode.FORMERR)


def test_5_2_a_record_that_claims_more_than_there_is() -> None:
    wire = signed(record()).to_wire()
    lies = wire[:4] + struct.pack("!HHHH", 1, 0, 0, 9) + wire[12:]
    assert checked(lies, record()).key is None
