# Linux socket calls for batches of datagrams: recvmmsg(2), sendmmsg(2), and the control message that tells
# which local address a datagram was sent to (ip(7) IP_PKTINFO, ipv6(7) IPV6_PKTINFO).

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <errno.h>
    """

cdef extern from "sys/socket.h" nogil:
    cdef struct sockaddr:
        uint16_t sa_family

    cdef struct sockaddr_storage:
        uint16_t ss_family

    cdef struct iovec:
        void* iov_base
        size_t iov_len

    cdef struct msghdr:
        void* msg_name
        uint32_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags

    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len

    int recvmmsg(int fd, mmsghdr* vec, unsigned int n, int flags, void* timeout)
    int sendmmsg(int fd, mmsghdr* vec, unsigned int n, int flags)
    int MSG_DONTWAIT
    int MSG_TRUNC
    int AF_INET
    int AF_INET6

cdef extern from "netinet/in.h" nogil:
    cdef struct in_addr:
        uint32_t s_addr

    cdef struct sockaddr_in:
        uint16_t sin_family
        uint16_t sin_port
        in_addr sin_addr

    cdef struct in6_addr:
        uint8_t s6_addr[16]

    cdef struct sockaddr_in6:
        uint16_t sin6_family
        uint16_t sin6_port
        in6_addr sin6_addr

cdef extern from * nogil:
    """
    /* The control message of a received datagram, turned into the one its answer leaves with: same address, any interface. */
    static inline void nsb_answer_from(struct msghdr *m) {
        struct cmsghdr *c = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL;
        if (c == NULL) { m->msg_control = NULL; m->msg_controllen = 0; return; }
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *p = (struct in_pktinfo *) CMSG_DATA(c);
            p->ipi_ifindex = 0;
            p->ipi_spec_dst = p->ipi_addr;
            m->msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            m->msg_controllen = CMSG_SPACE(sizeof(struct in6_pktinfo));
        } else { m->msg_control = NULL; m->msg_controllen = 0; }
    }
    """
    void nsb_answer_from(msghdr* m)
