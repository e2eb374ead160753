/// Something that must never happen has.
struct Broken: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// - Throws: ``Broken`` where a promise does not hold.
func hold(_ promise: Bool, _ otherwise: @autoclosure () -> String) throws {
    if !promise { throw Broken(otherwise()) }
}
