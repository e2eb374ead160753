import ConnectToDBus

/// What is below an object, for those who look around on the bus.
extension Registry {
    /// Describes an object that is no context and stands above some.
    /// - Returns: whether it is one and this was asked.
    func describeNode(_ call: MethodCall) -> Bool {
        guard ContextObject.isIntrospection(call), call.body.isEmpty else { return false }
        let nodes = nodes(below: call.path)
        if nodes.isEmpty { return false }
        let description = ContextObject.introspection(of: [.introspectable], nodes: nodes)
        connection.assumeIsolated { $0.reply(to: call, [.string(description)]) }
        return true
    }

    /// The next elements of the paths that go on from this one. All contexts are gone through: nobody needs this but
    /// people who look.
    func nodes(below path: String) -> [String] {
        let slash = UInt8(ascii: "/")
        let start = Array(path.utf8) + (path == "/" ? [] : [slash])
        var nodes: Set<Substring> = []
        for registration in registrations.values {
            let path = registration.context.objectPath
            guard path.utf8.starts(with: start) else { continue }
            nodes.insert(Substring(path.utf8.dropFirst(start.count).prefix { $0 != slash }))
        }
        return nodes.sorted().map(String.init)
    }
}
