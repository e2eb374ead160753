// What the peers in C share beside CBench.h: their arguments, the other process, and calls that do not fail quietly.
#pragma once

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CBench.h"

/// `PROGRAM WHAT SIZE SECONDS`; what SIZE means is the measurement's business.
typedef struct {
    const char *what;
    size_t size;
    double seconds;
} work;

/// No number of a message; says that it was the last.
static const uint64_t last_message = UINT64_MAX / 2;

__attribute__((noreturn, unused)) static void die(const char *what) {
    fprintf(stderr, "%s: %s (%s)\n", program_invocation_short_name, what, strerror(errno));
    _exit(1);
}

#define check(condition) ((condition) ? (void)0 : die(#condition))
/// A message that arrived has to be the one that was sent.
#define check_stamp(message, size, number) check(bench_is_stamped(message, size, number))

__attribute__((unused)) static work arguments(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s WHAT SIZE SECONDS\n", argv[0]);
        exit(64);
    }
    return (work){argv[1], (size_t)atoll(argv[2]), atof(argv[3])};
}

__attribute__((unused)) static int is(work w, const char *what) { return strcmp(w.what, what) == 0; }

/// Forks the other side, which ends with this one, and pins both. 0 in the other side.
__attribute__((unused)) static pid_t fork_peer(void) {
    pid_t pid = fork();
    check(pid >= 0);
    if (pid == 0) check(bench_end_with_parent() == 0);
    check(bench_pin(pid == 0) == 0);
    return pid;
}

__attribute__((unused)) static void end_peer(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

__attribute__((unused)) static void write_all(int fd, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = send(fd, (const char *)bytes + done, count - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        check(n > 0);
        done += n;
    }
}

/// 0 at the end of file.
__attribute__((unused)) static int read_all(int fd, void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = recv(fd, (char *)bytes + done, count - done, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) return 0;
        check(n > 0);
        done += n;
    }
    return 1;
}

/// Measures round trips until the time is up: `trip` sends number i and returns when it is back.
#define measure_trips(w, peer, trip)                                                          \
    do {                                                                                      \
        bench_samples samples = {0};                                                          \
        double end = bench_now() + (w).seconds * 1e6, before = bench_now(), after;            \
        for (uint64_t i = 0; before < end || i < 24; i++, before = after) {                   \
            trip;                                                                             \
            after = bench_now();                                                              \
            /* The first ones find cold caches. */                                            \
            if (i >= 20 || (w).size >= 1 << 20) bench_add(&samples, after - before);          \
        }                                                                                     \
        bench_print_samples(peer, (w).what, (w).size, &samples);                              \
    } while (0)

/// Measures one way until the time is up: `post` sends number i, `finish` sends the last and waits for the answer.
#define measure_rate(w, peer, post, finish)                                                   \
    do {                                                                                      \
        double begin = bench_now(), end = begin + (w).seconds * 1e6;                          \
        uint64_t i = 0;                                                                       \
        do {                                                                                  \
            for (int burst = 0; burst < 64; burst++, i++) post;                               \
        } while (bench_now() < end);                                                          \
        finish;                                                                               \
        bench_print(peer, (w).what, (w).size, "per_s", i / (bench_now() - begin) * 1e6);      \
    } while (0)

/// Measures bulk: a round trip whose way back is short. The rate is that of the median.
#define measure_bulk(w, peer, trip)                                                           \
    do {                                                                                      \
        bench_samples samples = {0};                                                          \
        double end = bench_now() + (w).seconds * 1e6, before = bench_now(), after;            \
        for (uint64_t i = 0; before < end || i < 4; i++, before = after) {                    \
            trip;                                                                             \
            after = bench_now();                                                              \
            if (i >= 1) bench_add(&samples, after - before);                                  \
        }                                                                                     \
        double rate = (w).size / (bench_quantile(&samples, 0.5) / 1e6) / (1 << 30);           \
        bench_print(peer, (w).what, (w).size, "GiB_s", rate);                                 \
    } while (0)
