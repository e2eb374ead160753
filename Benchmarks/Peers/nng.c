// nng: a pair of sockets over ipc.

#include "../C/peer.h"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#define ok(call)                                          \
    do {                                                  \
        int result = call;                                \
        if (result) die(nng_strerror(result));            \
    } while (0)

static nng_socket socket_at(const char *address, int is_server) {
    nng_socket socket;
    ok(nng_pair0_open(&socket));
    ok(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0));
    // Without queues of its own it takes milliseconds for each message of a stream.
    ok(nng_socket_set_int(socket, NNG_OPT_SENDBUF, 1024));
    ok(nng_socket_set_int(socket, NNG_OPT_RECVBUF, 1024));
    if (is_server) ok(nng_listen(socket, address, NULL, 0));
    else ok(nng_dial(socket, address, NULL, NNG_FLAG_NONBLOCK));
    return socket;
}

/// The last byte says what is wanted: e echoes, a and q are answered with nothing, p is counted.
static void serve(nng_socket socket) {
    for (uint64_t expected = 0;;) {
        nng_msg *message;
        if (nng_recvmsg(socket, &message, 0)) _exit(0);
        size_t size = nng_msg_len(message) - 1;
        const char *bytes = nng_msg_body(message), wanted = bytes[size];
        if (wanted == 'p') check_stamp(bytes, size, expected++);
        if (wanted == 'e') {
            ok(nng_sendmsg(socket, message, 0));
            continue;
        }
        nng_msg_free(message);
        if (wanted != 'p') ok(nng_send(socket, "", 0, 0));
    }
}

static void post(nng_socket socket, char *bytes, size_t size, uint64_t number, char wanted) {
    bench_stamp(bytes, size, number);
    bytes[size] = wanted;
    ok(nng_send(socket, bytes, size + 1, 0));
}

static void take(nng_socket socket, size_t size, uint64_t number) {
    nng_msg *message;
    ok(nng_recvmsg(socket, &message, 0));
    if (size) check_stamp(nng_msg_body(message), size, number);
    nng_msg_free(message);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    char address[64], *bytes = calloc(1, w.size + 1);
    snprintf(address, sizeof address, "abstract://connectto-bench-%d", getpid());
    pid_t pid = fork_peer();
    nng_socket socket = socket_at(address, pid == 0);
    if (pid == 0) serve(socket);
    if (is(w, "roundtrip")) {
        measure_trips(w, "nng", {
            post(socket, bytes, w.size, i, 'e');
            take(socket, w.size, i);
        });
    } else if (is(w, "oneway")) {
        measure_rate(w, "nng", post(socket, bytes, w.size, i, 'p'), {
            post(socket, bytes, w.size, 0, 'q');
            take(socket, 0, 0);
        });
    } else {
        measure_bulk(w, "nng", {
            post(socket, bytes, w.size, i, 'a');
            take(socket, 0, 0);
        });
    }
    end_peer(pid);
}
