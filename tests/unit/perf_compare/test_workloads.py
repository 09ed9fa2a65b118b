"""Zones and questions: the same octets each time, zones that are accepted, questions that have the answers they claim."""

from pathlib import Path

import dns.message
import dns.zone
import pytest

from perf_compare.workloads import KINDS, WORKLOADS, workload

SIZE = 40


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_same_seed_gives_the_same_octets(name: str, tmp_path: Path) -> None:
    one, other = (workload(name, tmp_path / place, SIZE, 200) for place in ("a", "b"))
    assert one.questions.read_bytes() == other.questions.read_bytes()
    assert [path.read_bytes() for _, path in one.zones] == [path.read_bytes() for _, path in other.zones]
    assert one.sample == other.sample


@pytest.mark.parametrize("name", WORKLOADS)
def test_questions_are_messages_and_the_sample_is_their_beginning(name: str, tmp_path: Path) -> None:
    work = workload(name, tmp_path, SIZE, 50)
    data, asked = work.questions.read_bytes(), []
    while data:
        length = int.from_bytes(data[:2], "big")
        asked.append(dns.message.from_wire(data[2 : 2 + length]))
        data = data[2 + length :]
    assert len(asked) == len(work.sample) == 50
    for message, question in zip(asked, work.sample, strict=True):
        assert message.question[0].name.to_text() == question.name + "."
        assert message.question[0].rdtype == question.rrtype
        assert bool(message.ednsflags & 0x8000) == question.dnssec
    assert len(work.questions.with_suffix(".txt").read_text().splitlines()) == 50


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in KINDS.values()}))
def test_zones_are_zones(kind: str, tmp_path: Path) -> None:
    name = next(name for name, (zones, _) in KINDS.items() if zones == kind)
    for origin, path in workload(name, tmp_path, 5, 10).zones:
        zone = dns.zone.from_file(str(path), origin)
        assert zone.get_rdataset("@", "SOA")
        assert len(zone.nodes) > 2


def test_a_signed_zone_has_one_chain(tmp_path: Path) -> None:
    ((origin, path),) = workload("signed", tmp_path, 5, 10).zones
    zone = dns.zone.from_file(str(path), origin, relativize=False)
    names = sorted(zone.nodes)
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        chain = zone.get_rdataset(name, "NSEC")
        assert chain is not None
        assert chain[0].next == following


def test_unknown_workloads_and_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'warm'"):
        workload("warm", tmp_path, 5)
    with pytest.raises(ValueError, match="at least 1"):
        workload("hot", tmp_path, 0)
