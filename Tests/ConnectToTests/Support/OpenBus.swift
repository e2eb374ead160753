import ConnectToTesting
import Glibc
import SystemPackage

@testable import ConnectTo

/// Another user than the one who runs the tests, for tests that run as root.
let nobody: UInt32 = 65_534

/// Whether there can be processes of another user; tests that need them are skipped where not, and say so.
let isRoot = geteuid() == 0

/// A private bus that lets every user in.
func withOpenBus(_ body: (PrivateBus) async throws -> Void) async throws {
    try await withTemporaryDirectory(prefix: "connectto-open") { directory in
        let daemon = directory.appending("daemon")
        let script = """
            #!/bin/sh
            for argument; do
                case $argument in
                --config-file=*)
                    file=${argument#*=}
                    sed -i 's|</policy>|<allow user="*"/>&|' "$file"
                    chmod 711 "${file%/*}" ;;
                esac
            done
            exec dbus-daemon "$@"

            """
        let file = try FileDescriptor.open(
            daemon, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWriteExecute)
        try file.closeAfter { _ = try file.writeAll(script.utf8) }
        try await withPrivateBus(of: daemon.string, startingWithin: .seconds(10), services: nil, body)
    }
}
