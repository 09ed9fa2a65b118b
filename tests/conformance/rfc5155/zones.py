"""The zone of RFC 5155 appendix A: names, salt, iterations and opt-out are the RFC's, and so are the hashes they give."""

from tests.helpers.signed import sign_nsec3

PLAIN = """
$ORIGIN example.
$TTL 3600
example. SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600
example. NS ns1.example.
example. NS ns2.example.
example. MX 1 xx.example.
2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A 192.0.2.127
a.example. NS ns1.a.example.
a.example. NS ns2.a.example.
a.example. DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
ns1.a.example. A 192.0.2.5
ns2.a.example. A 192.0.2.6
ai.example. A 192.0.2.9
ai.example. HINFO "KLH-10" "ITS"
ai.example. AAAA 2001:db8:0:0:0:0:f00:baa9
c.example. NS ns1.c.example.
c.example. NS ns2.c.example.
ns1.c.example. A 192.0.2.7
ns2.c.example. A 192.0.2.8
ns1.example. A 192.0.2.1
ns2.example. A 192.0.2.2
*.w.example. MX 1 ai.example.
x.w.example. MX 1 xx.example.
x.y.w.example. MX 1 xx.example.
xx.example. A 192.0.2.10
xx.example. HINFO "KLH-10" "TOPS-20"
xx.example. AAAA 2001:db8:0:0:0:0:f00:baaa
"""

EXAMPLE = sign_nsec3(PLAIN, salt="aabbccdd", iterations=12, opt_out=True)
SOA = """
        example. 3600 SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600
        example. 3600 RRSIG SOA
        """


def nsec3(owner: str, following: str, types: str) -> str:
    """A line of the chain and its signature."""
    return f"""
        {owner}.example. 3600 NSEC3 1 1 12 aabbccdd {following} {types}
        {owner}.example. 3600 RRSIG NSEC3
        """


# Owner is the hash of: next hash, types. As printed in the RFC.
APEX = nsec3(
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr", "NS SOA MX RRSIG DNSKEY NSEC3PARAM"
)
NS1 = nsec3("2t7b4g4vsa5smi47k61mv5bv1a22bojr", "2vptu5timamqttgl4luu9kg21e0aor3s", "A RRSIG")
XYW = nsec3("2vptu5timamqttgl4luu9kg21e0aor3s", "35mthgpgcu1qg68fab165klnsnk3dpvl", "MX RRSIG")
A = nsec3("35mthgpgcu1qg68fab165klnsnk3dpvl", "b4um86eghhds6nea196smvmlo4ors995", "NS DS RRSIG")
XW = nsec3("b4um86eghhds6nea196smvmlo4ors995", "gjeqe526plbf1g8mklp59enfd789njgi", "MX RRSIG")
AI = nsec3("gjeqe526plbf1g8mklp59enfd789njgi", "ji6neoaepv8b5o6k4ev33abha8ht9fgc", "A HINFO AAAA RRSIG")
YW = nsec3("ji6neoaepv8b5o6k4ev33abha8ht9fgc", "k8udemvp1j2f7eg6jebps17vp3n8i58h", "")
W = nsec3("k8udemvp1j2f7eg6jebps17vp3n8i58h", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi", "")
NAME_LIKE_A_HASH = nsec3("kohar7mbb8dc2ce8a9qvl8hon4k53uhi", "q04jkcevqvmu85r014c7dkba38o0ji5r", "A RRSIG")
NS2 = nsec3("q04jkcevqvmu85r014c7dkba38o0ji5r", "r53bq7cc2uvmubfu5ocmm6pers9tk9en", "A RRSIG")
STAR_W = nsec3("r53bq7cc2uvmubfu5ocmm6pers9tk9en", "t644ebqk9bibcna874givr6joj62mlhv", "MX RRSIG")
XX = nsec3("t644ebqk9bibcna874givr6joj62mlhv", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "A HINFO AAAA RRSIG")
