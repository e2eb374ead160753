import ConnectToTestSupport
import ConnectToTesting
import Subprocess
import SystemPackage

/// A private bus that every user can reach, in a pid namespace of its own: of all who are outside of that it says that
/// their process is number 0.
func withNumberlessBus(_ body: (PrivateBus) async throws -> Void) async throws {
    try await withTemporaryDirectory(prefix: "connectto-inside") { directory in
        let program = directory.appending("bus").string
        // Written by a child: a descriptor of ours that is open for writing, inherited by whatever another test starts
        // at this moment, would make the program "text file busy".
        _ = try await run(
            .name("install"), arguments: ["-m", "700", "/dev/stdin", program],
            input: .string("#!/bin/sh\nexec \(PIDNamespace.command) --mount-proc dbus-daemon \"$@\"\n"),
            output: .discarded)
        try await withOpenBus(
            BusConfiguration(rules: #"<allow user="*"/>"#), of: .daemon(program), body)
    }
}
