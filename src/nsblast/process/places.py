"""Where a server is to be found, as its log and its status say it.

Owns: the words. Never: binding.
"""

from nsblast.settings import Settings


def listening(settings: Settings) -> list[str]:
    """What is served where: "192.0.2.1 port 53/udp", and so on for tcp and http or https."""
    served = [
        f"{address} port {port}/{transport}"
        for address in settings.dns_endpoint
        for transport, port in (("udp", settings.udp_port), ("tcp", settings.tcp_port))
    ]
    scheme = "https" if settings.http_tls_certificate else "http"
    return [*served, *(f"{address} port {settings.http_port}/{scheme}" for address in settings.http_endpoint)]
