import ConnectToLinux
import Glibc
import Subprocess
import SystemPackage

/// Whether a program is on the PATH. A test that needs a program that is missing is skipped.
package func isInstalled(_ program: String) -> Bool {
    guard let path = getenv("PATH") else { return false }
    return String(cString: path).split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
}

/// Runs a closure with the address of an `xdg-dbus-proxy`. A Flatpak app has such a proxy in place of a bus: it shows
/// and passes on only what its rules allow. Ends the proxy when the closure ends, however it ends.
///
/// - Parameter rules: `--own=NAME`, `--talk=NAME`, `--see=NAME`, where `org.example.*` means the name and all below.
nonisolated(nonsending) package func withFilteringProxy<Result: Sendable>(
    to bus: PrivateBus, rules: [String], _ body: (String) async throws -> Result
) async throws -> Result {
    let socket = FilePath(bus.directory).appending("proxy-\(UInt32.random(in: 0 ... .max))")
    // The proxy writes a byte to the descriptor once it listens, and ends when the reading end of that is closed.
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
