import Glibc
import LinuxIO
package import SystemPackage

/// Runs a closure with a fresh directory under `/tmp` that only this user may enter, and removes it with all
/// that is in it when the closure ends, however it ends.
nonisolated(nonsending) package func withTemporaryDirectory<Result>(
    prefix: String, _ body: (FilePath) async throws -> Result
) async throws -> Result {
    var template = Array("/tmp/\(prefix)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
        throw SystemError(operation: "mkdtemp", errno: Errno(rawValue: errno))
    }
    let directory = FilePath(platformString: template)
    defer { removeTree(directory) }
    return try await body(directory)
}

/// Removes a directory with all that is in it, following no links. What cannot be removed stays.
private func removeTree(_ root: FilePath) {
    root.withPlatformString { path in
        // A file, a socket or a link goes with this.
        if unlink(path) == 0 { return }
        for name in (try? fileNames(in: root.string)) ?? [] { removeTree(root.appending(name)) }
        rmdir(path)
    }
}
