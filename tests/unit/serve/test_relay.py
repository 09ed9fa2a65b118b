"""What the relay tells a client when control is there, busy, replaced, silent or away."""

import asyncio
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.update
import pytest

from nsblast.control import Peer, Server
from nsblast.errors import UsageError
from nsblast.serve import relay
from nsblast.serve.handover import Request
from nsblast.serve.relay import Relay

PACKET = dns.update.UpdateMessage("example.").to_wire()
CLIENT = bytes((192, 0, 2, 1))


def request(*, tcp: bool = False, packet: bytes = PACKET) -> Request:
    return Request(packet, CLIENT, tcp)


def rcode(answer: bytes) -> dns.rcode.Rcode:
    return dns.message.from_wire(answer).rcode()


class Control:
    """A control process that answers as told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[dict[str, Any]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.server = Server(path, {"dns": self._dns})

    async def _dns(self, args: dict[str, Any], _: Peer) -> bytes:
        self.asked.append(args)
        await self.go.wait()
        if args["packet"] == b"refuse":
            raise UsageError("not that")
        return b"answer to " + args["packet"]


def test_many_are_under_way(tmp_path: Path) -> None:
    async def run() -> None:
        control = Control(tmp_path)
        await control.server.start()
        control.go.clear()
        link = Relay(tmp_path)
        tasks = [asyncio.ensure_future(link.serve(request(packet=b"%d" % n, tcp=bool(n % 2)))) for n in range(100)]
        while len(control.asked) < 100:
            await asyncio.sleep(0.01)
        control.go.set()
        assert await asyncio.gather(*tasks) == [b"answer to %d" % n for n in range(100)]
        assert control.asked[1] == {"packet": b"1", "client": CLIENT, "tcp": True}
        link.close()
        await control.server.stop()

    asyncio.run(run())


def test_datagrams_have_a_limit_and_tcp_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "UDP_MOST", 2)
    monkeypatch.setattr(relay, "OCTETS_MOST", 2 * len(PACKET))

    async def run() -> None:
        control = Control(tmp_path)
        await control.server.start()
        control.go.clear()
        link = Relay(tmp_path)
        udp = [asyncio.ensure_future(link.serve(request())) for _ in range(2)]
        tcp = [asyncio.ensure_future(link.serve(request(tcp=True))) for _ in range(6)]
        while len(control.asked) < 4:
            await asyncio.sleep(0.01)
        assert rcode(await link.serve(request())) == dns.rcode.SERVFAIL
        await asyncio.sleep(0.05)
        assert len(control.asked) == 4
        control.go.set()
        assert await asyncio.gather(*udp, *tcp) == [b"answer to " + PACKET] * 8
        link.close()
        await control.server.stop()

    asyncio.run(run())


def test_control_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "CONNECT_WITHIN", 0.1)

    async def run() -> None:
        link = Relay(tmp_path)
        assert rcode(await link.serve(request())) == dns.rcode.SERVFAIL
        control = Control(tmp_path)
        await control.server.start()
        assert await link.serve(request()) == b"answer to " + PACKET
        await control.server.stop()
        assert rcode(await link.serve(request())) == dns.rcode.SERVFAIL
        again = Control(tmp_path)
        await again.server.start()
        assert await link.serve(request()) == b"answer to " + PACKET
        link.close()
        await again.server.stop()

    asyncio.run(run())


def test_control_comes_while_a_message_waits(tmp_path: Path) -> None:
    async def run() -> None:
        link = Relay(tmp_path)
        asking = asyncio.ensure_future(link.serve(request()))
        await asyncio.sleep(0.1)
        control = Control(tmp_path)
        await control.server.start()
        assert await asking == b"answer to " + PACKET
        link.close()
        await control.server.stop()

    asyncio.run(run())


def test_silence_when_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message may have been done: no answer says that it was not."""
    monkeypatch.setattr(relay, "ANSWER_WITHIN", 0.1)

    async def run() -> None:
        control = Control(tmp_path)
        await control.server.start()
        control.go.clear()
        link = Relay(tmp_path)
        assert await link.serve(request()) == b""
        monkeypatch.setattr(relay, "ANSWER_WITHIN", 10)
        lost = asyncio.ensure_future(link.serve(request()))
        await asyncio.sleep(0.05)
        link.close()
        assert await asyncio.wait_for(lost, 1) == b""
        control.go.set()
        assert await link.serve(request()) == b"answer to " + PACKET
        link.close()
        await control.server.stop()

    asyncio.run(run())


def test_an_error_of_control_is_servfail(tmp_path: Path) -> None:
    async def run() -> None:
        control = Control(tmp_path)
        await control.server.start()
        link = Relay(tmp_path)
        answer = await link.serve(request(packet=b"refuse"))
        assert answer == b""  # no message at all: there is nothing to answer to
        link.close()
        await control.server.stop()

    asyncio.run(run())
