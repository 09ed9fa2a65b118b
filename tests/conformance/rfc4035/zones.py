"""The zone of RFC 4035 appendix A: its names and data; keys and signatures are made up, the NSEC chain is the RFC's."""

from tests.helpers.signed import sign_nsec

PLAIN = """
$ORIGIN example.
$TTL 3600
example. SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600
example. NS ns1.example.
example. NS ns2.example.
example. MX 1 xx.example.
a.example. NS ns1.a.example.
a.example. NS ns2.a.example.
a.example. DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
ns1.a.example. A 192.0.2.5
ns2.a.example. A 192.0.2.6
ai.example. A 192.0.2.9
ai.example. HINFO "KLH-10" "ITS"
ai.example. AAAA 2001:db8::f00:baa9
b.example. NS ns1.b.example.
b.example. NS ns2.b.example.
ns1.b.example. A 192.0.2.7
ns2.b.example. A 192.0.2.8
ns1.example. A 192.0.2.1
ns2.example. A 192.0.2.2
*.w.example. MX 1 ai.example.
x.w.example. MX 1 xx.example.
x.y.w.example. MX 1 xx.example.
xx.example. A 192.0.2.10
xx.example. HINFO "KLH-10" "TOPS-20"
xx.example. AAAA 2001:db8::f00:baaa
"""

EXAMPLE = sign_nsec(PLAIN)
SOA = """
        example. 3600 SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600
        example. 3600 RRSIG SOA
        """
