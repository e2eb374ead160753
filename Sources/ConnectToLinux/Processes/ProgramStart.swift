import CConnectToLinux
import SystemPackage

/// A program that is to be started, in a process group of its own, with default signal handling and without a shell.
///
/// Not swift-subprocess: it closes every descriptor that this process was started with, cannot say that a program was
/// stopped, owns the program's life, and looks up C functions by their name, for which a static program has no table.
public struct ProgramStart: Sendable {
    /// The program and its arguments. A program without a slash is looked up in PATH.
    public var words: [[UInt8]]
    public var environment: [[UInt8]]
    /// Its working directory; this process's if nil.
    public var directory: [UInt8]?
    public var input: Descriptor
    public var output: Descriptor
    /// Its standard error; that of this process if nil.
    public var errors: Descriptor?
    /// Descriptors that the program has too, under the same numbers.
    public var kept: [Int32] = []
    /// Whether the program has no other descriptors. Otherwise it inherits those that this process was started with,
    /// and none that this process has opened.
    public var closesOthers = false
    /// Whether the program is in this process's session, and ends with that (``killSession(_:sparing:)``), in place of one
    /// of its own.
    public var joinsSession = false
    /// Whether the process is held by a pidfd too (``StartedProcess/descriptor``).
    public var opensDescriptor = false

    public init(_ words: [[UInt8]], environment: [[UInt8]], input: Descriptor, output: Descriptor) {
        self.words = words
        self.environment = environment
        self.input = input
        self.output = output
    }

    /// Starts the program. Blocks until its file has been read, so it must not be called on the loop or on a thread of
    /// Swift's pool.
    /// - Throws: ``SystemError``, and no process is left.
    public func run() throws(SystemError) -> StartedProcess {
        var pid: Int32 = 0
        let error = withCStrings(words) { arguments in
            withCStrings(environment) { environment in
                withCStrings(directory.map { [$0] } ?? []) { directory in
                    kept.withUnsafeBufferPointer { kept in
                        var program = clinux_program(
                            file: arguments[0], arguments: arguments, environment: environment,
                            directory: directory[0], input: input.rawValue, output: output.rawValue,
                            errors: errors?.rawValue ?? -1, kept: kept.baseAddress, kept_count: Int32(kept.count),
                            closes_others: closesOthers,
                            joins_session: joinsSession)
                        return clinux_spawn(&pid, &program)
                    }
                }
            }
        }
        guard error == 0 else { throw SystemError(operation: "posix_spawn", errno: Errno(rawValue: error)) }
        return opensDescriptor ? try StartedProcess(opening: pid) : StartedProcess(pid: pid)
    }
}

/// Calls the closure with the strings as a NULL-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let buffers = strings.map { string in
        let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: string.count + 1)
        _ = buffer.initialize(from: string.cString)
        return buffer
    }
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, buffer) in buffers.enumerated() { (list + index).initialize(to: buffer.baseAddress) }
    (list + strings.count).initialize(to: nil)
    defer {
        for buffer in buffers { buffer.deallocate() }
        list.deallocate()
    }
    return body(list)
}
