# Linux socket calls: batches of datagrams (recvmmsg(2), sendmmsg(2)) with the control messages that tell which local
# address a datagram was sent to (ip(7) IP_PKTINFO, ipv6(7) IPV6_PKTINFO) and that one message is to be cut (udp(7)
# UDP_SEGMENT); streams (accept4(2), recv(2), send(2)); epoll(7).

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <sys/epoll.h>
    #include <netinet/udp.h>
    #include <errno.h>
    #include <string.h>
    #ifndef UDP_SEGMENT
    #define UDP_SEGMENT 103
    #endif
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
    int accept4(int fd, sockaddr* peer, uint32_t* peer_len, int flags)
    Py_ssize_t recv(int fd, void* to, size_t size, int flags)
    Py_ssize_t send(int fd, const void* data, size_t size, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL
    int MSG_TRUNC
    int SOCK_CLOEXEC
    int SOCK_NONBLOCK
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

cdef extern from "sys/epoll.h" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64

    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data

    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int op, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int most, int timeout)
    int EPOLL_CLOEXEC
    int EPOLL_CTL_ADD
    int EPOLL_CTL_DEL
    int EPOLL_CTL_MOD
    uint32_t EPOLLIN
    uint32_t EPOLLOUT
    uint32_t EPOLLRDHUP
    uint32_t EPOLLERR
    uint32_t EPOLLHUP

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
    /* Whether the kernel says that it can cut what is sent over this socket (UDP_SEGMENT). */
    static inline int nsb_knows_segments(int fd) {
        int size = 0;
        socklen_t length = sizeof size;
        return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &length) == 0;
    }
    /* One control message more: cut into datagrams of this size. There is room for it behind those that are there. */
    static inline void nsb_segments(struct msghdr *m, uint16_t size) {
        struct cmsghdr *c = (struct cmsghdr *) ((char *) m->msg_control + m->msg_controllen);
        memset(c, 0, CMSG_SPACE(sizeof size));
        c->cmsg_level = IPPROTO_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(c), &size, sizeof size);
        m->msg_controllen += CMSG_SPACE(sizeof size);
    }
    """
    void nsb_answer_from(msghdr* m)
    bint nsb_knows_segments(int fd)
    void nsb_segments(msghdr* m, uint16_t size)
