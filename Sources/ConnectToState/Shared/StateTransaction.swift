/// Writes that other replicas see together or not at all: see ``SharedState/transaction(_:)``.
///
/// It reads its own writes. The first write that is not possible makes the transaction throw when its closure returns,
/// and nothing of it is written; what is written after that one is ignored.
public struct StateTransaction: ~Copyable {
    var writing: Writing
    private(set) var failure: StateError?

    init(_ writing: Writing) {
        self.writing = writing
    }

    /// The value at a path, with what this transaction has written.
    public func value(at path: StatePath) -> StateValue? { writing.root.node(at: path.steps[...])?.shownTree }

    /// The value at a path as a type, with what this transaction has written.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/notDecodable``.
    public func value<Value: Decodable>(at path: StatePath, as type: Value.Type) throws(StateError) -> Value? {
        try value(at: path)?.decode(type)
    }

    /// Writes a value in place of what is at a path, above it and below it.
    public mutating func set(_ path: StatePath, to value: StateValue) { write(path, value) }

    /// Writes a value of any `Encodable` type: see ``SharedState/set(_:to:)-(StatePath,StateValue)``.
    public mutating func set<Value: Encodable>(_ path: StatePath, to value: Value) {
        do throws(StateError) {
            write(path, try StateValue(encoding: value))
        } catch {
            failure = failure ?? error
        }
    }

    /// Removes what is at a path, above it and below it.
    public mutating func remove(_ path: StatePath) { write(path, nil) }

    private mutating func write(_ path: StatePath, _ value: StateValue?) {
        if failure != nil { return }
        do throws(StateViolation) {
            try writing.write(path, value)
        } catch {
            failure = StateError(error)
        }
    }
}
