import ConnectToLinux
import Glibc
import Subprocess
import SystemPackage

/// Whether a program is on the PATH: what a test needs and does not find, it is skipped for.
package func isInstalled(_ program: String) -> Bool {
    guard let path = getenv("PATH") else { return false }
    return String(cString: path).split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
}

/// Runs a closure with the address of an `xdg-dbus-proxy`, which is what a Flatpak app has in place of a bus: it
/// shows and passes on only what its rules allow. Ends the proxy when the closure ends, however it ends.
///
/// - Parameter rules: `--own=NAME`, `--talk=NAME`, `--see=NAME`, where `org.example.*` means the name and all below.
nonisolated(nonsending) package func withFilteringProxy<Result: Sendable>(
    to bus: PrivateBus, rules: [String], _ body: (String) async throws -> Result
) async throws -> Result {
    let socket = FilePath(bus.directory).appending("proxy-\(UInt32.random(in: 0 ... .max))")
    // It says that it listens with a byte on the descriptor, and ends when nobody reads from there any more.
    let outcome = try await run(
        .name("xdg-dbus-proxy"),
        arguments: Arguments(["--fd=1", bus.address, socket.string, "--filter"] + rules),
        input: .none, output: .sequence, error: .discarded
    ) { execution in
        let proxy = DaemonProcess(execution.processIdentifier.value)
        defer {
            proxy.kill()
            proxy.release()
        }
        var signs = execution.standardOutput.makeAsyncIterator()
        _ = try await signs.next()
        return try await body("unix:path=\(socket)")
    }
    return outcome.closureResult
}
