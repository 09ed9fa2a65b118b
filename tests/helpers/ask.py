"""Ask the core in presentation text: Server(zones).ask("www.example.com", "AAAA", do=True).gives(...).

Every question goes through the real Engine, over UDP and over TCP, and whatever is asked the answer must keep the rules that
always hold: same id and opcode, QR set, the question echoed octet by octet, no larger than allowed, no octet left over.
"""

import struct
from dataclasses import dataclass, field
from textwrap import dedent
from typing import ClassVar

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from nsblast._core.engine import BUSY, HAND_OVER, MISS, Engine
from tests.helpers.stored import Stored
from tests.helpers.tables import Tables

CLIENT = bytes([192, 0, 2, 53])
ROUNDS = 3000  # more misses than one answer can need
SECTIONS = ("ANSWER", "AUTHORITY", "ADDITIONAL")
FLAGS = ("AA", "TC", "RD", "RA", "AD", "CD")

Record = tuple[
    str, int, str, str
]  # owner, TTL, type, rdata; names in their spelling; for RRSIG rdata is the covered type


def show(record: Record) -> str:
    return " ".join(map(str, record))


def rdata_text(rdata: dns.rdata.Rdata) -> str:
    """Presentation form; of a signature only the covered type, so that expected texts stay readable."""
    if rdata.rdtype == dns.rdatatype.RRSIG:
        return dns.rdatatype.to_text(rdata.covers())
    return rdata.to_text(origin=dns.name.root, relativize=False)


def expected_record(line: str) -> Record:
    """One line of expected text: owner TTL type rdata. Names are absolute with or without their final dot."""
    owner, ttl, rdtype, rdata = line.split(None, 3)
    rdclass = dns.rdataclass.IN
    if rdtype == "CH":
        rdclass = dns.rdataclass.CH
        rdtype, rdata = rdata.split(None, 1)
    name = str(dns.name.from_text(owner, origin=dns.name.root))
    if rdtype == "RRSIG":
        return name, int(ttl), rdtype, rdata
    tokens = dns.tokenizer.Tokenizer(rdata)
    parsed = dns.rdata.from_text(rdclass, rdtype, tokens, origin=dns.name.root, relativize=False)
    return name, int(ttl), dns.rdatatype.to_text(parsed.rdtype), rdata_text(parsed)


@dataclass
class Answer:
    """One answer, parsed; `message` for what the text does not show."""

    wire: bytes
    message: dns.message.Message = field(init=False)

    def __post_init__(self) -> None:
        self.message = dns.message.from_wire(self.wire, one_rr_per_rrset=True, ignore_trailing=False)

    @property
    def rcode(self) -> str:
        return dns.rcode.to_text(self.message.rcode())

    @property
    def flags(self) -> list[str]:
        return [name for name in FLAGS if self.message.flags & dns.flags.Flag[name]]

    @property
    def ede(self) -> list[int]:
        """Codes of the extended errors."""
        return [int(option.code) for option in self.message.options if isinstance(option, dns.edns.EDEOption)]

    @property
    def head(self) -> str:
        return " ".join([self.rcode, *(name.lower() for name in self.flags)])

    def section(self, name: str) -> list[Record]:
        """The records of a section in their order."""
        section = {"ANSWER": 1, "AUTHORITY": 2, "ADDITIONAL": 3}[name]
        records = []
        for rrset in self.message.section_from_number(section):
            for rdata in rrset:
                records.append((str(rrset.name), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata_text(rdata)))
        return records

    def text(self) -> str:
        """The whole as `gives` wants it."""
        lines = [self.head]
        for name in SECTIONS:
            if records := self.section(name):
                lines += [name, *map(show, records)]
        return "\n".join(lines)

    def gives(self, expected: str) -> "Answer":
        """Compare with expected text: rcode and flags, then sections. RRsets of the answer section stand in order."""
        lines = [line.strip() for line in dedent(expected).strip().splitlines()]
        lines = [line for line in lines if line and not line.startswith(";")]
        wanted: dict[str, list[Record]] = {name: [] for name in SECTIONS}
        here = ""
        for line in lines[1:]:
            if line in SECTIONS:
                here = line
            else:
                wanted[here].append(expected_record(line))
        got = self.text()
        assert self.head == lines[0], f"\n{got}\n-- wanted: {lines[0]}"
        for name in SECTIONS:
            records = self.section(name)
            assert sorted(records) == sorted(wanted[name]), f"{name} differs:\n{got}\n-- wanted:\n" + "\n".join(
                map(show, wanted[name])
            )
        order = [record[0::2][:2] for record in self.section("ANSWER")]
        foretold = [record[0::2][:2] for record in wanted["ANSWER"]]
        assert list(dict.fromkeys(order)) == list(dict.fromkeys(foretold)), f"order of the answer section:\n{got}"
        return self


