/// How much a shared state may hold.
///
/// All replicas of a state should have the same limits. A replica never refuses a single operation, since replicas that
/// know different operations would differ for ever: where a limit would be passed by what comes over a line, that line
/// ends, and the state is what it was. A write of the program itself that passes a limit throws, and changes nothing.
/// The defaults are far beyond what people's settings and documents have; they are there for mistakes, and for
/// programs that mean harm.
public struct StateLimits: Hashable, Sendable {
    /// How many keys a path may have, and how deep arrays and objects in a value may be inside of each other: 128. The
    /// depth of what is nested costs stack.
    public var depth = 128

    /// How many bytes all keys of a path may have together: 16,384. Paths are shared by prefix on the line, so a few
    /// bytes there can stand for long ones here.
    public var pathBytes = 16_384

    /// How many values a state may have, each a leaf of JSON with a path of its own or a conflict: 5,000,000, which
    /// take one to two gigabytes.
    public var values = 5_000_000

    /// The bytes of all paths, values and texts: 256 MiB. Each value, also inside of an array, counts 8 and the bytes of its
    /// text; each path the bytes of its keys; each character of a text the bytes of its UTF-8, and 1 once it is gone.
    public var documentBytes = 256 << 20

    /// How many replicas may have written since the state began: 100,000. Each costs 24 bytes for ever, in memory and
    /// whenever two replicas meet that differ.
    public var replicas = 100_000

    /// How many values may stand at the same path, written by replicas that did not know of each other's: 1,024.
    public var conflicts = 1_024

    /// How many writes and removals a transaction may have: 5,000,000, so that a state of the greatest size can be
    /// removed in one.
    public var operations = 5_000_000

    /// The bytes of one message to another replica, put together from its pieces: 512 MiB, enough for a state of the
    /// greatest size to be sent to one that has nothing.
    public var messageBytes = 512 << 20

    /// The default limits.
    public init() {}
}

extension StateLimits {
    /// What no value and no path may be, whatever else the document has.
    func check(_ path: StatePath, _ value: StateValue?) throws(StateViolation) {
        if path.steps.count > depth { throw over("a path has \(path.steps.count) keys", depth) }
        let bytes = path.byteCount
        if bytes > pathBytes { throw over("the keys of a path have \(bytes) bytes", pathBytes) }
        if let value { try check(value, depth: depth) }
    }

    /// The parts in which a document holds a value that is written.
    func leaves(of value: StateValue?, at path: StatePath) throws(StateViolation) -> [StateLeaf] {
        // A path as deep as a path may be has one key for each object, so this ends before the stack does.
        try check(path, nil)
        guard let value else { return [] }
        try check(value, depth: 2 * depth)
        var leaves: [StateLeaf] = []
        value.forEachLeaf(at: path) { leaves.append(($0, $1)) }
        for leaf in leaves { try check(leaf.path, leaf.value) }
        return leaves
    }

    /// - Parameter left: how deep it may be.
    private func check(_ value: StateValue, depth left: Int) throws(StateViolation) {
        switch value {
        case .null, .bool, .integer, .string: return
        case .number(let number):
            if !number.isFinite { throw .notFinite }
        case .array(let values):
            if left <= 0 { throw tooDeep }
            for value in values { try check(value, depth: left - 1) }
        case .object(let members):
            if left <= 0, !members.isEmpty { throw tooDeep }
            for value in members.values { try check(value, depth: left - 1) }
        }
    }

    var tooDeep: StateViolation { over("values are inside of each other deeper", depth) }

    /// - Parameter operations: how many a transaction has.
    func check(operations: Int) throws(StateViolation) {
        if operations > self.operations { throw over("a transaction has \(operations) operations", self.operations) }
    }

    func check(_ vector: VersionVector) throws(StateViolation) {
        let count = vector.counters.count
        if count > replicas { throw over("\(count) replicas have written", replicas) }
    }

    func check(values count: Int, bytes: Int) throws(StateViolation) {
        if count > values { throw over("the state would have \(count) values", values) }
        if bytes > documentBytes { throw over("the state would have \(bytes) bytes", documentBytes) }
    }

    func check(text name: StateKey) throws(StateViolation) {
        let bytes = name.string.utf8.count
        if bytes > pathBytes { throw over("the name of a text has \(bytes) bytes", pathBytes) }
    }

    /// - Parameter count: how many values are at a path.
    func check(conflicts count: Int) throws(StateViolation) {
        if count > conflicts { throw over("a path would have \(count) values", conflicts) }
    }

    func over(_ what: String, _ limit: Int) -> StateViolation {
        StateViolation("\(what), and the limit is \(limit)")
    }
}

extension StateViolation {
    static var notFinite: StateViolation { StateViolation("a number is infinite or none at all, which JSON has not") }
}
