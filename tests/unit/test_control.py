"""The control socket: requests in, answers, streams and errors back, over a real socket with a real loop."""

import asyncio
import os
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nsblast.control import SOCKET_NAME, Client, Peer, Server
from nsblast.errors import ControlError, InputError, NotFound, NotRunning, TimedOut, UsageError

gate = threading.Event()
closed = threading.Event()


def echo(args: dict[str, Any], peer: Peer) -> Any:
    return {"args": args, "uid": peer.uid, "pid": peer.pid}


def count(args: dict[str, Any], _: Peer) -> Iterator[int]:
    try:
        yield from range(args["n"])
    finally:
        closed.set()
    return "done"


def refuse(_: dict[str, Any], __: Peer) -> None:
    raise InputError("bad.zone:3:7: expected a TTL", file="bad.zone", line=3, column=7)


def fault(_: dict[str, Any], __: Peer) -> None:
    raise ZeroDivisionError("inside")


def wait(_: dict[str, Any], __: Peer) -> str:
    gate.wait(10)
    return "waited"


async def in_loop(args: dict[str, Any], _: Peer) -> Any:
    await asyncio.sleep(0)
    return args["x"] + 1


OPS = {"echo": echo, "count": count, "refuse": refuse, "fault": fault, "wait": wait, "in_loop": in_loop}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    # Deeper than sun_path could name.
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    gate.clear()
    loop = asyncio.new_event_loop()
    server = Server(deep, OPS)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield deep
    gate.set()
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert not (deep / SOCKET_NAME).exists()


def test_call_carries_octets_and_the_peer(folder: Path) -> None:
    with Client(folder, 5) as client:
        answer = client.call("echo", name=b"\x03www\x00", number=1 << 40)
    assert answer == {"args": {"name": b"\x03www\x00", "number": 1 << 40}, "uid": os.getuid(), "pid": os.getpid()}


def test_socket_is_for_its_owner_only(folder: Path) -> None:
    assert stat.S_IMODE((folder / SOCKET_NAME).stat().st_mode) == 0o600


def test_stream_gives_items_then_its_value(folder: Path) -> None:
    with Client(folder, 5) as client:
        answers = client.stream("count", n=1000)
        assert [next(answers) for _ in range(1000)] == list(range(1000))
        with pytest.raises(StopIteration) as end:
            next(answers)
        assert end.value.value == "done"


def test_stream_given_up_does_not_disturb_the_next_call(folder: Path) -> None:
    with Client(folder, 5) as client:
        answers = client.stream("count", n=500)
        next(answers)
        assert client.call("in_loop", x=1) == 2


def test_errors_keep_kind_words_and_details(folder: Path) -> None:
    with Client(folder, 5) as client:
        with pytest.raises(InputError) as caught:
            client.call("refuse")
        assert caught.value.message == "bad.zone:3:7: expected a TTL"
        assert caught.value.details == {"file": "bad.zone", "line": 3, "column": 7}
        with pytest.raises(UsageError, match="knows no operation 'nonsense'"):
            client.call("nonsense")
        with pytest.raises(ControlError, match="ZeroDivisionError"):
            client.call("fault")
        assert client.call("in_loop", x=2) == 3


def test_slow_operation_does_not_hold_up_others(folder: Path) -> None:
    with ThreadPoolExecutor() as pool, Client(folder, 10) as slow:
        waiting = pool.submit(slow.call, "wait")
        with Client(folder, 5) as quick:
            assert quick.call("in_loop", x=3) == 4
        assert not waiting.done()
        gate.set()
        assert waiting.result(5) == "waited"


def test_timeout_is_told(folder: Path) -> None:
    with Client(folder, 0.1) as client, pytest.raises(TimedOut):
        client.call("wait")


def test_garbage_ends_only_its_own_connection(folder: Path) -> None:
    for garbage in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\xc1\xc1", b"\x00\x00\x00\x01\x05"):
        with socket.socket(socket.AF_UNIX) as raw:
            descriptor = os.open(folder, os.O_RDONLY)
            raw.connect(f"/proc/self/fd/{descriptor}/{SOCKET_NAME}")
            os.close(descriptor)
            raw.settimeout(5)
            raw.sendall(garbage)
            assert raw.recv(100) == b""
    with Client(folder, 5) as client:
        assert client.call("in_loop", x=1) == 2


def test_stream_ends_when_its_client_hangs_up(folder: Path) -> None:
    closed.clear()
    client = Client(folder, 5)
    endless = client.stream("count", n=10**9)
    next(endless)
    assert not closed.wait(0.3)
    client.close()
    assert closed.wait(5)


def test_no_server_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"no server runs on {tmp_path}"):
        Client(tmp_path)
    with pytest.raises(NotRunning, match="there is no such folder"):
        Client(tmp_path / "none")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / SOCKET_NAME))
    dead.close()
    with pytest.raises(NotRunning):
        Client(tmp_path)


def test_unknown_error_kind_still_tells_its_words() -> None:
    from nsblast.errors import from_wire

    assert from_wire({"error": "Newfangled", "message": "words"}).message == "words"
    assert isinstance(from_wire({"error": "NotFound", "message": "x"}), NotFound)
