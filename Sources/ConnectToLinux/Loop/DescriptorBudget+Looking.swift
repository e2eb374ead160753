extension DescriptorBudget {
    /// The loops that look for room now.
    private static let looking = Lock<Set<ObjectIdentifier>>([])

    /// Checks every 10 ms, while closures wait for room, whether there is some: the program also makes room by closing
    /// descriptors of its own, which no event reports. A loop has one timer for this, however many closures wait.
    package static func lookForRoom(on reactor: Reactor) {
        let isFirst = looking.withLock { $0.insert(ObjectIdentifier(reactor)).inserted }
        if isFirst { lookAgain(on: reactor) }
    }

    private static func lookAgain(on reactor: Reactor) {
        reactor.schedule(after: .milliseconds(10)) {
            callNext()
            let mustLook = looking.withLock { loops in
                let mustLook = hasWaiting
                if !mustLook { loops.remove(ObjectIdentifier(reactor)) }
                return mustLook
            }
            if mustLook { lookAgain(on: reactor) }
        }
    }
}
