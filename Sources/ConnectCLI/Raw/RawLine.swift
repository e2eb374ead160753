import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// A stream between this process's standard input and output and a peer.
///
/// A thread for each direction, and both may block. The end of standard input is the half-close; all is over when
/// the peer has closed, or both sides have half-closed, and what it wrote is out.
final class RawLine: Sendable {
    /// How it ended.
    struct Outcome: Sendable {
        /// The peer closed before all of our input was sent.
        var hasRest = false
        /// The peer closed before it had taken what was sent.
        var wasReset = false
        /// The peer closed before it had taken all of our input.
        var isUntaken: Bool { hasRest || wasReset }
        /// Standard input or output failed.
        var failure: Failure?
    }

    /// Set when all of standard input is on its way.
    let inputEnd = Latch<Void>()

    private let isAwaitingInput = Lock(false)
    private let socket: Descriptor
    /// Whether the peer's half-close is the end, for somebody at a terminal who has nothing more to say.
    private let endsWithPeer: Bool

    private static let chunk = 256 << 10
    /// How long an input that has not ended is listened to once the peer has closed, in milliseconds: a program that is
    /// busy writing it has not always written just then.
    private static let restTime: Int32 = 100

    /// - Throws: ``Failure`` where the stream has no socket to give.
    init(_ stream: ByteStream, endsWithPeer: Bool = false) throws(Failure) {
        do throws(PortError) {
            socket = Descriptor(adopting: try stream.takeFileDescriptor())
        } catch { throw Failure(error) }
        self.endsWithPeer = endsWithPeer
    }

    /// Ends both directions, at once.
    func end() {
        shutdown(socket.rawValue, Int32(SHUT_RDWR))
    }

    /// Carries bytes until the line is over.
    func run(_ threads: RawThreads) async -> Outcome {
        async let sent = threads.input.run { [self] in send() }
        async let received = threads.output.run { [self] in receive() }
        let (up, down) = await (sent, received)
        end()
        return Outcome(
            hasRest: up.hasRest, wasReset: up.wasReset || down.wasReset, failure: down.failure ?? up.failure)
    }

    /// Whether all that has been read of standard input is on its way, and it has not ended.
    var awaitsInput: Bool { isAwaitingInput.withLock { $0 } }

    // MARK: Standard input to the peer

    private func send() -> Outcome {
        BackgroundJob.blockSignalInThisThread()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 16)
        defer { room.deallocate() }
        while true {
            var requests = [
                pollfd(fd: socket.rawValue, events: 0, revents: 0),
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
            ]
            // Behind another job only the peer's end is of interest, and from time to time a second look.
            let isBehind = BackgroundJob.isBehind(0)
            isAwaitingInput.withLock { $0 = true }
            _ = poll(&requests, isBehind ? 1 : 2, isBehind ? BackgroundJob.check : -1)
            isAwaitingInput.withLock { $0 = false }
            if requests[0].revents != 0 { return Outcome(hasRest: hasInputLeft()) }
            if requests[1].revents == 0 { continue }
            let count: Int?
            do throws(SystemError) {
                count = try systemCallUnlessBlocked("read", { read(0, room.baseAddress, room.count) })
            } catch {
                if error.errno == .ioError, BackgroundJob.isBehind(0) { continue }
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
            } catch { return failed("the stream to the peer has failed (\(error)); connect again") }
        }
    }

    /// Whether there is something to read that the peer will not get. Open and silent is not left over.
    private func hasInputLeft() -> Bool {
        if isatty(0) == 1 { return false }
        Self.wait(for: Int16(POLLIN), on: 0, atMost: Self.restTime)
        // Not read: it may be for the next peer.
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
                // Closed by the peer with some of our input unread.
                if error.errno == .connectionReset {
                    outcome.wasReset = true
                    break
                }
                return failed("the stream from the peer has failed (\(error)); connect again")
            }
            guard let count else {
                // The other side has made it O_NONBLOCK.
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

    // MARK: Both

    private func failed(_ message: String) -> Outcome {
        end()
        return Outcome(failure: Failure(.inputOutput, message))
    }

    /// Writes all of it.
    /// - Returns: `false` where nobody reads any more.
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
                    // Somebody who shares it has made it O_NONBLOCK.
                    Self.wait(for: Int16(POLLOUT), on: descriptor)
                }
            } catch {
                if error.errno == .brokenPipe || error.errno == .connectionReset { return false }
                throw error
            }
        }
        return true
    }

    /// Waits for an event, or for the end, which is told unasked.
    /// - Parameter milliseconds: -1 is for ever.
    private static func wait(for events: Int16, on descriptor: Int32, atMost milliseconds: Int32 = -1) {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        while poll(&request, 1, milliseconds) < 0, errno == EINTR {}
    }
}

/// The threads that carry a stream's bytes; one pair serves one stream after the other.
struct RawThreads: Sendable {
    let input: WorkerThread
    let output: WorkerThread

    init() throws(SystemError) {
        input = try WorkerThread(name: "stdin")
        output = try WorkerThread(name: "raw out")
    }
}
