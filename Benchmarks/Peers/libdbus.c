// libdbus through the daemon at BENCH_BUS: method calls; the introduction of a line, as C would do it; and a
// directory, which asks for the details of each name, pipelined.

#include "../C/peer.h"

#include <dbus/dbus.h>

static DBusConnection *connection;
static char name[64];
static uint64_t expected;

static void or_die(DBusError *error) {
    if (dbus_error_is_set(error)) die(error->message);
}

static void open_bus(int is_server) {
    DBusError error = DBUS_ERROR_INIT;
    connection = dbus_connection_open_private(getenv("BENCH_BUS"), &error);
    or_die(&error);
    dbus_bus_register(connection, &error);
    or_die(&error);
    dbus_connection_set_max_message_size(connection, 128 << 20);
    if (is_server) dbus_bus_request_name(connection, name, 0, &error);
    or_die(&error);
}

// MARK: The other process

static void answer(DBusMessage *message, const void *bytes, int size) {
    DBusMessage *reply = dbus_message_new_method_return(message);
    if (bytes)
        dbus_message_append_args(
            reply, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, size, DBUS_TYPE_INVALID);
    check(dbus_connection_send(connection, reply, NULL));
    dbus_message_unref(reply);
}

/// Takes the line, says Welcome on it, then answers the call.
static void introduce(DBusMessage *message) {
    int fd;
    check(dbus_message_get_args(message, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
    write_all(fd, "Welcome", 7);
    close(fd);
    answer(message, NULL, 0);
}

static void serve(int ready) {
    check(write(ready, "!", 1) == 1);
    while (dbus_connection_read_write(connection, -1)) {
        DBusMessage *message;
        while ((message = dbus_connection_pop_message(connection))) {
            const char *member = dbus_message_get_member(message);
            const void *bytes = NULL;
            int size = 0;
            if (dbus_message_has_interface(message, "org.example.Bench") && *member == 'C') {
                introduce(message);
            } else if (dbus_message_has_interface(message, "org.example.Bench")) {
                check(dbus_message_get_args(
                    message, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, &size, DBUS_TYPE_INVALID));
                if (*member == 'P') check_stamp(bytes, size, expected++);
                else answer(message, *member == 'E' ? bytes : NULL, size);
            }
            dbus_message_unref(message);
        }
    }
    _exit(0);
}

// MARK: Calls

static DBusMessage *call(const char *member, const void *bytes, int size) {
    DBusMessage *message = dbus_message_new_method_call(name, "/bench", "org.example.Bench", member);
    check(dbus_message_append_args(
        message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, size, DBUS_TYPE_INVALID));
    return message;
}

static void trip(const char *member, const void *bytes, int size, uint64_t number) {
    DBusError error = DBUS_ERROR_INIT;
    DBusMessage *message = call(member, bytes, size);
    DBusMessage *reply = dbus_connection_send_with_reply_and_block(connection, message, DBUS_TIMEOUT_INFINITE, &error);
    or_die(&error);
    if (*member == 'E') {
        check(dbus_message_get_args(
            reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, &size, DBUS_TYPE_INVALID));
        check_stamp(bytes, size, number);
    }
    dbus_message_unref(message);
    dbus_message_unref(reply);
}

static void post(const void *bytes, int size, uint64_t number) {
    DBusMessage *message = call("Post", bytes, size);
    dbus_message_set_no_reply(message, TRUE);
    check(dbus_connection_send(connection, message, NULL));
    dbus_message_unref(message);
    // The daemon's queue has no end: wait for the other side now and then.
    if (number % 1000 == 999) trip("Answer", bytes, 8, 0);
}

// MARK: Introductions

/// Passes one end of a new pair, and reads "Welcome" from the other: before the call's reply, or after it.
static void connect_line(int reads_first) {
    int ends[2];
    char welcome[7];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    DBusMessage *message = dbus_message_new_method_call(name, "/bench", "org.example.Bench", "Connect");
    check(dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &ends[1], DBUS_TYPE_INVALID));
    close(ends[1]);
    if (reads_first) {
        check(dbus_connection_send(connection, message, NULL));
        dbus_connection_flush(connection);
        check(read_all(ends[0], welcome, sizeof welcome));
    } else {
        DBusError error = DBUS_ERROR_INIT;
        dbus_message_unref(dbus_connection_send_with_reply_and_block(connection, message, 5000, &error));
        or_die(&error);
        check(read_all(ends[0], welcome, sizeof welcome));
    }
    check(memcmp(welcome, "Welcome", sizeof welcome) == 0);
    dbus_message_unref(message);
    close(ends[0]);
}

/// The replies that were not waited for.
static void drop_replies(void) {
    DBusMessage *message;
    dbus_connection_read_write(connection, 0);
    while ((message = dbus_connection_pop_message(connection))) dbus_message_unref(message);
}

// MARK: A directory

static DBusPendingCall *ask(
    const char *to, const char *path, const char *interface, const char *member, const char *argument) {
    DBusMessage *message = dbus_message_new_method_call(to, path, interface, member);
    if (argument) dbus_message_append_args(message, DBUS_TYPE_STRING, &argument, DBUS_TYPE_INVALID);
    dbus_message_set_auto_start(message, FALSE);
    DBusPendingCall *pending;
    check(dbus_connection_send_with_reply(connection, message, &pending, DBUS_TIMEOUT_INFINITE) && pending);
    dbus_message_unref(message);
    return pending;
}

static DBusMessage *result(DBusPendingCall *pending) {
    dbus_pending_call_block(pending);
    DBusMessage *reply = dbus_pending_call_steal_reply(pending);
    check(reply && dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN);
    dbus_pending_call_unref(pending);
    return reply;
}

/// The object path of a context's bus name; here the origin has no byte to escape.
static void path_of(const char *bus_name, char *path) {
    *path++ = '/';
    for (; *bus_name; bus_name++) *path++ = *bus_name == '.' ? '/' : *bus_name;
    *path = 0;
}

/// ListNames, then the owner and the properties of each context, 64 at a time. How many there were.
static size_t list(void) {
    enum { window = 64 };
    char **names;
    int count;
    size_t contexts = 0;
    DBusMessage *reply = result(ask("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames", NULL));
    check(dbus_message_get_args(
        reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &names, &count, DBUS_TYPE_INVALID));
    DBusPendingCall *owners[window], *details[window];
    for (int begin = 0; begin < count; begin += window) {
        int in_window = 0;
        for (int i = begin; i < count && i < begin + window; i++) {
            if (!strstr(names[i], ".Context.")) continue;
            char path[300];
            path_of(names[i], path);
            owners[in_window] =
                ask("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", names[i]);
            details[in_window++] =
                ask(names[i], path, "org.freedesktop.DBus.Properties", "GetAll", "org.connectto.Context1");
        }
        for (int i = 0; i < in_window; i++) {
            dbus_message_unref(result(owners[i]));
            dbus_message_unref(result(details[i]));
        }
        contexts += in_window;
    }
    dbus_free_string_array(names);
    dbus_message_unref(reply);
    return contexts;
}

/// Of contexts that somebody else has registered.
static void measure_directory(work w) {
    bench_samples samples = {0};
    open_bus(0);
    for (int i = 0; i < 3; i++) {
        double begin = bench_now();
        w.size = list();
        bench_add(&samples, bench_now() - begin);
    }
    bench_print_samples("libdbus, pipelined", "contexts: directory", w.size, &samples);
}

int main(int argc, char **argv) {
    work w = arguments(argc, argv);
    if (is(w, "directory")) return measure_directory(w), 0;
    int ready[2];
    char *bytes = calloc(1, w.size + 8), byte;
    check(pipe(ready) == 0);
    snprintf(name, sizeof name, "org.example.Bench.p%d", getpid());
    pid_t pid = fork_peer();
    open_bus(pid == 0);
    if (pid == 0) serve(ready[1]);
    check(read(ready[0], &byte, 1) == 1);
    const char *peer = "libdbus through the daemon";
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
    } else if (is(w, "bulk")) {
        measure_bulk(w, peer, {
            bench_stamp(bytes, w.size, i);
            trip("Answer", bytes, w.size, i);
        });
    } else if (is(w, "connect")) {
        measure_trips(w, "libdbus, waiting for the reply", connect_line(0));
        bench_samples samples = {0};
        double end = bench_now() + w.seconds * 1e6;
        while (bench_now() < end) {
            double begin = bench_now();
            connect_line(1);
            bench_add(&samples, bench_now() - begin);
            drop_replies();
        }
        bench_print_samples("libdbus, reading the line first", w.what, w.size, &samples);
    } else {
        return 64;
    }
    end_peer(pid);
}
