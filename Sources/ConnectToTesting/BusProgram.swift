import ConnectToLinux
import Glibc
import Subprocess
import SystemPackage

/// The program that is the bus.
package enum BusProgram: Sendable, Equatable {
    /// `dbus-daemon`, or what takes its place: its name, or a path to it.
    case daemon(String)
    /// `dbus-broker`, by its launcher. It starts no services: it leaves that to systemd.
    case broker

    /// What `CONNECTTO_TEST_BUS` says: `dbus-broker` where it is `broker`, else `dbus-daemon`.
    package static let chosen: Self =
        getenv("CONNECTTO_TEST_BUS").map { String(cString: $0) } == "broker"
        ? .broker : .daemon("dbus-daemon")

    /// Whether it can start what is not running (*activation*).
    package var startsServices: Bool { self != .broker }

    /// What is run, with a directory that is the bus's own.
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
                // Without root it takes a user namespace to have a mount namespace.
                arguments: Arguments(
                    (getuid() == 0 ? [] : ["--user", "--map-current-user", "--keep-caps"])
                        + [
                            "--mount", "sh", "-c", Self.brokerScript, "sh", configuration.string,
                            journal.path,
                        ]),
                // The launcher is a client of its bus: there it would find systemd.
                environment: .inherit.updating(["DBUS_SESSION_BUS_ADDRESS": address]),
                input: FileDescriptor(rawValue: try bus.duplicateNumber()), journal: journal)
        }
    }

    /// What systemd does for the launcher, done without it: the listening socket as descriptor 3, and a
    /// journal, at a path that cannot be chosen; so it is put there in a mount namespace of the launcher's own.
    private static let brokerScript = """
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && ln -s "$2" /run/systemd/journal/socket &&
        exec 3<&0 </dev/null &&
        LISTEN_PID=$$ LISTEN_FDS=1 exec dbus-broker-launch --scope=user --config-file="$1"
        """
}

/// What is run to have a bus.
struct BusLaunch: Sendable {
    /// A name, or a path.
    let program: String
    let arguments: Arguments
    let environment: Environment
    /// Standard input; whoever runs it closes this.
    let input: FileDescriptor
    /// Says when a bus is up that does not print its address. Lives as long as the bus.
    let journal: Journal?
}
