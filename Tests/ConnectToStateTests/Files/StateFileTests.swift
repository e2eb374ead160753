import ConnectToLinux
import Glibc
import Testing

@testable import ConnectToState

@Suite("The file of a state")
struct StateFileTests {
    private let folder = StateFolder()

    /// A file with a snapshot of one value and ten transactions, and where each of its records ends.
    private func makeFile() throws -> (bytes: [UInt8], ends: [Int]) {
        var stored = try StoredDocument(folder.file)
        try stored.set("first", 0)
        try stored.file.writeAnew(stored.document, logFrom: stored.file.state.withLock { $0.end })
        var ends = [stored.file.state.withLock { $0.end }]
        for number in 1...10 {
            try stored.set("number", .integer(Int64(number)))
            ends.append(stored.file.state.withLock { $0.end })
        }
        stored.file.close()
        return (try #require(folder.bytes()), ends)
    }

    @Test("The checksum is CRC-32C: that of the nine digits is the one of RFC 3720's successors, E3069283")
    func checksum() {
        #expect(Checksum.of(Array("123456789".utf8)) == 0xe306_9283)
        #expect(Checksum.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(Checksum.of([]) == 0)
    }

    @Test("What was written is there after the file is opened again, under a new id")
    func reopening() throws {
        var stored = try StoredDocument(folder.file)
        try stored.set("user", ["name": "Ada", "tags": ["a"]])
        try stored.set("user.name", nil)
        stored.file.close()
        let again = try StoredDocument(folder.file)
        #expect(again.document.value(at: "") == ["user": ["tags": ["a"]]])
        #expect(again.document.vector == stored.document.vector)
        #expect(again.document.replica != stored.document.replica)
        #expect(again.document.totals.fingerprint == stored.document.totals.fingerprint)
        #expect(again.damage == nil)
        #expect(folder.names == ["state"])
    }

    @Test("Texts and the floor of removals are in the file, in the snapshot as in the log")
    func everything() throws {
        var stored = try StoredDocument(folder.file)
        for number in 0..<20 {
            try stored.set("a", .integer(Int64(number)))
            try stored.set("a", nil)
        }
        stored.document.forgetRemovals(keeping: 3)
        let typed = try stored.document.edit(StateKey("notes"), 0..<0, with: "hello")
        try stored.file.save(.edits(typed.operations), of: stored.document, isOwn: true)
        try stored.file.writeAnew(stored.document, logFrom: stored.file.state.withLock { $0.end })
        let more = try stored.document.edit(StateKey("notes"), 3..<5, with: "p!")
        try stored.file.save(.edits(more.operations), of: stored.document, isOwn: true)
        stored.file.close()
        let again = try StoredDocument(folder.file)
        #expect(again.document.texts[StateKey("notes")]?.sequence.string == "help!")
        #expect(again.document.floor == stored.document.floor)
        #expect(!again.document.floor.counters.isEmpty)
        #expect(again.document.vector == stored.document.vector)
    }

    @Test(
        "A file that is cut at any byte has the transactions that are whole in it; one without a whole snapshot is kept"
    )
    func cutting() throws {
        let (bytes, ends) = try makeFile()
        for length in 1...bytes.count {
            try folder.write(Array(bytes[..<length]))
            let stored = try StoredDocument(folder.file)
            let whole = ends.filter { $0 <= length }.count
            if whole == 0 {
                let copy = try #require(stored.damage?.copy.split(separator: "/").last)
                #expect(folder.bytes(of: String(copy)) == Array(bytes[..<length]), "cut at byte \(length)")
                folder.remove(String(copy))
            } else {
                #expect(stored.damage == nil, "cut at byte \(length)")
                #expect(stored.document.value(at: "first") == 0, "cut at byte \(length)")
                #expect(
                    stored.document.value(at: "number") == (whole == 1 ? nil : .integer(Int64(whole - 1))),
                    "cut at byte \(length)")
                #expect(folder.bytes()?.count == ends[whole - 1], "cut at byte \(length)")
            }
            stored.file.close()
        }
    }

