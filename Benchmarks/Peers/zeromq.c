// ZeroMQ: a PAIR of sockets over ipc.

#include "../C/peer.h"

#include <zmq.h>

static void *socket_at(const char *address, int is_server) {
    void *socket = zmq_socket(zmq_ctx_new(), ZMQ_PAIR);
    check(socket);
    check((is_server ? zmq_bind(socket, address) : zmq_connect(socket, address)) == 0);
    return socket;
}

/// The last byte says what is wanted: e echoes, a and q are answered with nothing, p is counted.
static void serve(void *socket) {
    for (uint64_t expected = 0;;) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, 0) < 0) _exit(0);
        size_t size = zmq_msg_size(&message) - 1;
        const char *bytes = zmq_msg_data(&message), wanted = bytes[size];
        if (wanted == 'p') check_stamp(bytes, size, expected++);
        if (wanted == 'e') check(zmq_msg_send(&message, socket, 0) >= 0);
        if (wanted == 'a' || wanted == 'q') check(zmq_send(socket, "", 0, 0) == 0);
        zmq_msg_close(&message);
    }
}

static void post(void *socket, char *bytes, size_t size, uint64_t number, char wanted) {
    bench_stamp(bytes, size, number);
    bytes[size] = wanted;
    check(zmq_send(socket, bytes, size + 1, 0) >= 0);
}

static void take(void *socket, size_t size, uint64_t number) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    check(zmq_msg_recv(&message, socket, 0) >= 0);
    if (size) check_stamp(zmq_msg_data(&message), size, number);
    zmq_msg_close(&message);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    char address[64], *bytes = calloc(1, w.size + 1);
    snprintf(address, sizeof address, "ipc://@connectto-bench-%d", getpid());
    pid_t pid = fork_peer();
    void *socket = socket_at(address, pid == 0);
    if (pid == 0) serve(socket);
    if (is(w, "roundtrip")) {
        measure_trips(w, "ZeroMQ", {
            post(socket, bytes, w.size, i, 'e');
            take(socket, w.size, i);
        });
    } else if (is(w, "oneway")) {
        measure_rate(w, "ZeroMQ", post(socket, bytes, w.size, i, 'p'), {
            post(socket, bytes, w.size, 0, 'q');
            take(socket, 0, 0);
        });
    } else {
        measure_bulk(w, "ZeroMQ", {
            post(socket, bytes, w.size, i, 'a');
            take(socket, 0, 0);
        });
    }
    end_peer(pid);
}
