import FoundationEssentials
import Testing

@testable import ConnectToState

@Suite("The worked example of dbus/STATE.md")
struct WorkedExampleTests {
    /// The bytes of the messages, as they stand there.
    private static let shown: [String] = {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let file = root.appending(path: "dbus/STATE.md")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        let example = text.components(separatedBy: "## 13. Example").dropFirst().first ?? ""
        return example.split(separator: "\n").filter { $0.hasPrefix("    ") }
            .map { $0.prefix { $0 != "|" }.filter { $0.isHexDigit } }
    }()

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("The messages of the example are those that replicas send")
    func messages() throws {
        let one = ReplicaID(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff)
        var document = Document(replica: one)
        let first = try document.write([("user", ["name": "Ada", "age": 36])], now: 1_764_550_000_000).operations
        let second = try document.write([("user.age", 37)], now: 1_764_550_000_007).operations
        let third = try document.write([("user.name", nil)], now: 1_764_550_000_007).operations
        let insert = try document.edit(StateKey("notes"), 0..<0, with: "Hé").operations
        let messages: [Replication.Message] = [
            .hello(.init(replica: one, vector: VersionVector().fingerprint, begins: true)),
            .operations(first), .operations(second), .operations(third), .edits(insert),
            .hello(.init(replica: one, vector: document.vector.fingerprint, begins: false)), .vector(document.vector),
            .delta(document.delta(since: VersionVector())), .audit(.init(document, wantsAnswer: true)),
        ]
        let bytes = messages.map { MessagePieces.cut($0.encoded())[0] }
        #expect(bytes.map(hex).joined() == Self.shown.joined())
    }
}
