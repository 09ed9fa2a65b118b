"""Zone text in, presentation lines out: what the conformance tests of master files compare."""

import io
from textwrap import dedent

from nsblast.records import name_from_text
from nsblast.zones.collect import read_zone
from nsblast.zones.zonefile import write_zone


def zone_lines(text: str | bytes, origin: str = "example.com.") -> list[str]:
    """The zone's records as canonical lines without the class; without the SOA and NS that every zone must have."""
    octets = dedent(text).encode() if isinstance(text, str) else text
    done = read_zone(octets, name_from_text(origin))
    out = io.BytesIO()
    write_zone(out, ((key, blob) for key, _, blob in done.entries()))
    lines = [line.replace(" IN ", " ", 1) for line in out.getvalue().decode().splitlines()]
    return [line for line in lines if not line.startswith(origin) or line.split()[2] not in ("SOA", "NS")]


APEX = "@ 3600 IN SOA ns host 1 7200 900 1209600 300\n@ 3600 NS ns.elsewhere.\n"
"""What a zone needs before anything else may be tested in it."""
