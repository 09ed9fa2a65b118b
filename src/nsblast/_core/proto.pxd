# DNS numbers, as the IANA registries and the RFCs named have them.
#
# Owns: values and where they stand in a message. Never: code, limits of this server (they stand where they are used).

cdef enum:                      # the message header: RFC 1035 4.1.1
    HEADER_OCTETS = 12
    HEADER_ID = 0               # offsets, each field 16 bits
    HEADER_FLAGS = 2
    HEADER_QDCOUNT = 4
    HEADER_ANCOUNT = 6
    HEADER_NSCOUNT = 8
    HEADER_ARCOUNT = 10
    FLAG_QR = 0x8000            # bits of the field at HEADER_FLAGS
    FLAG_AA = 0x0400
    FLAG_TC = 0x0200
    FLAG_RD = 0x0100
    FLAG_RA = 0x0080
    FLAG_Z = 0x0040             # reserved, sent as 0
    FLAG_AD = 0x0020            # RFC 4035 3.1.6
    FLAG_CD = 0x0010            # RFC 4035 3.1.6
    OPCODE_SHIFT = 11
    OPCODE_MASK = 0x0f          # after the shift
    RCODE_MASK = 0x0f

cdef enum:                      # sizes of a message
    UDP_PLAIN_MAX = 512         # without EDNS: RFC 1035 2.3.4, 6891 6.2.3
    MESSAGE_MAX = 65535         # RFC 1035 4.2.2
    QUESTION_FIXED = 4          # type and class after the question's name
    RR_FIXED = 10               # type, class, ttl, rdlength after an owner name: RFC 1035 4.1.3
    LABEL_OCTETS = 63           # RFC 1035 2.3.4
    POINTER_MARK = 0xc0         # the two bits that make a compression pointer: RFC 1035 4.1.4
    POINTER_MAX = 0x3fff        # the highest offset one can point to
    TTL_MAX = 0x7fffffff        # RFC 2181 8

cdef enum:                      # RFC 1035 4.1.1, 1996, 2136, 8490
    OPCODE_QUERY = 0
    OPCODE_IQUERY = 1           # obsolete: RFC 3425
    OPCODE_STATUS = 2
    OPCODE_NOTIFY = 4
    OPCODE_UPDATE = 5
    OPCODE_DSO = 6

cdef enum:                      # 12 bits with EDNS: RFC 1035 4.1.1, 2136 2.2, 6891 9, 7873 8, 8945 5.2
    RCODE_NOERROR = 0
    RCODE_FORMERR = 1
    RCODE_SERVFAIL = 2
    RCODE_NXDOMAIN = 3
    RCODE_NOTIMP = 4
    RCODE_REFUSED = 5
    RCODE_YXDOMAIN = 6          # RFC 6672 2.2: a DNAME made the name too long
    RCODE_YXRRSET = 7
    RCODE_NXRRSET = 8
    RCODE_NOTAUTH = 9
    RCODE_NOTZONE = 10
    RCODE_BADVERS = 16
    RCODE_BADCOOKIE = 23

cdef enum:                      # RFC 1035 3.2.4, 2136 2.4
    CLASS_IN = 1
    CLASS_CH = 3
    CLASS_HS = 4
    CLASS_NONE = 254
    CLASS_ANY = 255

