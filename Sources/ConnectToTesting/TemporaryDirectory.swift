import ConnectToLinux
import Glibc
package import SystemPackage

/// Runs a closure with a fresh directory under `/tmp` that only this user may enter. The directory is removed with
/// its contents when the closure ends, or when this process ends, however they end. What cannot be removed stays.
nonisolated(nonsending) package func withTemporaryDirectory<Result>(
    prefix: String, _ body: (FilePath) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory(prefix: prefix) { directory, _ in try await body(directory) }
}

/// The same with the lifeline that removes the directory, for a process that is to end with it.
nonisolated(nonsending) func withTemporaryDirectory<Result>(
    prefix: String, _ body: (FilePath, Lifeline) async throws -> Result
) async throws -> Result {
    var template = Array("/tmp/\(prefix)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
        throw SystemError(operation: "mkdtemp", errno: Errno(rawValue: errno))
    }
    let directory = FilePath(platformString: template)
    let lifeline: Lifeline
    do {
        lifeline = try Lifeline(removing: directory)
    } catch {
        rmdir(template)
        throw error
    }
    defer { lifeline.cut() }
    return try await body(directory, lifeline)
}
