// GDBus: method calls between two processes, peer to peer and through the daemon at BENCH_BUS.

#include "../C/peer.h"

#include <gio/gio.h>

static GDBusConnection *connection;
static char name[64];
static const char *destination;
static uint64_t expected;

static const char interface[] =
    "<node><interface name='org.example.Bench'>"
    "<method name='Echo'><arg type='ay'/><arg type='ay' direction='out'/></method>"
    "<method name='Answer'><arg type='ay'/></method>"
    "<method name='Post'><arg type='ay'/></method>"
    "</interface></node>";

static void or_die(GError *error) {
    if (error) die(error->message);
}

static void open_peer(int fd, int is_server) {
    GError *error = NULL;
    GSocket *socket = g_socket_new_from_fd(fd, &error);
    or_die(error);
    char *guid = g_dbus_generate_guid();
    connection = g_dbus_connection_new_sync(
        G_IO_STREAM(g_socket_connection_factory_create_connection(socket)), is_server ? guid : NULL,
        is_server ? G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS
                  : G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
        NULL, NULL, &error);
    or_die(error);
    destination = NULL;
}

static void open_bus(int is_server) {
    GError *error = NULL;
    connection = g_dbus_connection_new_for_address_sync(
        getenv("BENCH_BUS"),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
        NULL, &error);
    or_die(error);
    if (is_server) {
        g_variant_unref(g_dbus_connection_call_sync(
            connection, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
            g_variant_new("(su)", name, 0), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error));
        or_die(error);
    }
    destination = name;
}

static void handle(
    GDBusConnection *c, const char *sender, const char *path, const char *interface_name, const char *member,
    GVariant *parameters, GDBusMethodInvocation *invocation, void *data) {
    (void)c, (void)sender, (void)path, (void)interface_name, (void)data;
    GVariant *array = g_variant_get_child_value(parameters, 0);
    gsize size;
    const void *bytes = g_variant_get_fixed_array(array, &size, 1);
    if (*member == 'P') check_stamp(bytes, size, expected++);
    g_dbus_method_invocation_return_value(
        invocation, *member == 'E' ? g_variant_new("(@ay)", array) : NULL);
    g_variant_unref(array);
}

static void serve(int ready) {
    GError *error = NULL;
    GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(interface, &error);
    or_die(error);
    static const GDBusInterfaceVTable table = {.method_call = handle};
    g_dbus_connection_register_object(connection, "/bench", node->interfaces[0], &table, NULL, NULL, &error);
    or_die(error);
    check(write(ready, "!", 1) == 1);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

static GVariant *array(const void *bytes, size_t size) {
    return g_variant_new("(@ay)", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, size, 1));
}

static void trip(const char *member, const void *bytes, size_t size, uint64_t number) {
    GError *error = NULL;
    GVariant *reply = g_dbus_connection_call_sync(
        connection, destination, "/bench", "org.example.Bench", member, array(bytes, size), NULL,
        G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
    or_die(error);
    if (*member == 'E') {
        GVariant *back = g_variant_get_child_value(reply, 0);
        gsize length;
        bytes = g_variant_get_fixed_array(back, &length, 1);
        check(length == size);
        check_stamp(bytes, length, number);
        g_variant_unref(back);
    }
    g_variant_unref(reply);
}

static void post(const void *bytes, size_t size, uint64_t number) {
    // Without a callback no answer is wanted.
    g_dbus_connection_call(
        connection, destination, "/bench", "org.example.Bench", "Post", array(bytes, size), NULL,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
    // Its queue has no end: wait for the other side now and then.
    if (number % 1000 == 999) trip("Answer", bytes, 8, 0);
}

static void measure(work w, const char *peer, int is_peer) {
    int line[2], ready[2];
    char *bytes = calloc(1, w.size), byte;
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, line) == 0 && pipe(ready) == 0);
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
    // Each in a process of its own: GLib's threads do not survive a fork.
    pid_t pid = fork();
    if (pid == 0) {
        measure(w, "GDBus peer to peer", 1);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    check(status == 0);
    measure(w, "GDBus through the daemon", 0);
}
