@testable import ConnectToState

/// A replica as the model writes it down, and the checksum of it.
enum StateText {
    /// CRC-32, as the model has it from zlib.
    static func checksum(_ text: String) -> UInt32 {
        var text = text
        return text.withUTF8 { bytes in
            ~bytes.reduce(UInt32.max) { sum, byte in (sum >> 8) ^ table[Int((sum ^ UInt32(byte)) & 0xff)] }
        }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? (sum >> 1) ^ 0xedb8_8320 : sum >> 1 }
    }

    static func text(latest: Document, custom: Document) -> String {
        var lines: [String] = []
        var siblings: [StatePath: [Sibling]] = [:]
        latest.root.forEach(from: StatePath()) { path, node in siblings[path] = node.siblings }
        for (path, siblings) in siblings.sorted(by: { $0.key < $1.key }) where !siblings.isEmpty {
            let told = siblings.map { sibling in
                let stamp = "\(sibling.stamp.clock):\(sibling.stamp.replica.number)"
                return "\(sibling.dot.replica.number):\(sibling.dot.counter)@\(stamp)=\(value(sibling.value))"
            }
            lines.append(path.keys.joined(separator: ".") + " " + told.joined(separator: " "))
        }
        lines.append("vector" + vector(latest.vector))
        lines.append("floor" + vector(latest.floor))
        lines.append("latest" + view(shown(latest)))
        lines.append("custom" + view(shown(custom)))
        for (name, text) in latest.texts.sorted(by: { $0.key < $1.key }) {
            lines.append("\(name.string)|\(text.sequence.string)")
        }
        return lines.joined(separator: "\n")
    }

    static func value(_ value: StateValue) -> String {
        switch value {
        case .string(let string): string
        case .object: "{}"
        default: "\(value)"
        }
    }

    static func view(_ view: [StatePath: StateValue]) -> String {
        view.sorted { $0.key < $1.key }.map { " \($0.key.keys.joined(separator: "."))=\(value($0.value))" }.joined()
    }

    static func shown(_ document: Document) -> [StatePath: StateValue] {
        var view: [StatePath: StateValue] = [:]
        document.root.forEach(from: StatePath()) { path, node in view[path] = node.shown }
        return view
    }

    private static func vector(_ vector: VersionVector) -> String {
        vector.counters.sorted { $0.key < $1.key }.map { " \($0.key.number):\($0.value)" }.joined()
    }
}
