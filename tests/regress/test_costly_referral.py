"""One small UDP question about a delegation to 600 name servers once cost a thousand times what others cost.

All glue was looked up and planned, each RRset compared with all before it, for an answer that has room for a few dozen.
"""

import time

from tests.helpers.ask import Server, query_for

SERVERS = "\n".join(f"cut NS ns{i}.cut\nns{i}.cut A 192.0.2.{i % 250}" for i in range(600))
FEW = "\n".join(f"few NS ns{i}.few\nns{i}.few A 192.0.2.{i % 250}" for i in range(5))
ZONE = f"$ORIGIN example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n{SERVERS}\n{FEW}\n"
HOSTS = "\n".join(f"mx MX 1 h{i}\nh{i} A 192.0.2.{i}\nh{i} AAAA 2001:db8::{i}" for i in range(60))


def test_glue_is_looked_up_only_as_far_as_it_may_fit() -> None:
    server = Server(ZONE)
    answer = server.ask("x.cut.example", tcp=False)
    assert answer.message.flags & 0x0200, "TC: the NS set alone is too large"
    assert server.misses < 200
    before = server.misses
    assert len(server.ask("x.cut.example", tcp=True).section("ADDITIONAL")) > 500
    assert server.misses - before > 400

    def cost(name: str) -> float:
        packet = query_for(name).to_wire()
        server.send(packet)
        started = time.perf_counter()
        for _ in range(50):
            server.send(packet)
        return time.perf_counter() - started

    assert min(cost("x.cut.example") for _ in range(3)) < 60 * min(cost("x.few.example") for _ in range(3))


def test_what_fits_is_still_all_there() -> None:
    server = Server(ZONE + HOSTS)
    assert len(server.ask("x.few.example").section("ADDITIONAL")) == 5
    answer = server.ask("mx.example", "MX", size=4096, edns=0, tcp=False)
    assert not answer.message.flags & 0x0200, "left out additional data is no reason for TC"
    assert len(answer.wire) > 1100, "the room is used"
