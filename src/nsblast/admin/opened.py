"""What control's first moments (opening.py) hand to the rest of it (process.py). Owns: these values. Never: making them."""

import asyncio
import socket
from dataclasses import dataclass

from nsblast._core.segment import Segment
from nsblast.backend.store import OpenStore
from nsblast.process.life import Life


@dataclass(frozen=True)
class Opened:
    """What the rest of control goes on with."""

    life: Life
    sockets: list[socket.socket]
    """Of the admin API."""
    segment: Segment
    store: OpenStore
    first: bool
    """Whether nobody wrote to the segment before: the server starts, and this is no replacement."""
    end: asyncio.Event
    """Set when control is to end."""
