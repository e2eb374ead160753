import ConnectToDBus

/// Describes what is below an object, for people who browse the bus.
extension Registry {
    /// Describes an object that is not a context's, and has contexts below it.
    /// - Returns: whether the object is such a one, and the call asked for its description.
    func describeNode(_ call: MethodCall) -> Bool {
        guard ContextObject.isIntrospection(call), call.body.isEmpty else { return false }
        let nodes = nodes(below: call.path)
        if nodes.isEmpty { return false }
        let description = ContextObject.introspection(of: [.introspectable], nodes: nodes)
        connection.assumeIsolated { $0.reply(to: call, [.string(description)]) }
        return true
    }

    /// The next elements of all paths of contexts below this one. This goes through all contexts: only people who
    /// browse the bus need it.
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
