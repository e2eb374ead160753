// One message of 1 KiB, in a frame, to each of SIZE stream sockets, with a call for each; another process reads them
// all with epoll, and answers each round with a byte.

#include "peer.h"

#include <sys/epoll.h>

enum { header = 8, payload = 1024 };

static void receive(const int *ends, size_t count, int answers) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    char message[header + payload];
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = ends[i]};
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i], &event) == 0);
    }
    for (uint64_t round = 0, taken = 0;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            if (!read_all(events[i].data.fd, message, sizeof message)) _exit(0);
            check_stamp(message + header, payload, round);
            if (++taken == count) {
                taken = 0;
                round++;
                write_all(answers, "!", 1);
            }
        }
    }
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    if (!is(w, "broadcast")) return 64;
    check(bench_raise_descriptor_limit() == 0);
    int *mine = calloc(w.size, sizeof(int)), *theirs = calloc(w.size, sizeof(int)), answers[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, answers) == 0);
    for (size_t i = 0; i < w.size; i++) {
        int ends[2];
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        mine[i] = ends[0];
        theirs[i] = ends[1];
    }
    pid_t pid = fork_peer();
    if (pid == 0) receive(theirs, w.size, answers[1]);
    char message[header + payload] = {0}, answer;
    uint32_t head[2] = {payload, 1};
    double begin = bench_now(), end = begin + w.seconds * 1e6;
    uint64_t round = 0;
    for (; bench_now() < end; round++) {
        memcpy(message, head, header);
        bench_stamp(message + header, payload, round);
        for (size_t i = 0; i < w.size; i++) write_all(mine[i], message, sizeof message);
        check(read_all(answers[0], &answer, 1));
    }
    bench_print("C loop of sends", w.what, w.size, "per_s", round * w.size / (bench_now() - begin) * 1e6);
    end_peer(pid);
}
