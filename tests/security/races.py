"""Racing writers over HTTP: everything is kept, and of those who saw the same state one wins.

    python -m tests.security.races [ROUNDS] [CLIENTS]        the whole: 10 000 rounds of each; needs PYTHONPATH=src:.

Owns: the rounds and what must hold after each. Never: how the server is started in tests. Each round's requests are all sent before the
first answer is read, on a connection each, so that the server has them at once.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Got, Wire, basic, path

ZONE = "race.test"
KEPT = 40
"""Values of one name before it begins anew: each is read and sorted by every write after it."""


class Racers:
    """Some clients with a connection each."""

    def __init__(self, server: Api, count: int) -> None:
        self.wires = [Wire(server, basic("admin", PASSWORD)) for _ in range(count)]
        for wire in self.wires:
            assert wire("GET", path("version")).status == 200

    def __enter__(self) -> "Racers":
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self.wires:
            wire.close()

    def race(self, requests: Sequence[bytes]) -> list[Got]:
        """All at once; their answers."""
        for wire, octets in zip(self.wires, requests, strict=True):
            wire.start(octets)
        return [wire.answer() for wire in self.wires]


def _serial(wire: Wire) -> int:
    return int(wire("GET", path("rr", ZONE)).value["soa"]["serial"])


def _texts(got: Got) -> list[str]:
    found = got.value["txt"]
    return [found] if isinstance(found, str) else list(found)


def appends(server: Api, rounds: int, clients: int) -> None:
    """Each client appends a value of its own to one name: all of them are there, and each was one serial."""
    target = path("rr", f"append.{ZONE}")
    expected: set[str] = set()
    with Racers(server, clients) as racers, Wire(server, basic("admin", PASSWORD)) as admin:
        serial = _serial(admin)
        for turn in range(rounds):
            texts = [f"{turn}.{number}" for number in range(clients)]
            requests = [admin.octets("PATCH", target + "?append=true", {"txt": [text]}) for text in texts]
            answers = racers.race(requests)
            assert {got.status for got in answers} <= {200, 201}, [got.body for got in answers]
            serials = sorted(got.value["serial"] for got in answers)
            assert serials == list(range(serial + 1, serial + 1 + clients)), (serial, serials)
            serial += clients
            expected.update(texts)
            if len(expected) >= KEPT or turn == rounds - 1:
                kept = _texts(admin("GET", target))
                assert sorted(kept) == sorted(expected), (turn, expected ^ set(kept))
                assert admin("DELETE", target).status == 200
                serial += 1
                expected.clear()


def matches(server: Api, rounds: int, clients: int) -> None:
    """Everybody holds the same ETag of a name: one write is made, the others are told 412 and change nothing."""
    target = path("rr", f"match.{ZONE}")
    with Racers(server, clients) as racers, Wire(server, basic("admin", PASSWORD)) as admin:
        made = admin("PUT", target, {"txt": ["start"]})
        assert made.status == 201
        tag, serial = made.headers["etag"], _serial(admin)
        for turn in range(rounds):
            requests = [
                admin.octets("PUT", target, {"txt": [f"{turn}.{number}"]}, {"if-match": tag})
                for number in range(clients)
            ]
            answers = racers.race(requests)
            assert sorted(got.status for got in answers) == [200] + [412] * (clients - 1), [got.body for got in answers]
            (winner,) = (number for number, got in enumerate(answers) if got.status == 200)
            serial += 1
            assert answers[winner].value["serial"] == serial
            tag = answers[winner].headers["etag"]
            if turn % 10 == 0 or turn == rounds - 1:
                now = admin("GET", target)
                assert (_texts(now), now.headers["etag"]) == ([f"{turn}.{winner}"], tag)
        assert _serial(admin) == serial


def zone_matches(server: Api, rounds: int, clients: int) -> None:
    """The same with the ETag of a whole zone, which is replaced, and changed by who knows only a name of it."""
    target = path("zone", ZONE)
    with Racers(server, clients) as racers, Wire(server, basic("admin", PASSWORD)) as admin:
        for turn in range(rounds):
            tag = {"if-match": admin("GET", target + "?limit=1").headers["etag"]}
            apex = {"fqdn": ZONE, "ns": ["ns1.example.net"]}
            bodies = [[apex, {"fqdn": f"w{turn}-{n}.{ZONE}", "a": ["192.0.2.1"]}] for n in range(clients)]
            answers = racers.race([admin.octets("PUT", target, body, tag) for body in bodies])
            assert sorted(got.status for got in answers) == [200] + [412] * (clients - 1), [got.body for got in answers]
            (winner,) = (number for number, got in enumerate(answers) if got.status == 200)
            assert admin("GET", target + "?kind=id").value == [f"{ZONE}.", f"w{turn}-{winner}.{ZONE}."]


def run(server: Api, rounds: int, clients: int) -> None:
    """All of them."""
    with Wire(server, basic("admin", PASSWORD)) as admin:
        assert admin("POST", path("zone", ZONE), {"ns": ["ns1.example.net"]}).status == 201
    appends(server, rounds, clients)
    matches(server, rounds, clients)
    zone_matches(server, max(5, rounds // 50), clients)


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    several = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    with tempfile.TemporaryDirectory() as place, api(Path(place), workers=1) as started:
        began = time.monotonic()
        run(started, wanted, several)
        print(
            f"{wanted} rounds of appends and of If-Match, {several} clients, {time.monotonic() - began:.0f} s: all kept, one winner each"
        )
