import ConnectToTesting
import Foundation
import Glibc
import Subprocess
import SystemPackage

/// What there is under `examples`, and how it is started.
struct Example {
    let executable: String
    let arguments: [String]

    /// One that was built beside the tests.
    static func built(_ name: String) -> Example {
        Example(executable: "\(products)/\(name)", arguments: [])
    }

    /// A script around the command.
    static func script(_ name: String) -> Example {
        Example(executable: "/bin/sh", arguments: ["\(directory)/\(name)"])
    }

    static let python = Example(executable: "/usr/bin/python3", arguments: ["\(directory)/python/peer.py"])
    static let pythonCalls = Example(executable: "/usr/bin/python3", arguments: ["\(directory)/python/calls.py"])
    static let pythonWorker = Example(executable: "/usr/bin/python3", arguments: ["\(directory)/python/worker.py"])
    /// Where programs in Python find them.
    static let pythonPath = "\(directory)/python"

    /// A program in Python that imports the examples in Python.
    static func python(_ program: String) -> Example {
        Example(executable: "/usr/bin/python3", arguments: ["-c", program])
    }

    /// The test's own bus and directory, and the command: `CONNECT` of the environment, or what `swift build` has made
    /// in the clone.
    var environment: Environment {
        get throws {
            .inherit.updating([
                "DBUS_SESSION_BUS_ADDRESS": try PrivateBus.current.address,
                "CONNECT": ProcessInfo.processInfo.environment["CONNECT"]
                    ?? "\(Self.directory)/../.build/debug/connect",
                "TMPDIR": try PrivateBus.current.directory,
                "PYTHONPATH": "\(Self.pythonPath)",
                "PYTHONDONTWRITEBYTECODE": "1",
            ])
        }
    }

    /// Whether this machine has what the Python example needs.
    static func hasPython() async -> Bool {
        let result = try? await run(
            .path(FilePath(python.executable)), arguments: ["-c", "from gi.repository import Gio"],
            output: .discarded, error: .discarded)
        return result?.terminationStatus.isSuccess ?? false
    }

    private static let directory = URL(fileURLWithPath: #filePath)
        .appending(path: "../..").standardizedFileURL.path
}
