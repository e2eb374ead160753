import ConnectTo

/// What a listener still has to give to its ports, and the tasks that wait for it: each port's delivery waits for
/// messages, and the reading of standard input waits for room. Owned by an actor.
struct PortFeed {
    private var log = PostLog()
    private var inputHasEnded = false
    /// The deliveries that have been given everything so far, by port. Resumed when there may be something to give.
    private var waitingDeliveries: [Int: CheckedContinuation<Void, Never>] = [:]
    private var waitingInput: CheckedContinuation<Void, Never>?

    // MARK: Ports

    var hasPorts: Bool { log.hasPorts }

    func has(_ port: Int) -> Bool { log.has(port) }

    mutating func add(_ port: Int) { log.add(port) }

    /// The port has ended or is closed: it is given nothing more.
    mutating func remove(_ port: Int) {
        log.remove(port)
        resumeDelivery(to: port)
        waitingInput.take()?.resume()
    }

    // MARK: Input

    /// Whether a text line was read that no port has been given.
    var hasUngiven: Bool { log.hasUngiven }

    func hasRoom(for contents: [MessageContent]) -> Bool { log.hasRoom(for: contents) }

    /// Resumes the reading of standard input when there may be room.
    mutating func awaitRoom(_ input: CheckedContinuation<Void, Never>) { waitingInput = input }

    /// - Parameter port: the port that the messages are for, which is open; `nil` means every port.
    mutating func append(_ contents: [MessageContent], for port: Int?) {
        log.append(contents, for: port)
        if let port { resumeDelivery(to: port) } else { resumeDeliveries() }
    }

    /// Closes the port after what was posted to it.
    /// - Returns: `false` if nothing waits for the port, which can be closed at once.
    mutating func appendClose(for port: Int) -> Bool {
        if log.hasNothing(for: port) { return false }
        log.appendClose(for: port)
        resumeDelivery(to: port)
        return true
    }

    /// Standard input has ended: nothing more is posted.
    mutating func endInput() {
        inputHasEnded = true
        resumeDeliveries()
    }

    // MARK: Deliveries

    /// What a delivery does next.
    enum Next {
        case step(PostLog.Step)
        /// Waits for messages.
        case wait
        /// The port is gone, or has been given the last message.
        case end
    }

    /// Calling this also says that the port has done the previous step.
    mutating func next(for port: Int) -> Next {
        guard log.has(port) else { return .end }
        let step = log.next(for: port)
        waitingInput.take()?.resume()
        return step.map { .step($0) } ?? (inputHasEnded ? .end : .wait)
    }

    /// Resumes the delivery to a port when there may be something to give.
    mutating func awaitMessages(for port: Int, _ delivery: CheckedContinuation<Void, Never>) {
        waitingDeliveries[port] = delivery
    }

    private mutating func resumeDelivery(to port: Int) {
        waitingDeliveries.removeValue(forKey: port)?.resume()
    }

    private mutating func resumeDeliveries() {
        for port in Array(waitingDeliveries.keys) { resumeDelivery(to: port) }
    }

    // MARK: Stalls

    /// Whether a port has been given everything and gets no more, since the log is full of messages for slower ports.
    var isStalled: Bool { waitingInput != nil && !waitingDeliveries.isEmpty }

    /// The first post that the port has not passed. Nil if the port has been given everything, or is gone.
    func firstUnpassed(of port: Int) -> Int? {
        waitingDeliveries[port] == nil ? log.firstUnpassed(of: port) : nil
    }
}
