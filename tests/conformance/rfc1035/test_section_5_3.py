"""RFC 1035 5.3: the example of a master file, and the file it includes."""

from nsblast.records import name_from_text, name_to_text
from nsblast.zones.collect import read_zone
from nsblast.zones.zonefile import write_zone

MAIN = """\
@   IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        NS      VAXA
        MX      10      VENERA
        MX      20      VAXA

A       A       26.3.0.103

VENERA  A       10.1.0.52
        A       128.9.0.32

VAXA    A       10.2.0.27
        A       128.9.0.33


$INCLUDE <SUBSYS>ISI-MAILBOXES.TXT
"""
MAILBOXES = """\
MOE     MB      A.ISI.EDU.
LARRY   MB      A.ISI.EDU.
CURLEY  MB      A.ISI.EDU.
STOOGES MG      MOE
        MG      LARRY
        MG      CURLEY
"""


def test_the_example(tmp_path) -> None:
    (tmp_path / "isi.edu").write_text(MAIN)
    # MB and MG (experimental then, obsolete now: RFC 8482's registry) in the form that every type has.
    generic = MAILBOXES
    for kind, name in (("MB", "A.ISI.EDU."), ("MG", "MOE"), ("MG", "LARRY"), ("MG", "CURLEY")):
        wire = name_from_text(name, name_from_text("ISI.EDU."))
        generic = generic.replace(f"{kind}      {name}\n", f"{kind} \\# {len(wire)} {wire.hex()}\n")
    (tmp_path / "<SUBSYS>ISI-MAILBOXES.TXT").write_text(generic)
    done = read_zone(tmp_path / "isi.edu", name_from_text("ISI.EDU."))
    names = [name_to_text(name) for _, name, _ in done.entries()]
    assert names == [
        "isi.edu.",
        "a.isi.edu.",
        "curley.isi.edu.",
        "larry.isi.edu.",
        "moe.isi.edu.",
        "stooges.isi.edu.",
        "vaxa.isi.edu.",
        "venera.isi.edu.",
    ]
    with (tmp_path / "out").open("wb") as out:
        assert write_zone(out, ((key, blob) for key, _, blob in done.entries())) == 17
    text = (tmp_path / "out").read_text()
    assert text.startswith("ISI.EDU. 60 IN SOA VENERA.ISI.EDU. Action\\.domains.ISI.EDU. 20 7200 600 3600000 60\n")
    again = read_zone(tmp_path / "out")
    assert list(again.entries()) == list(done.entries())
