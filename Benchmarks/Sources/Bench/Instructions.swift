import CBench
import ConnectTo
import Glibc

/// Hot paths on this thread alone, for counting their instructions: `Bench instructions COUNT 0` with BENCH_PATH
/// naming one. What two counts differ by is the cost of so many messages, without that of starting.
struct Instructions {
    let count: Int
    let path = environment("BENCH_PATH") ?? "post"
    let size = 64

    func run() throws {
        // Turned here, so no other thread takes part, and each run executes the same instructions.
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let channel = try MessageChannel(on: loop)
        switch path {
        case "post": try post(channel, loop)
        case "text": try postText(channel, loop)
        case "receive": try receive(channel, loop)
        case "handler": try handle(channel, loop)
        case "echo": try echo(channel, loop)
        case "batch": try postBatches(channel, loop)
        case "lone": try handleOneByOne(channel, loop)
        case "ask": try ask(channel, loop)
        case "answer": try answer(channel, loop)
        case "tell": try tell(channel, loop)
        case "hear": try hear(channel, loop)
        default: fail("no such path: \(path)")
        }
    }

    /// `postMessage`, and what the loop does for it; the far end is read as it is. On the loop: elsewhere it is for
    /// the clock to say how many go together.
    private func post(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        var sink = [UInt8](repeating: 0, count: 256 << 10)
        let message = [UInt8](repeating: 1, count: size)
        for _ in 0..<count / 100 {
            Task(executorPreference: loop.executor) {
                for _ in 0..<100 { try channel.port1.postMessage(message) }
            }
            loop.runReady()
            var taken = 0
            while taken < 100 * (8 + size) {
                let n = recv(far, &sink, sink.count, Int32(MSG_DONTWAIT))
                if n > 0 { taken += n } else { turn(loop) }
            }
        }
    }

    /// The same with a string.
    private func postText(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        var sink = [UInt8](repeating: 0, count: 256 << 10)
        let message = String(repeating: "a", count: size)
        for _ in 0..<count / 100 {
            Task(executorPreference: loop.executor) {
                for _ in 0..<100 { try channel.port1.postMessage(message) }
            }
            loop.runReady()
            var taken = 0
            while taken < 100 * (8 + size) {
                let n = recv(far, &sink, sink.count, Int32(MSG_DONTWAIT))
                if n > 0 { taken += n } else { turn(loop) }
            }
        }
    }

    /// `postMessages` with a batch of one, made once: what a broadcast costs for each receiver.
    private func postBatches(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        var sink = [UInt8](repeating: 0, count: 4 << 10)
        var batch = MessageBatch()
        try batch.append(.bytes([UInt8](repeating: 1, count: size)))
        for _ in 0..<count {
            try channel.port1.postMessages(batch)
            check(recv(far, &sink, sink.count, Int32(MSG_DONTWAIT)) == 8 + size, "not all has arrived")
        }
    }

    /// One message at a time, to a handler: what a broadcast costs each receiver.
    private func handleOneByOne(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        let taken = Counter()
        channel.port1.onMessage { _ in taken.increment() }
        let frame = [UInt8(size), 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 1, count: size)
        for round in 1...max(1, count) {
            check(send(far, frame, frame.count, 0) == frame.count, "the socket takes no frame")
            while taken.value < round { turn(loop) }
        }
    }

    /// Frames as they come from the kernel, to `for try await`.
    private func receive(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        let port = channel.port1
        let taken = Counter()
        Task(executorPreference: loop.executor) { [size] in
            for try await message in port.messages {
                check(message.count == size, "a message of \(message.count) bytes")
                taken.increment()
            }
        }
        feed(far, loop, until: taken)
    }

    /// The same, to a handler.
    private func handle(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        let taken = Counter()
        channel.port1.onMessage { [size] message in
            check(message.count == size, "a message of \(message.count) bytes")
            taken.increment()
        }
        feed(far, loop, until: taken)
    }

    /// One message at a time, there and back: one side of a round trip.
    private func echo(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let far = try channel.port2.detachSocket()
        let port = channel.port1
        Task(executorPreference: loop.executor) {
            for try await message in port.messages { try port.postMessage(message.bytes) }
        }
        var frame = [UInt8(size), 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 1, count: size)
        for _ in 0..<max(1, count) {
            check(send(far, frame, frame.count, 0) == frame.count, "the socket takes no frame")
            while recv(far, &frame, frame.count, Int32(MSG_DONTWAIT)) < 0 { turn(loop) }
        }
    }

    /// 100 frames at a time, until all have been taken.
    private func feed(_ far: Int32, _ loop: EventLoop, until taken: Counter) {
        var frames: [UInt8] = []
        for _ in 0..<100 {
            frames += [UInt8(size), 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 1, count: size)
        }
        for round in 1...max(1, count / 100) {
            check(send(far, frames, frames.count, 0) == frames.count, "the socket takes no 100 frames")
            while taken.value < round * 100 { turn(loop) }
        }
    }

    /// Waits first: spinning would be counted.
    func turn(_ loop: EventLoop) {
        var request = pollfd(fd: loop.pollableDescriptor, events: Int16(POLLIN), revents: 0)
        poll(&request, 1, -1)
        loop.runReady()
    }
}
