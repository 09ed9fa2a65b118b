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


# -- 4.2, 4.3: the record and what the MAC covers


def rebuilt(query: dns.message.Message, **more: object) -> bytes:
    """The same message with other members in its TSIG record, under the MAC it had."""
    found = tsig.take_off(query.to_wire())
    assert found is not None
    return tsig._append(found.plain, found.name, found.rdata.replace(**more))


@pytest.mark.parametrize(
    "more",
    [{"time_signed": 1}, {"fudge": 299}, {"other": b"x"}, {"original_id": 1}, {"error": 1}],
    ids=lambda m: next(iter(m)),
)
def test_4_3_3_the_mac_covers_the_records_other_members(more: dict[str, object]) -> None:
    assert checked(rebuilt(signed(record()), **more), record()).error == dns.rcode.BADSIG


def test_4_3_1_the_id_is_the_original_one() -> None:
    """A forwarder may have changed the message's id: the MAC is of the one in the record."""
    wire = signed(record()).to_wire()
    moved = bytes((wire[0] ^ 255, wire[1])) + wire[2:]
    result = checked(moved, record())
    assert result.error == 0
    answer = result.seal(bare_answer(result.plain, dns.rcode.NOERROR))
    assert answer[:2] == moved[:2]


def test_4_2_names_of_keys_and_algorithms_in_any_case() -> None:
    key = record()
    query = dns.message.make_query("example.", "SOA")
    query.use_tsig(dns.tsig.Key("KEY.Example.", key.secret, "HMAC-SHA256"))
    assert checked(query.to_wire(), key).error == 0


@pytest.mark.parametrize("field", ["class", "ttl"])
def test_4_2_class_any_and_ttl_0(field: str) -> None:
    found = tsig.take_off(signed(record()).to_wire())
    assert found is not None
    wire = bytearray(tsig._append(found.plain, found.name, found.rdata))
    assert checked(bytes(wire), record()).error == 0
    at = len(found.plain) + len(found.name.to_wire() or b"")
    wire[at + (3 if field == "class" else 7)] ^= 1
    assert checked(bytes(wire), record()).rcode == dns.rcode.FORMERR


def test_5_1_only_the_last_record_is_a_tsig() -> None:
    """One that is followed by another record is none that is looked for, and its message unsigned."""
    query = dns.message.make_query("example.", "SOA", use_edns=True).to_wire()
    found = tsig.take_off(signed(record()).to_wire())
    assert found is not None
    early = tsig._append(query[:10] + b"\0\0" + query[12:-11], found.name, found.rdata)
    twice = early[:10] + b"\0\2" + early[12:] + query[-11:]
    result = checked(twice, record())
    assert (result.key, result.signer) == (None, None)


# -- 5.2: order and answers


@pytest.mark.parametrize("skew", [-301, 301])
def test_5_2_3_the_clock_may_be_wrong_either_way(skew: int) -> None:
    assert checked(signed(record()), record(), now=time.time() + skew).error == dns.rcode.BADTIME


@pytest.mark.parametrize(("fudge", "skew", "error"), [(10, 9, 0), (10, 12, dns.rcode.BADTIME), (3600, 3500, 0)])
def test_5_2_3_the_fudge_is_the_askers(fudge: int, skew: int, error: int) -> None:
    assert checked(signed(record(), fudge=fudge), record(), now=time.time() + skew).error == error


def test_5_2_3_a_badtime_answer_says_the_askers_time_under_its_mac() -> None:
    query = signed(record())
    asked = tsig.take_off(query.to_wire())
    answer = tsig.take_off(refused(checked(query, record(), now=time.time() + 9000)))
    assert asked is not None
    assert answer is not None
    assert answer.rdata.time_signed == asked.rdata.time_signed
    assert len(answer.rdata.other) == 6
    assert abs(int.from_bytes(answer.rdata.other, "big") - time.time()) < 5


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_5_2_2_1_shortest_macs(algorithm: str) -> None:
    """Half the hash, and no less than ten octets; what is cut rightly is BADTRUNC here, which takes whole MACs only."""
    key = record(algorithm)
    whole = {"hmac-sha1": 20, "hmac-sha224": 28, "hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}[algorithm]
    least = max(10, whole // 2)
    assert checked(cut(signed(key), least - 1), key).rcode == dns.rcode.FORMERR
    assert checked(cut(signed(key), least), key).error == dns.rcode.BADTRUNC
    assert checked(cut(signed(key), whole), key).error == 0


@pytest.mark.parametrize(
    ("request_", "key", "error", "signed_answer"),
    [
        (signed(record()), None, dns.rcode.BADKEY, False),
        (signed(record(secret=b"another secret, of theirs")), record(), dns.rcode.BADSIG, False),
        (cut(signed(record()), 16), record(), dns.rcode.BADTRUNC, True),
    ],
    ids=["BADKEY", "BADSIG", "BADTRUNC"],
)
def test_5_3_2_error_answers_and_their_macs(
    request_: dns.message.Message | bytes, key: TsigKey | None, error: int, signed_answer: bool
) -> None:
    rcode, told, mac, other = error_of(refused(checked(request_, key)))
    assert (rcode, told, bool(mac), other) == (dns.rcode.NOTAUTH, error, signed_answer, b"")


# -- 5.3.1: many messages


@pytest.mark.parametrize(("between", "right"), [(98, True), (99, True), (100, False)])
def test_5_3_1_at_most_99_messages_in_a_row_unsigned(between: int, right: bool) -> None:
    key = record()
    query = signed(key)
    plain = bare_answer(query.to_wire(), dns.rcode.NOERROR)
    first = tsig.check(query.to_wire(), lambda _: key).seal(plain)
    follower = tsig.Follower(key, query.mac)
    follower.take(first)
    taken = 0
    for _ in range(between):
        try:
            follower.take(plain)
        except dns.tsig.BadSignature:
            break
        taken += 1
    assert (taken == between) is right
    assert taken >= 99 or right


def test_5_3_1_the_next_mac_covers_the_unsigned_ones() -> None:
    key = record()
    query = signed(key)
    messages = [bare_answer(query.to_wire(), dns.rcode.NOERROR)[:-1] + bytes((n,)) for n in range(3)]
    other = signing_some(key, query, messages)
    follower = tsig.Follower(key, query.mac)
    assert [follower.take(each) for each in other] == messages
    follower = tsig.Follower(key, query.mac)
    follower.take(other[0])
    follower.take(other[1][:-1] + b"\x7f")  # believed only when the next MAC is right
    with pytest.raises(dns.tsig.BadSignature):
        follower.take(other[2], last=True)


def signing_some(key: TsigKey, query: dns.message.Message, messages: list[bytes]) -> list[bytes]:
    """What a primary sends that signs the first and the last message only."""
    signer = checked(query, key).signer
    assert signer is not None
    first = signer.sign(messages[0])
    for unsigned in messages[1:-1]:
        signer._ctx.update(unsigned)
    return [first, *messages[1:-1], signer.sign(messages[-1])]


def test_5_3_1_the_first_must_be_signed() -> None:
    key = record()
    query = signed(key)
    with pytest.raises(dns.tsig.BadSignature):
        tsig.Follower(key, query.mac).take(bare_answer(query.to_wire(), dns.rcode.NOERROR))
