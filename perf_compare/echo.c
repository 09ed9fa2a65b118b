/* The floor: what the kernel alone costs. Receives datagrams in batches, sets the QR bit, sends them back.
 *   echo ADDRESS PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 4096 };

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: echo ADDRESS PORT\n"); return 2; }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short) atoi(argv[2]))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
    if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) { fprintf(stderr, "not an IPv4 address: %s\n", argv[1]); return 2; }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (bind(fd, (struct sockaddr *) &at, sizeof at) < 0) { perror("bind"); return 1; }
    static unsigned char buf[BATCH][ROOM];
    static struct sockaddr_in peer[BATCH];
    static struct mmsghdr msg[BATCH];
    static struct iovec iov[BATCH];
    for (int i = 0; i < BATCH; i++) {
        iov[i].iov_base = buf[i];
        msg[i].msg_hdr.msg_iov = &iov[i];
        msg[i].msg_hdr.msg_iovlen = 1;
        msg[i].msg_hdr.msg_name = &peer[i];
    }
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            iov[i].iov_len = ROOM;
            msg[i].msg_hdr.msg_namelen = sizeof peer[i];
        }
        int n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, NULL);
        if (n <= 0) continue;
        for (int i = 0; i < n; i++) {
            if (msg[i].msg_len > 2) buf[i][2] |= 0x80;
            iov[i].iov_len = msg[i].msg_len;
        }
        for (int done = 0; done < n;) {
            int k = sendmmsg(fd, msg + done, (unsigned) (n - done), 0);
            done += k > 0 ? k : 1;
        }
    }
}
