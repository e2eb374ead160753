import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// Carries a stream between this process's standard input and output and a peer.
///
/// Each direction has a thread of its own, which may block. The end of standard input half-closes the stream. The
/// stream is over when the peer has closed, or when both sides have half-closed, and all bytes of the peer have been
/// written out.
final class StreamCopy: Sendable {
    /// How the stream ended.
    struct Outcome: Sendable {
        /// The peer closed before all of our input was sent.
        var hasRest = false
        /// The peer closed before it had taken all that was sent.
        var wasReset = false
        /// The peer closed before it had taken all of our input.
        var isUntaken: Bool { hasRest || wasReset }
        /// Standard input or standard output failed.
        var failure: Failure?
    }

    /// Set when all of standard input has been written to the socket.
    let inputEnd = Latch<Void>()

    private let isAwaitingInput = Lock(false)
    private let socket: Descriptor
    /// Whether the peer's half-close ends the stream, because a person at a terminal has nothing more to say.
    private let endsWithPeer: Bool

    private static let chunk = 256 << 10
    /// How long to wait for more input after the peer has closed, in milliseconds: a program that is still producing
    /// input may write nothing at that very moment.
    private static let restTime: Int32 = 100

    /// - Throws: ``Failure`` if the stream has no socket to give away.
    init(_ stream: ByteStream, endsWithPeer: Bool = false) throws(Failure) {
        do throws(PortError) {
            socket = Descriptor(adopting: try stream.takeFileDescriptor())
        } catch { throw Failure(error) }
        self.endsWithPeer = endsWithPeer
    }

    /// Ends both directions at once.
    func end() {
        shutdown(socket.rawValue, Int32(SHUT_RDWR))
    }

    /// Carries bytes until the stream is over.
    func run(_ threads: StreamThreads) async -> Outcome {
        async let sent = threads.input.run { [self] in send() }
        async let received = threads.output.run { [self] in receive() }
        let (up, down) = await (sent, received)
        end()
        return Outcome(
            hasRest: up.hasRest, wasReset: up.wasReset || down.wasReset, failure: down.failure ?? up.failure)
    }

    /// Whether standard input has not ended, and everything read from it has been written to the socket.
    var awaitsInput: Bool { isAwaitingInput.withLock { $0 } }

    // MARK: Standard input to the peer

    private func send() -> Outcome {
        TerminalJob.blockSignalInThisThread()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 16)
        defer { room.deallocate() }
        while true {
            var requests = [
                pollfd(fd: socket.rawValue, events: 0, revents: 0),
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
            ]
            // In the background, poll for the peer's end only, and check from time to time whether this job is in the
            // foreground.
            let isInBackground = TerminalJob.isInBackground(of: 0)
            isAwaitingInput.withLock { $0 = true }
            _ = poll(&requests, isInBackground ? 1 : 2, isInBackground ? TerminalJob.check : -1)
            isAwaitingInput.withLock { $0 = false }
            if requests[0].revents != 0 { return Outcome(hasRest: hasInputLeft()) }
            if requests[1].revents == 0 { continue }
            let count: Int?
            do throws(SystemError) {
                count = try systemCallUnlessBlocked("read", { read(0, room.baseAddress, room.count) })
            } catch {
                if error.errno == .ioError, TerminalJob.isInBackground(of: 0) { continue }
                return failed("standard input cannot be read (\(error)); check what it is redirected from")
            }
            guard let count else { continue }
            if count == 0 {
                shutdown(socket.rawValue, Int32(SHUT_WR))
                inputEnd.set()
                return Outcome()
            }
            do throws(SystemError) {
                guard try write(UnsafeRawBufferPointer(rebasing: room[..<count]), to: socket.rawValue) else {
                    return Outcome(hasRest: true)
                }
            } catch { return failed("writing to the peer failed (\(error)); connect again") }
        }
    }

    /// Whether input is left that the peer will not get. An input that is open but silent has nothing left.
    private func hasInputLeft() -> Bool {
        if isatty(0) == 1 { return false }
        Self.wait(for: Int16(POLLIN), on: 0, atMost: Self.restTime)
        // Do not read it: it may be for the next peer.
        return clinux_bytes_ready(0) > 0
    }

    // MARK: The peer to standard output

    private func receive() -> Outcome {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 16)
        defer { room.deallocate() }
        var outcome = Outcome()
        while true {
            let count: Int?
            do throws(SystemError) {
                count = try systemCallUnlessBlocked(
                    "recv", { recv(socket.rawValue, room.baseAddress, room.count, 0) })
            } catch {
                // The peer closed before it had read all of our input.
                if error.errno == .connectionReset {
                    outcome.wasReset = true
                    break
                }
                return failed("reading from the peer failed (\(error)); connect again")
            }
            guard let count else {
                // The other side has set O_NONBLOCK on the socket.
                Self.wait(for: Int16(POLLIN), on: socket.rawValue)
                continue
            }
            if count == 0 { break }
            do throws(SystemError) {
                guard try write(UnsafeRawBufferPointer(rebasing: room[..<count]), to: 1) else {
                    end()
                    return Outcome(failure: .readerGone)
                }
            } catch {
                return failed("standard output cannot be written (\(error)); check what it is redirected to")
            }
        }
        // The peer writes no more, but it may still read.
        if endsWithPeer { end() } else { Self.wait(for: 0, on: socket.rawValue) }
        return outcome
    }

    // MARK: Both directions

    private func failed(_ message: String) -> Outcome {
        end()
        return Outcome(failure: Failure(.inputOutput, message))
    }

    /// Writes all of the bytes.
    /// - Returns: `false` if the descriptor has no reader any more.
    private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(SystemError) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            do throws(SystemError) {
                let written = try systemCallUnlessBlocked("write") {
                    Glibc.write(descriptor, rest.baseAddress, rest.count)
                }
                if let written {
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
                } else {
                    // A process that shares the descriptor has set O_NONBLOCK on it.
                    Self.wait(for: Int16(POLLOUT), on: descriptor)
                }
            } catch {
                if error.errno == .brokenPipe || error.errno == .connectionReset { return false }
                throw error
            }
        }
        return true
    }

    /// Waits for an event, or for a hangup or an error, which poll always reports.
    /// - Parameter milliseconds: -1 waits for ever.
    private static func wait(for events: Int16, on descriptor: Int32, atMost milliseconds: Int32 = -1) {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        while poll(&request, 1, milliseconds) < 0, errno == EINTR {}
    }
}

/// The threads that carry a stream's bytes. One pair serves one stream after the other.
struct StreamThreads: Sendable {
    let input: WorkerThread
    let output: WorkerThread

    init() throws(SystemError) {
        input = try WorkerThread(name: "stdin")
        output = try WorkerThread(name: "raw out")
    }
}
