/* A client that takes a whole zone (AXFR) and looks at nothing but the counts: cheaper than any server that gives one.
 *
 *   transfer ADDRESS PORT ZONE RECORDS [SECONDS]
 *
 * RECORDS: how many the transfer has, the SOA twice; the last message is known by them. With SECONDS it asks again and again until
 * they are over. Prints one JSON object: transfers, seconds of the one that took least, first_ms (until its first message), messages, octets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

enum { ROOM = 1 << 20 };

static double now(void) {
    return (double) now_ns() * 1e-9;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void wrong(const char *what) {
    fprintf(stderr, "transfer: %s\n", what);
    exit(3);
}

/* The question with its length in front; octets in all. */
static size_t question(uint8_t *to, const char *zone) {
    uint8_t *at = to + 2 + 12;
    memcpy(to + 2, "\x12\x34\0\0\0\1\0\0\0\0\0\0", 12);
    while (*zone && strcmp(zone, ".") != 0) {
        size_t label = strcspn(zone, ".");
        if (label == 0 || label > 63 || at - to > 200) wrong("ZONE is no name");
        *at++ = (uint8_t) label;
        memcpy(at, zone, label);
        at += label;
        zone += label;
        if (*zone == '.') zone++;
    }
    *at++ = 0;
    memcpy(at, "\0\xfc\0\1", 4);
    at += 4;
    size_t size = (size_t) (at - to) - 2;
    to[0] = (uint8_t) (size >> 8);
    to[1] = (uint8_t) size;
    return size + 2;
}

typedef struct {
    double seconds, first;
    unsigned long messages, octets;
} Taken;

static Taken take(const struct sockaddr_in *to, const char *zone, unsigned long wanted, uint8_t *room) {
    uint8_t asked[512];
    size_t size = question(asked, zone), have = 0;
    Taken taken = {0};
    unsigned long records = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *) to, sizeof *to) < 0) die("connect");
    struct timeval patience = {60, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    double began = now();
    if (write(fd, asked, size) != (ssize_t) size) die("write");
    while (records < wanted) {
        ssize_t got = read(fd, room + have, ROOM - have);
        if (got < 0) die("read");
        if (got == 0) wrong("the connection ended before the transfer");
        have += (size_t) got;
        size_t at = 0;
        while (have - at >= 2) {
            size_t length = (size_t) room[at] << 8 | room[at + 1];
            if (have - at < length + 2) break;
            const uint8_t *message = room + at + 2;
            if (length < 12 || (message[3] & 15) != 0) wrong("a refusal, or no message");
            if (taken.messages == 0) taken.first = now() - began;
            records += (unsigned long) message[6] << 8 | message[7];
            taken.messages++;
            taken.octets += length + 2;
            at += length + 2;
        }
        memmove(room, room + at, have - at);
        have -= at;
    }
    taken.seconds = now() - began;
    if (records != wanted) wrong("more records than there should be");
    close(fd);
    return taken;
}

int main(int argc, char **argv) {
    if (argc < 5) wrong("ADDRESS PORT ZONE RECORDS [SECONDS]");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) wrong("ADDRESS is none of IPv4");
    unsigned long wanted = strtoul(argv[4], NULL, 10), transfers = 0;
    double end = now() + (argc > 5 ? atof(argv[5]) : 0);
    uint8_t *room = malloc(ROOM);
    if (room == NULL) die("malloc");
    Taken best = {0};
    do {
        Taken one = take(&to, argv[3], wanted, room);
        if (transfers++ == 0 || one.seconds < best.seconds) best = one;
    } while (now() < end);
    printf("{\"transfers\": %lu, \"seconds\": %.6f, \"first_ms\": %.3f, \"messages\": %lu, \"octets\": %lu, \"records\": %lu}\n",
           transfers, best.seconds, best.first * 1e3, best.messages, best.octets, wanted);
    return 0;
}