    @Test("A change of any byte is reported, the file as it was found is kept, and what is before the byte is there")
    func flipping() throws {
        let (bytes, ends) = try makeFile()
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= UInt8(1 << (index % 8))
            try folder.write(changed)
            var stored = try StoredDocument(folder.file)
            let damage = try #require(stored.damage, "byte \(index)")
            let copy = String(try #require(damage.copy.split(separator: "/").last))
            #expect(folder.bytes(of: copy) == changed, "byte \(index)")
            folder.remove(copy)
            // Nothing of a record is in the first bytes, so all records are there.
            let whole = index < FileHeader.count ? ends.count : ends.filter { $0 <= index }.count
            #expect(stored.document.value(at: "first") == (whole == 0 ? nil : 0), "byte \(index)")
            #expect(
                stored.document.value(at: "number") == (whole < 2 ? nil : .integer(Int64(whole - 1))), "byte \(index)")
            try stored.set("number", 11)
            stored.file.close()
            let again = try StoredDocument(folder.file)
            #expect(again.damage == nil)
            #expect(again.document.value(at: "number") == 11, "byte \(index)")
            again.file.close()
        }
    }

    /// Without optimization a hundred thousand take minutes.
    #if DEBUG
        private static let many = 3_000
    #else
        private static let many = 100_000
    #endif

    @Test("A file of many paths is loaded whole")
    func large() throws {
        var stored = try StoredDocument(folder.file)
        let members = (0..<Self.many).map { ("\($0)", StateValue.integer(Int64($0))) }
        try stored.set("item", .object(Dictionary(uniqueKeysWithValues: members)))
        stored.file.close()
        let again = try StoredDocument(folder.file)
        #expect(again.document.totals.values == Self.many)
        #expect(again.document.value(at: "item.2999") == 2_999)
        #expect(again.document.totals.fingerprint == stored.document.totals.fingerprint)
    }

    @Test("A replica that returns with its file merges with others that went on, both ways")
    func merging() throws {
        var stored = try StoredDocument(folder.file)
        var other = Document()
        try stored.set("mine", 1)
        _ = try other.join(stored.document.delta(since: other.vector))
        stored.file.close()
        _ = try other.write([("theirs", 2), ("mine", nil)], now: 1)
        var again = try StoredDocument(folder.file)
        try again.set("new", 3)
        let difference = other.delta(since: again.document.vector)
        _ = try other.join(again.document.delta(since: other.vector))
        _ = try again.document.join(difference)
        try again.file.save(.delta(difference), of: again.document, isOwn: false)
        again.file.close()
        let third = try StoredDocument(folder.file)
        #expect(third.document.value(at: "") == ["theirs": 2, "new": 3])
        #expect(other.value(at: "") == ["theirs": 2, "new": 3])
        #expect(third.document.totals.fingerprint == other.totals.fingerprint)
        #expect(third.document.vector == other.vector)
    }

    @Test("A second user of a file is told which process has it, and gets it when that one closes it")
    func locking() throws {
        let stored = try StoredDocument(folder.file)
        let failure = try #require(throws: FileFailure.self) { try StoredDocument(folder.file) }
        #expect(failure.code == .inUse)
        #expect(
            failure.message.hasSuffix("is in use by this program already; close the other SharedState first, or use it")
        )
        #expect(lockHolder(of: stored.file.state.withLock { $0.file.status }) == getpid())
        stored.file.close()
        _ = try StoredDocument(folder.file)
    }

    @Test("A new file is for its user alone, and keeps other permissions that it is given")
    func permissions() throws {
        func permissions() -> mode_t {
            var status = stat()
            stat(folder.file, &status)
            return status.st_mode & 0o7777
        }
        let stored = try StoredDocument(folder.file)
        #expect(permissions() == 0o600)
        chmod(folder.file, 0o640)
        try stored.file.writeAnew(stored.document, logFrom: stored.file.state.withLock { $0.end })
        #expect(permissions() == 0o640)
    }
}
