import ConnectToLinux
import Glibc
import Subprocess
import SystemPackage

/// The program that is the bus.
package enum BusProgram: Sendable, Equatable {
    /// `dbus-daemon`, or a program in its place: its name, or a path to it.
    case daemon(String)
    /// `dbus-broker`, started by its launcher. It starts no services: it leaves that to systemd.
    case broker

    /// The program that `CONNECTTO_TEST_BUS` chooses: `dbus-broker` for `broker`, else `dbus-daemon`.
    package static let chosen: Self =
        getenv("CONNECTTO_TEST_BUS").map { String(cString: $0) } == "broker"
        ? .broker : .daemon("dbus-daemon")

    /// Whether the bus can start programs that are not running (*activation*).
    package var startsServices: Bool { self != .broker }

    /// The command to run, with a directory that is the bus's own.
    func launch(in directory: FilePath, configuration: FilePath, log: FilePath) throws -> BusLaunch {
        switch self {
        case .daemon(let program):
            return BusLaunch(
                program: program,
                arguments: [
                    "--config-file=\(configuration)", "--nofork", "--nopidfile", "--nosyslog",
                    "--print-address=1",
                ],
                environment: .inherit, input: try .open("/dev/null", .readOnly, options: .closeOnExec),
                journal: nil)
        case .broker:
            let socket = directory.appending("bus")
            let address = "unix:path=\(socket)"
            let journal = try Journal(at: directory.appending("journal"), log: log, address: address)
            let bus = try UnixSocket.bound(to: socket, type: SOCK_STREAM)
            try UnixSocket.listen(on: bus)
            return BusLaunch(
                program: "unshare",
                // Without root, a mount namespace needs a user namespace.
                arguments: Arguments(
                    (getuid() == 0 ? [] : ["--user", "--map-current-user", "--keep-caps"])
                        + [
                            "--mount", "sh", "-c", Self.brokerScript, "sh", configuration.string,
                            journal.path,
                        ]),
                // The launcher is a client of the bus at this address, where it would look for systemd: let it be its
                // own bus.
                environment: .inherit.updating(["DBUS_SESSION_BUS_ADDRESS": address]),
                input: FileDescriptor(rawValue: try bus.duplicateNumber()), journal: journal)
        }
    }

    /// Does what systemd does for the launcher: passes the listening socket as descriptor 3, and provides a journal.
    /// The journal's path is fixed, so its socket is put there in a mount namespace of the launcher's own.
    private static let brokerScript = """
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && ln -s "$2" /run/systemd/journal/socket &&
        exec 3<&0 </dev/null &&
        LISTEN_PID=$$ LISTEN_FDS=1 exec dbus-broker-launch --scope=user --config-file="$1"
        """
}

/// The command that runs a bus.
struct BusLaunch: Sendable {
    /// A name, or a path.
    let program: String
    let arguments: Arguments
    let environment: Environment
    /// Standard input; the code that runs the command closes it.
    let input: FileDescriptor
    /// Reports when a bus is up that does not print its address. Lives as long as the bus.
    let journal: Journal?
}
