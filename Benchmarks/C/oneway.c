// One way on a stream socketpair, in frames with the eight-byte header of dbus/PROTOCOL.md: gathered into writes of
// 64 KiB, and with one call for each message.

#include "peer.h"

enum { header = 8, block = 64 << 10, chunk = 256 << 10 };

static int fd;
static char *pending;
static size_t pending_count;

static void flush(void) {
    write_all(fd, pending, pending_count);
    pending_count = 0;
}

static void post(size_t size, uint64_t number, size_t threshold) {
    uint32_t head[2] = {(uint32_t)size, 1};
    memcpy(pending + pending_count, head, header);
    bench_stamp(pending + pending_count + header, size, number);
    pending_count += header + size;
    if (pending_count >= threshold) flush();
}

/// Takes frames apart in a large chunk, checks each, and answers the last with a byte.
static void receive(int fd) {
    char *bytes = malloc(chunk);
    size_t count = 0;
    for (uint64_t number = 0;;) {
        ssize_t n = recv(fd, bytes + count, chunk - count, 0);
        if (n <= 0) _exit(0);
        count += n;
        size_t at = 0;
        while (count - at >= header) {
            uint32_t size;
            memcpy(&size, bytes + at, sizeof size);
            if (count - at < header + size) break;
            const char *message = bytes + at + header;
            at += header + size;
            if (bench_is_stamped(message, size, number)) {
                number++;
            } else {
                check_stamp(message, size, last_message);
                write_all(fd, "!", 1);
            }
        }
        memmove(bytes, bytes + at, count - at);
        count -= at;
    }
}

static void measure(work w, const char *peer, size_t threshold) {
    int ends[2];
    char answer;
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pid_t pid = fork_peer();
    close(ends[pid ? 1 : 0]);
    fd = ends[pid ? 0 : 1];
    if (pid == 0) receive(fd);
    pending = calloc(1, block + header + w.size);
    measure_rate(w, peer, post(w.size, i, threshold), {
        post(w.size, last_message, 0);
        check(read_all(fd, &answer, 1));
    });
    end_peer(pid);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    if (!is(w, "oneway") && !is(w, "burst")) return 64;
    measure(w, "C gathered", block);
    if (is(w, "oneway")) measure(w, "C one call each", 0);
}
