"""The admin API's ports, bound while control still may.

Owns: the listening sockets' making. Never: what is served on them (listen.py), whose modules are read later.
"""

import socket

from nsblast.errors import from_os
from nsblast.settings import Settings


def bind(settings: Settings) -> list[socket.socket]:
    """A listening socket for each address; errors name address and port."""
    made: list[socket.socket] = []
    try:
        for address in settings.http_endpoint:
            made.append(_bind(address, settings.http_port))
    except BaseException:
        for sock in made:
            sock.close()
        raise
    return made


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise from_os(error, f"serve the admin API on {address} port {port}") from None
    return sock