cdef enum:                      # RFC 1035 3.2.2 and the RFC beside each
    TYPE_A = 1
    TYPE_NS = 2
    TYPE_MD = 3
    TYPE_MF = 4
    TYPE_CNAME = 5
    TYPE_SOA = 6
    TYPE_MB = 7
    TYPE_MG = 8
    TYPE_MR = 9
    TYPE_NULL = 10
    TYPE_WKS = 11
    TYPE_PTR = 12
    TYPE_HINFO = 13
    TYPE_MINFO = 14
    TYPE_MX = 15
    TYPE_TXT = 16
    TYPE_RP = 17                # RFC 1183
    TYPE_AFSDB = 18             # RFC 1183
    TYPE_X25 = 19               # RFC 1183
    TYPE_ISDN = 20              # RFC 1183
    TYPE_RT = 21                # RFC 1183
    TYPE_NSAP = 22              # RFC 1706
    TYPE_NSAP_PTR = 23          # RFC 1706
    TYPE_SIG = 24               # RFC 2931
    TYPE_KEY = 25               # RFC 2535
    TYPE_PX = 26                # RFC 2163
    TYPE_AAAA = 28              # RFC 3596
    TYPE_LOC = 29               # RFC 1876
    TYPE_NXT = 30               # RFC 2535, obsolete
    TYPE_SRV = 33               # RFC 2782
    TYPE_NAPTR = 35             # RFC 3403
    TYPE_KX = 36                # RFC 2230
    TYPE_CERT = 37              # RFC 4398
    TYPE_A6 = 38                # RFC 2874, historic
    TYPE_DNAME = 39             # RFC 6672
    TYPE_OPT = 41               # RFC 6891
    TYPE_APL = 42               # RFC 3123
    TYPE_DS = 43                # RFC 4034
    TYPE_SSHFP = 44             # RFC 4255
    TYPE_IPSECKEY = 45          # RFC 4025
    TYPE_RRSIG = 46             # RFC 4034
    TYPE_NSEC = 47              # RFC 4034
    TYPE_DNSKEY = 48            # RFC 4034
    TYPE_DHCID = 49             # RFC 4701
    TYPE_NSEC3 = 50             # RFC 5155
    TYPE_NSEC3PARAM = 51        # RFC 5155
    TYPE_TLSA = 52              # RFC 6698
    TYPE_SMIMEA = 53            # RFC 8162
    TYPE_HIP = 55               # RFC 8005
    TYPE_CDS = 59               # RFC 7344
    TYPE_CDNSKEY = 60           # RFC 7344
    TYPE_OPENPGPKEY = 61        # RFC 7929
    TYPE_CSYNC = 62             # RFC 7477
    TYPE_ZONEMD = 63            # RFC 8976
    TYPE_SVCB = 64              # RFC 9460
    TYPE_HTTPS = 65             # RFC 9460
    TYPE_SPF = 99               # RFC 7208
    TYPE_EUI48 = 108            # RFC 7043
    TYPE_EUI64 = 109            # RFC 7043
    TYPE_META_FIRST = 128       # Q and meta types are 128..255: RFC 6895 3.1
    TYPE_TKEY = 249             # RFC 2930
    TYPE_TSIG = 250             # RFC 8945
    TYPE_IXFR = 251             # RFC 1995
    TYPE_AXFR = 252             # RFC 5936
    TYPE_MAILB = 253
    TYPE_MAILA = 254
    TYPE_ANY = 255              # RFC 1035 3.2.3, 8482
    TYPE_META_LAST = 255
    TYPE_URI = 256              # RFC 7553
    TYPE_CAA = 257              # RFC 8659

cdef enum:                      # EDNS: RFC 6891 6.1
    OPT_FIXED = 11              # root owner and RR_FIXED
    EDNS_VERSION = 0            # the one this server has
    EDNS_DO = 0x8000            # in the low 16 bits of the OPT's ttl: RFC 3225
    OPTION_FIXED = 4            # code and length before an option's data
    OPTION_NSID = 3             # RFC 5001
    OPTION_EXPIRE = 9           # RFC 7314
    OPTION_COOKIE = 10          # RFC 7873
    OPTION_KEEPALIVE = 11       # RFC 7828
    OPTION_EDE = 15             # RFC 8914
    OPTION_ZONEVERSION = 19     # RFC 9660

cdef enum:                      # cookies: RFC 7873 4, 9018 4
    COOKIE_CLIENT = 8           # octets of a client cookie
    COOKIE_SERVER = 16          # of this server's own part
    COOKIE_SERVER_MIN = 8       # of anybody's
    COOKIE_SERVER_MAX = 32
    COOKIE_VERSION = 1          # RFC 9018 4.1
