// Round trips on a stream socketpair: how fast the kernel lets two processes talk. `roundtrip` three times over:
// blocking calls, epoll before each read, and both ends spinning.

#include "peer.h"

#include <sys/epoll.h>

typedef int reading(int fd, void *bytes, size_t count);

static int epoll = -1;

static int read_after_epoll(int fd, void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        struct epoll_event event;
        int ready = epoll_wait(epoll, &event, 1, -1);
        if (ready < 0 && errno == EINTR) continue;
        check(ready == 1);
        ssize_t n = recv(fd, (char *)bytes + done, count - done, MSG_DONTWAIT);
        if (n == 0) return 0;
        if (n < 0 && errno == EAGAIN) continue;
        check(n > 0);
        done += n;
    }
    return 1;
}

static int read_spinning(int fd, void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = recv(fd, (char *)bytes + done, count - done, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n == 0) return 0;
        check(n > 0);
        done += n;
    }
    return 1;
}

static void prepare(int fd) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    check(epoll >= 0);
    struct epoll_event event = {.events = EPOLLIN};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void measure(work w, const char *peer, reading *receive) {
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    char *message = calloc(1, w.size);
    pid_t pid = fork_peer();
    close(ends[pid ? 1 : 0]);
    int fd = ends[pid ? 0 : 1];
    prepare(fd);
    if (pid == 0) {
        while (receive(fd, message, w.size)) write_all(fd, message, w.size);
        _exit(0);
    }
    measure_trips(w, peer, {
        bench_stamp(message, w.size, i);
        write_all(fd, message, w.size);
        check(receive(fd, message, w.size));
        check_stamp(message, w.size, i);
    });
    end_peer(pid);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    if (is(w, "roundtrip")) {
        measure(w, "C blocking", read_all);
        measure(w, "C epoll", read_after_epoll);
    } else if (is(w, "spinning")) {
        measure(w, "C spinning", read_spinning);
    } else {
        return 64;
    }
}
