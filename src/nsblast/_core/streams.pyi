"""The turns of TCP connections: nothing for Python but what TcpServer (serve_tcp) inherits."""

from nsblast._core.engine import Engine

class Streams:
    """The connections of one worker and what they work with."""

    def __init__(self, engine: Engine) -> None: ...
    def renew(self, engine: Engine) -> None:
        """Answer with this Engine from now on; messages that wait go on waiting."""
