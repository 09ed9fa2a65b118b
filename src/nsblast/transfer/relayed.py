"""Messages that workers hand to control: the operation "dns" of the control socket.

Owns: finding who serves an opcode. Never: sockets of clients (serve/relay.py is the worker's half), what a message means.
A request is {packet, client (4 or 16 octets), tcp}; its value is the answer, b"" = silence.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from dns.opcode import Opcode

from nsblast.control import AsyncHandler, Peer
from nsblast.errors import UsageError

OPERATION = "dns"
TRANSFERRED = "transferred"
"""Operation by which workers tell of transfers that ended: items of [apex, client, serial, kind]."""
HEADER = 12

Serve = Callable[[bytes, bytes, bool], Awaitable[bytes]]
"""(packet, client, whether over TCP) to the answer."""


class Relayed:
    """Who serves which opcode in control."""

    def __init__(self) -> None:
        self._opcodes: dict[int, Serve] = {}

    def on_opcode(self, opcode: Opcode, serve: Serve) -> None:
        """Serve all requests of an opcode."""
        self._opcodes[opcode] = serve

    def operations(self) -> dict[str, AsyncHandler]:
        """For the control socket."""
        return {OPERATION: self._dns}

    async def _dns(self, args: dict[str, Any], _: Peer) -> bytes:
        packet, client, tcp = args.get("packet"), args.get("client"), args.get("tcp")
        if not isinstance(packet, bytes) or len(packet) < HEADER or not isinstance(client, bytes):
            raise UsageError("dns wants a packet and its client")
        if len(client) not in (4, 16):
            raise UsageError("dns wants a client of 4 or 16 octets")
        serve = self._opcodes.get(packet[2] >> 3 & 15)
        if serve is None:
            raise UsageError(f"no message of opcode {packet[2] >> 3 & 15} is taken by this server")
        return await serve(packet, client, tcp is True)
