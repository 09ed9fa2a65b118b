"""The servers of the comparison, each behind the same small face."""

from tests.interop.peers.bind import Bind
from tests.interop.peers.common import Peer, PeerError
from tests.interop.peers.knot import Knot
from tests.interop.peers.nsblast import Nsblast
from tests.interop.peers.nsd import Nsd
from tests.interop.peers.pdns import Pdns

PEERS: tuple[type[Peer], ...] = (Bind, Nsd, Knot, Pdns)

__all__ = ["PEERS", "Bind", "Knot", "Nsblast", "Nsd", "Pdns", "Peer", "PeerError"]
