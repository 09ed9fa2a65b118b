"""Random zones, random questions: the compiled core and the slow twin must give the same answer, section by section.

Zones are small and crowded on purpose: few labels, so that wildcards, cuts, DNAMEs, aliases, empty non-terminals and
child zones fall upon one another. Some zones are signed, with NSEC or NSEC3, with and without opt-out.
"""

from __future__ import annotations

import dns.name
import dns.zone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nsblast._core.engine import Engine
from tests.helpers.signed import sign_nsec, sign_nsec3
from tests.interop.harness import twin_view
from tests.interop.queries import TCP, TCP_DO, question
from tests.interop.selfcheck import faults
from tests.interop.views import show, view_of
from tests.reference.model import World
from tests.reference.store import answer

LABELS = st.sampled_from(["a", "b", "c", "*", "A", "\\000"])
APEXES = ["t.", "a.t.", "b.a.t.", "u.", "."]
TARGETS = st.lists(LABELS, max_size=3).flatmap(
    lambda labels: st.sampled_from(["t.", "a.t.", "u.", "t.", "."]).map(
        lambda apex: ".".join([*labels, apex]).replace("..", ".")
    )
)
DATA = st.one_of(
    st.tuples(st.just("A"), st.sampled_from(["192.0.2.1", "192.0.2.2"])),
    st.tuples(st.just("TXT"), st.just('"x"')),
    st.tuples(st.just("MX"), TARGETS.map("5 {}".format)),
    st.tuples(st.just("SRV"), TARGETS.map("0 0 1 {}".format)),
    st.tuples(st.just("NS"), TARGETS),
    st.tuples(st.just("CNAME"), TARGETS),
    st.tuples(st.just("DNAME"), TARGETS),
    st.tuples(st.just("DS"), st.just("1 13 2 " + "00" * 32)),
    st.tuples(st.just("SVCB"), TARGETS.map("0 {}".format)),
    st.tuples(st.just("TYPE65400"), st.just("\\# 1 00")),
)
OWNERS = st.lists(LABELS, max_size=4)
QTYPES = st.sampled_from([1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 46, 47, 64, 255, 65400, 65401])


def legal(owner: tuple[str, ...], kind: str, has: set[str]) -> bool:
    """What a zone's editor would let pass: an alias stands alone, cuts and DNAMEs are not made by wildcards."""
    if "CNAME" in has or (kind == "CNAME" and (has or not owner)):
        return False
    if kind in ("NS", "DNAME") and owner[:1] == ("*",):
        return False
    if {kind, *has} >= {"NS", "DNAME"} and owner:
        return False
    return kind != "DNAME" or "DNAME" not in has


@st.composite
def zone_text(draw: st.DrawFn, apex: str) -> str:
    """One zone as text, signed or not."""
    lines = [f"$ORIGIN {apex}", f"$TTL {draw(st.sampled_from([0, 300, 86400]))}", "@ SOA a b 1 2 3 4 60"]
    lines.append(f"@ NS {draw(TARGETS)}")
    types: dict[tuple[str, ...], set[str]] = {(): {"SOA", "NS"}}
    for labels in draw(st.lists(OWNERS, max_size=12)):
        owner = tuple(label.lower() for label in labels)
        for kind, data in draw(st.lists(DATA, min_size=1, max_size=3)):
            has = types.setdefault(owner, set())
            if legal(owner, kind, has):
                has.add(kind)
                lines.append(f"{'.'.join(labels) or '@'} {kind} {data}")
    text = "\n".join(lines) + "\n"
    how = draw(st.sampled_from(["plain", "plain", "nsec", "nsec3", "opt-out"]))
    if how == "nsec":
        return sign_nsec(text)
    if how == "plain":
        return text
    return sign_nsec3(text, iterations=1, opt_out=how == "opt-out")


@st.composite
def zone_texts(draw: st.DrawFn) -> dict[str, str]:
    """A server's zones by apex, parents and children among them."""
    apexes = draw(st.lists(st.sampled_from(APEXES), min_size=1, max_size=4, unique=True))
    return {apex: draw(zone_text(apex)) for apex in apexes}


QUESTIONS = st.lists(st.tuples(TARGETS, QTYPES, st.booleans()), min_size=4, max_size=12)


@settings(
    max_examples=300,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(zone_texts(), QUESTIONS)
def test_core_and_twin_answer_alike(texts: dict[str, str], questions: list[tuple[str, int, bool]]) -> None:
    parsed = (dns.zone.from_text(text, apex, relativize=False, check_origin=False) for apex, text in texts.items())
    world = World(parsed)
    engine = Engine(-1)
    for text, rdtype, do in questions:
        asked = question(dns.name.from_text(text).to_wire(), rdtype, TCP_DO if do else TCP, "property")
        wire = answer(engine, world, asked.wire, tcp=True)
        got, expected = view_of(wire, asked), twin_view(world, asked)
        for aspect, value in expected.items():
            assert got[aspect] == value, f"{asked.text()}: {aspect}\ncore {show(got[aspect])}\ntwin {show(value)}"
        assert got["form"] == "message"
        assert list(faults(asked, wire, world)) == []