class Server:
    """The core with some zones behind it; keyword arguments are the Engine's."""

    source: ClassVar[type[Tables] | type[Stored]] = Tables

    def __init__(self, *zones: str, **options: object) -> None:
        self.tables = self.source(zones)
        self.engine = Engine(-1, **options)  # type: ignore[arg-type]
        self.misses = 0

    def send(
        self, packet: bytes, *, tcp: bool = False, client: bytes = CLIENT, now: int = 1_700_000_000
    ) -> bytes | int:
        """Octets in, octets out; b"" is silence, HAND_OVER an int. Fills misses until there is none."""
        for _ in range(ROUNDS):
            answer = self.engine.answer(packet, client, tcp, now)
            if answer != MISS:
                assert answer != BUSY
                return answer
            self.misses += 1
            kind, apex, name = self.engine.miss()
            owner, blob = self.tables.fetch(kind, apex, name)
            self.engine.fill(kind, apex, name, owner, blob, self.tables.position)
        raise AssertionError(f"still missing after {ROUNDS} fills: {self.engine.miss()}")

    def ask(
        self,
        qname: str | dns.name.Name,
        qtype: str = "A",
        *,
        qclass: str = "IN",
        do: bool = False,
        edns: int | None = None,
        size: int = 1232,
        options: list[dns.edns.Option] | None = None,
        flags: str = "",
        tcp: bool | None = None,
        client: bytes = CLIENT,
    ) -> Answer:
        """One question. Without `tcp` it is asked both ways, and the answers must agree where none is truncated."""
        query = query_for(qname, qtype, qclass=qclass, do=do, edns=edns, size=size, options=options, flags=flags)
        packet = query.to_wire()
        answers = [self.exchange(packet, tcp=way, client=client) for way in ([False, True] if tcp is None else [tcp])]
        if len(answers) == 2 and not answers[0].message.flags & dns.flags.TC:
            assert answers[0].text() == answers[1].text(), "UDP and TCP answers differ"
        return answers[0]

    def exchange(self, packet: bytes, *, tcp: bool = False, client: bytes = CLIENT) -> Answer:
        """A well-formed query to its answer, with what must hold for every answer checked."""
        wire = self.send(packet, tcp=tcp, client=client)
        assert isinstance(wire, bytes), f"handed over ({wire == HAND_OVER})"
        assert wire, "silence"
        query = dns.message.from_wire(packet)
        answer = Answer(wire)
        reply = answer.message
        assert reply.id == query.id
        assert reply.flags & dns.flags.QR
        assert reply.opcode() == query.opcode()
        assert bool(reply.flags & dns.flags.RD) == bool(query.flags & dns.flags.RD)
        assert not reply.flags & dns.flags.RA
        end = question_end(packet)
        assert wire[4:6] == packet[4:6], "QDCOUNT"
        assert wire[12:end] == packet[12:end], "the question is not echoed as asked"
        assert (reply.edns >= 0) == (query.edns >= 0), "OPT in the answer if and only if in the query"
        allowed = 65535 if tcp else max(512, min(1232, query.payload)) if query.edns >= 0 else 512
        assert len(wire) <= allowed
        return answer


def query_for(
    qname: str | dns.name.Name,
    qtype: str = "A",
    *,
    qclass: str = "IN",
    do: bool = False,
    edns: int | None = None,
    size: int = 1232,
    options: list[dns.edns.Option] | None = None,
    flags: str = "",
) -> dns.message.QueryMessage:
    """A query as a client would send it; `flags` are words like "RD AD"."""
    name = dns.name.from_text(qname, origin=dns.name.root) if isinstance(qname, str) else qname
    query = dns.message.make_query(name, qtype, qclass, flags=0)
    if do or edns is not None or options:
        query.use_edns(edns or 0, dns.flags.DO if do else 0, size, options=options)
    for flag in flags.split():
        query.flags |= dns.flags.Flag[flag]
    return query


def question_end(packet: bytes) -> int:
    """Offset after the question section of a query whose names are not compressed."""
    at = 12
    for _ in range(struct.unpack("!H", packet[4:6])[0]):
        while packet[at]:
            at += packet[at] + 1
        at += 5
    return at
