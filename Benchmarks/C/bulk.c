// Large messages between two processes, each answered with a byte: copied through a stream socketpair, or as the same
// memfd, which is filled again, resent, and mapped and read by its receiver.

#include "peer.h"

#include <sys/mman.h>

static int line[2];

static int fork_with_line(void) {
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, line) == 0);
    int pid = fork_peer();
    close(line[pid ? 1 : 0]);
    return pid;
}

static void copy(work w) {
    char *message = malloc(w.size), answer = 0;
    memset(message, 1, w.size);
    pid_t pid = fork_with_line();
    if (pid == 0) {
        for (uint64_t number = 0; read_all(line[1], message, w.size); number++) {
            check_stamp(message, w.size, number);
            write_all(line[1], &answer, 1);
        }
        _exit(0);
    }
    measure_bulk(w, "C copy", {
        bench_stamp(message, w.size, i);
        write_all(line[0], message, w.size);
        check(read_all(line[0], &answer, 1));
    });
    end_peer(pid);
}

static void send_descriptor(int fd) {
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    check(sendmsg(line[0], &message, MSG_NOSIGNAL) == 1);
}

static int receive_descriptor(void) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(line[1], &message, MSG_CMSG_CLOEXEC) != 1) _exit(0);
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void resend(work w) {
    char answer = 0;
    pid_t pid = fork_with_line();
    if (pid == 0) {
        for (uint64_t number = 0;; number++) {
            int fd = receive_descriptor();
            void *memory = mmap(NULL, w.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            check(memory != MAP_FAILED);
            check(bench_is_filled(memory, w.size, number));
            munmap(memory, w.size);
            close(fd);
            write_all(line[1], &answer, 1);
        }
    }
    int fd = memfd_create("bench", MFD_CLOEXEC);
    check(fd >= 0 && ftruncate(fd, w.size) == 0);
    void *memory = mmap(NULL, w.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(memory != MAP_FAILED);
    measure_bulk(w, "C memfd resent", {
        bench_fill(memory, w.size, i);
        send_descriptor(fd);
        check(read_all(line[0], &answer, 1));
    });
    end_peer(pid);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    if (is(w, "bulk")) {
        copy(w);
    } else if (is(w, "buffer")) {
        resend(w);
    } else {
        return 64;
    }
}
