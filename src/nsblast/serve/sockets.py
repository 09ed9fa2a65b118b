"""Sockets of one worker: bound with SO_REUSEPORT (the kernel spreads clients over workers), or inherited from systemd.

Each UDP socket of a wildcard address is told to deliver the address that was asked, so that the answer leaves from it.
UDP answers are sent without path MTU discovery: a forged "fragmentation needed" must not make us fragment (RFC 9715).
"""

import ipaddress
import socket
from dataclasses import dataclass

from nsblast.errors import PermissionMissing, from_os
from nsblast.settings import Settings

# Linux numbers Python's socket module does not name.
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT = 10, 23, 5
_IP_PKTINFO = 8
_SO_RCVBUFFORCE, _SO_SNDBUFFORCE = 33, 32


@dataclass(frozen=True)
class Listener:
    """One socket that is served."""

    sock: socket.socket
    udp: bool
    address: str
    port: int
    shared: bool = False  # all workers read from this very socket (systemd made it)

    @property
    def wildcard(self) -> bool:
        """Bound to every address of its family."""
        return ipaddress.ip_address(self.address).is_unspecified

    def __str__(self) -> str:
        return f"{self.address} port {self.port}/{'udp' if self.udp else 'tcp'}"


def listen(settings: Settings) -> list[Listener]:
    """A socket for each endpoint and transport, joined to the port's group; errors name address and port."""
    made: list[Listener] = []
    try:
        for address in settings.dns_endpoint:
            made.append(
                Listener(_bind(address, settings.udp_port, udp=True, share=True), True, address, settings.udp_port)
            )
            made.append(
                Listener(_bind(address, settings.tcp_port, udp=False, share=True), False, address, settings.tcp_port)
            )
        for listener in made:
            _tune(listener, settings)
    except BaseException:
        for listener in made:
            listener.sock.close()
        raise
    return made


def adopt(sockets: list[socket.socket], settings: Settings) -> list[Listener]:
    """The sockets systemd made; all workers read from the same ones."""
    listeners = []
    for sock in sockets:
        address, port = sock.getsockname()[:2]
        listeners.append(Listener(sock, sock.type == socket.SOCK_DGRAM, address, port, shared=True))
        _tune(listeners[-1], settings)
    return listeners


def check_free(settings: Settings) -> None:
    """Nobody else serves these ports: bound alone for a moment, as SO_REUSEPORT would share them."""
    for address in settings.dns_endpoint:
        _bind(address, settings.udp_port, udp=True, share=False).close()
        probe = _bind(address, settings.tcp_port, udp=False, share=False)
        try:
            probe.listen(1)
        except OSError as error:
            raise from_os(error, f"serve {address} port {settings.tcp_port}/tcp") from None
        finally:
            probe.close()


def _bind(address: str, port: int, *, udp: bool, share: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = f"{address} port {port}/{'udp' if udp else 'tcp'}"
    try:
        sock = socket.socket(family, (socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise from_os(error, f"serve {place}") from None
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if not udp:
            # Connections of an earlier run in TIME_WAIT do not count as a taken port; a listening socket still does.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        host, _, scope = address.partition("%")
        sock.bind((host, port, 0, socket.if_nametoindex(scope) if scope else 0) if ":" in address else (host, port))
    except OSError as error:
        sock.close()
        told = from_os(error, f"serve {place}")
        if isinstance(told, PermissionMissing) and port < 1024:
            raise PermissionMissing(told.message + " (ports below 1024 need root or CAP_NET_BIND_SERVICE)") from None
        raise told from None
    return sock


def _tune(listener: Listener, settings: Settings) -> None:
    sock = listener.sock
    six = sock.family == socket.AF_INET6
    if not listener.udp:
        try:
            sock.listen(settings.tcp_backlog)
        except OSError as error:
            raise from_os(error, f"serve {listener}") from None
        return
    if six:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
    if listener.wildcard:
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    for force, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, force, settings.udp_buffer)
        except OSError:
            # Without the privilege the system's limit (net.core.rmem_max) holds.
            sock.setsockopt(socket.SOL_SOCKET, plain, settings.udp_buffer)
