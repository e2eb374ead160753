// sd-bus: method calls between two processes, peer to peer and through the daemon at BENCH_BUS.

#include "../C/peer.h"

#include <systemd/sd-bus.h>

static sd_bus *bus;
static char name[64];
static const char *destination;
static uint64_t expected;

#define ok(call)                                                         \
    do {                                                                 \
        int result = call;                                               \
        if (result < 0) errno = -result, die(#call);                     \
    } while (0)

static void open_peer(int fd, int is_server) {
    ok(sd_bus_new(&bus));
    ok(sd_bus_set_fd(bus, fd, fd));
    if (is_server) ok(sd_bus_set_server(bus, 1, SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 1)));
    ok(sd_bus_set_anonymous(bus, 1));
    ok(sd_bus_start(bus));
    destination = NULL;
}

static void open_bus(int is_server) {
    ok(sd_bus_new(&bus));
    ok(sd_bus_set_address(bus, getenv("BENCH_BUS")));
    ok(sd_bus_set_bus_client(bus, 1));
    ok(sd_bus_start(bus));
    if (is_server) ok(sd_bus_request_name(bus, name, 0));
    destination = name;
}

/// Echo sends back what came, Answer nothing; Post wants no answer.
static int handle(sd_bus_message *m, void *data, sd_bus_error *error) {
    (void)data, (void)error;
    if (!sd_bus_message_is_method_call(m, "org.example.Bench", NULL)) return 0;
    const char *member = sd_bus_message_get_member(m);
    const void *bytes;
    size_t size;
    ok(sd_bus_message_read_array(m, 'y', &bytes, &size));
    if (*member == 'P') {
        check_stamp(bytes, size, expected++);
        return 1;
    }
    sd_bus_message *reply;
    ok(sd_bus_message_new_method_return(m, &reply));
    if (*member == 'E') ok(sd_bus_message_append_array(reply, 'y', bytes, size));
    ok(sd_bus_send(NULL, reply, NULL));
    sd_bus_message_unref(reply);
    return 1;
}

static void serve(int ready) {
    ok(sd_bus_add_filter(bus, NULL, handle, NULL));
    check(write(ready, "!", 1) == 1);
    for (;;) {
        int result = sd_bus_process(bus, NULL);
        if (result < 0) _exit(0);
        if (result == 0 && sd_bus_wait(bus, UINT64_MAX) < 0) _exit(0);
    }
}

static sd_bus_message *message(const char *member, const void *bytes, size_t size) {
    sd_bus_message *m;
    ok(sd_bus_message_new_method_call(bus, &m, destination, "/bench", "org.example.Bench", member));
    ok(sd_bus_message_append_array(m, 'y', bytes, size));
    return m;
}

static void trip(const char *member, const void *bytes, size_t size, uint64_t number) {
    sd_bus_message *m = message(member, bytes, size), *reply;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    ok(sd_bus_call(bus, m, UINT64_MAX, &error, &reply));
    if (*member == 'E') {
        ok(sd_bus_message_read_array(reply, 'y', &bytes, &size));
        check_stamp(bytes, size, number);
    }
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
}

static void post(const void *bytes, size_t size, uint64_t number) {
    sd_bus_message *m = message("Post", bytes, size);
    ok(sd_bus_message_set_expect_reply(m, 0));
    ok(sd_bus_send(bus, m, NULL));
    sd_bus_message_unref(m);
    uint64_t queued;
    ok(sd_bus_get_n_queued_write(bus, &queued));
    if (queued > 64) ok(sd_bus_flush(bus));
    // The daemon's queue has no end: wait for the other side now and then.
    if (destination && number % 1000 == 999) trip("Answer", bytes, 8, 0);
}

static void measure(work w, const char *peer, int is_peer) {
    int line[2], ready[2];
    char *bytes = calloc(1, w.size), byte;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, line) == 0 && pipe(ready) == 0);
    snprintf(name, sizeof name, "org.example.Bench.p%d", getpid());
    pid_t pid = fork_peer();
    if (is_peer) open_peer(line[pid ? 0 : 1], pid == 0);
    else open_bus(pid == 0);
    if (pid == 0) serve(ready[1]);
    check(read(ready[0], &byte, 1) == 1);
    if (is(w, "roundtrip")) {
        measure_trips(w, peer, {
            bench_stamp(bytes, w.size, i);
            trip("Echo", bytes, w.size, i);
        });
    } else if (is(w, "oneway")) {
        measure_rate(w, peer, {
            bench_stamp(bytes, w.size, i);
            post(bytes, w.size, i);
        }, trip("Answer", bytes, 8, 0));
    } else {
        measure_bulk(w, peer, {
            bench_stamp(bytes, w.size, i);
            trip("Answer", bytes, w.size, i);
        });
    }
    end_peer(pid);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    measure(w, "sd-bus peer to peer", 1);
    measure(w, "sd-bus through the daemon", 0);
}
