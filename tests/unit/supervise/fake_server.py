"""The real supervisor with pretended children; the test says by environment how the children behave."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from nsblast.errors import NsblastError, StoreCorrupt
from nsblast.process.life import Life
from nsblast.settings import Settings
from nsblast.settings_layers import Layers
from nsblast.supervise.parent import Supervisor

folder = Path(sys.argv[1])
how = os.environ.get("NSBLAST_TEST_HOW", "")


def note(life: Life, **what: Any) -> None:
    """One line in the test's diary, written whole."""
    with open(folder / "diary", "a", encoding="utf-8") as diary:
        diary.write(json.dumps({"name": life.name, "pid": os.getpid(), **what}) + "\n")


async def live(life: Life) -> None:
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)

    def news() -> None:
        message = life.channel.receive()
        if message is None:
            end.set()
        elif "settings" in message:
            note(life, event="settings", udp_max=Settings(**message["settings"]).udp_max)
            life.channel.send(done=message["n"])
        elif "answer" in message:
            note(life, event="answer", failed=(message["failed"] or {}).get("message"))

    loop.add_reader(life.channel.fileno(), news)
    if life.name == "control":
        life.channel.send(state="opened")
        if how == "ask":
            loop.call_later(0.3, lambda: life.channel.send(ask="set", n=7, changes={"udp_max": 999}))
            loop.call_later(0.6, lambda: life.channel.send(ask="set", n=8, changes={"workers": 9}))
            loop.call_later(0.9, lambda: life.channel.send(ask="stop", n=9))
    life.channel.send(state="ready")
    note(life, event="ready")
    await end.wait()
    if how == "stubborn" and life.index == 0:
        await asyncio.sleep(60)
    note(life, event="end")


def child(life: Life) -> None:
    if how == "corrupt" and life.name == "control":
        raise StoreCorrupt(f"database {life.settings.db_path}: checksum mismatch in 000012.sst")
    if how == "crash" and life.index == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "loop" and life.index == 0 and (folder / "loop").exists():
        sys.exit(9)
    asyncio.run(live(life))


layers = Layers(
    config=folder / "nsblast.toml",
    environ={},
    flags={"db_path": str(folder / "db"), "dns_port": int(sys.argv[2]), "workers": 2},
)
try:
    Supervisor(
        layers,
        child,
        child,
        lambda cache, workers: os.memfd_create("fake"),
        lambda fd, index, pid: note(Life("supervisor", index, *[None] * 8), event="forgotten", gone=pid),  # type: ignore[arg-type]
    ).run()
except NsblastError as error:
    print(f"error: {error.message}", file=sys.stderr)
    sys.exit(error.exit_code)
