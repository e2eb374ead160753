import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc

/// What a worker writes to its standard error and output: the end of it is kept, and all of it forwarded if that is
/// wanted.
///
/// While more than ``backlog`` bytes wait to be forwarded the pipe is not read, so the worker waits in its `write`.
final class ErrorLines: Sendable {
    private struct State {
        var tail: [UInt8] = []
        /// What has been read of a text line that is not complete.
        var line: [UInt8] = []
        var watch: EventLoop.Watch?
        var isPaused = false
        var isOver = false
    }

    /// How much is kept.
    static let kept = 8 << 10
    /// A longer text line is forwarded in pieces.
    private static let longestLine = 4 << 10
    private static let backlog = 64 << 10

    private let pipe: Descriptor
    private let forwards: Bool
    private let state = Lock(State())

    /// - Parameters:
    ///   - pipe: the reading end, O_NONBLOCK.
    ///   - loop: reads it.
    /// - Throws: `PortError` where the process is out of resources.
    init(_ pipe: Descriptor, forwards: Bool, on loop: EventLoop) throws(PortError) {
        self.pipe = pipe
        self.forwards = forwards
        let watch = try loop.watch(pipe.rawValue, for: .read) { [weak self] _ in self?.readSome() }
        state.withLock { $0.watch = watch }
    }

    deinit {
        state.withLock(\.watch)?.cancel()
    }

    /// Reads what is there without waiting, and no more: processes that the worker has left behind may write for ever.
    /// - Returns: the end of all that the worker has written.
    func finish() -> String {
        state.withLock { state in
            for _ in 0..<32 where read(&state) {}
            end(&state)
            if forwards, !state.line.isEmpty { ErrorForwarder.write(state.line + [0x0A]) }
            state.line = []
            return String(decoding: state.tail, as: UTF8.self)
        }
    }

    private func readSome() {
        let pauses = state.withLock { state in
            guard !state.isPaused, read(&state), forwards, ErrorForwarder.waitingBytes > Self.backlog else {
                return false
            }
            state.isPaused = true
            state.watch?.change(to: [])
            return true
        }
        if pauses { ErrorForwarder.whenWritten { [weak self] in self?.goOn() } }
    }

    private func goOn() {
        state.withLock { state in
            state.isPaused = false
            state.watch?.change(to: .read)
        }
    }

    /// - Returns: whether there may be more.
    private func read(_ state: inout State) -> Bool {
        if state.isOver { return false }
        let chunk = withUnsafeTemporaryAllocation(byteCount: 4 << 10, alignment: 1) { buffer -> [UInt8]? in
            do throws(SystemError) {
                let count = try systemCallUnlessBlocked("read") {
                    Glibc.read(pipe.rawValue, buffer.baseAddress, buffer.count)
                }
                return count.map { Array(buffer.prefix($0)) }
            } catch { return [] }
        }
        // Nothing is there now.
        guard let chunk else { return false }
        // The end of the file, or of all that can be read.
        if chunk.isEmpty {
            end(&state)
            return false
        }
        state.tail.append(contentsOf: chunk)
        if state.tail.count > Self.kept { state.tail.removeFirst(state.tail.count - Self.kept) }
        if forwards { forward(chunk, &state) }
        return true
    }

    private func forward(_ chunk: [UInt8], _ state: inout State) {
        state.line.append(contentsOf: chunk)
        let isLong = state.line.count > Self.longestLine
        guard let end = isLong ? state.line.endIndex - 1 : state.line.lastIndex(of: 0x0A) else { return }
        ErrorForwarder.write(Array(state.line[...end]))
        state.line.removeSubrange(...end)
    }

    private func end(_ state: inout State) {
        state.isOver = true
        state.watch?.cancel()
        state.watch = nil
    }
}
