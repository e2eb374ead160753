import ConnectToLinux
import Glibc
import Testing

@testable import ConnectToState

@Suite("Compaction of a state's file")
struct FileCompactionTests {
    private let folder = StateFolder()

    @Test("A file that is written again and again does not grow beyond its content, and loses nothing")
    func size() throws {
        var options = StateFileOptions()
        options.shortestLog = 1_000
        var stored = try StoredDocument(folder.file, options)
        for number in 1...2_000 {
            try stored.set("number", .integer(Int64(number)))
            if number % 100 == 0 { stored.awaitCompaction() }
        }
        #expect(try #require(folder.bytes()).count < 20_000)
        #expect(folder.names == ["state"])
        stored.file.close()
        let again = try StoredDocument(folder.file)
        #expect(again.document.value(at: "number") == 2_000)
        #expect(again.document.vector == stored.document.vector)
    }

    /// What is on the disk after each call is what a program leaves that is killed there.
    @Test("A program that is killed after any call of a compaction leaves a file with all that was acknowledged")
    func kills() throws {
        let acknowledged = Lock(0)
        let left = Lock([(step: String, acknowledged: Int, files: [(String, [UInt8])])]())
        var options = StateFileOptions()
        options.shortestLog = 500
        let folder = folder.path
        options.afterStep = { step in
            let there = StateFolderReading(folder)
            left.withLock { left in
                left.append((step, acknowledged.withLock { $0 }, there.files))
            }
        }
        var stored = try StoredDocument(self.folder.file, options)
        for number in 1...100 {
            try stored.set("number", .integer(Int64(number)))
            acknowledged.withLock { $0 = number }
        }
        stored.awaitCompaction()
        stored.file.close()
        let moments = left.withLock { $0 }
        let steps = Set(moments.map(\.step))
        #expect(steps.isSuperset(of: ["pwrite", "open", "fchmod", "pwrite of the snapshot", "fsync", "rename"]))
        for moment in moments where moment.files.contains(where: { $0.0 == "state" && !$0.1.isEmpty }) {
            let after = StateFolder()
            for (name, bytes) in moment.files { try after.write(bytes, to: name) }
            let again = try StoredDocument(after.file)
            #expect(again.damage == nil, "killed after \(moment.step)")
            let value = again.document.value(at: "number")
            let isThere =
                if case .integer(let number)? = value { number >= moment.acknowledged } else {
                    moment.acknowledged == 0
                }
            #expect(
                isThere,
                "killed after \(moment.step): \(String(describing: value)), \(moment.acknowledged) acknowledged")
            #expect(after.names == ["state"])
        }
    }

    @Test("A directory that may not be written any more leaves the file as it is, and writes go on")
    func readOnlyDirectory() throws {
        // In a folder that stands in the way of the new file, since permissions do not keep root out.
        var options = StateFileOptions()
        options.shortestLog = 500
        var stored = try StoredDocument(folder.file, options)
        mkdir(folder.file + ".new", 0o700)
        defer { rmdir(folder.file + ".new") }
        for number in 1...100 { try stored.set("number", .integer(Int64(number))) }
        stored.awaitCompaction()
        #expect(stored.file.state.withLock { $0.longestLog } > 500)
        stored.file.close()
        #expect(try StoredDocument(folder.file).document.value(at: "number") == 100)
    }
}

/// What is in a folder, read from any thread.
private struct StateFolderReading {
    let files: [(String, [UInt8])]

    init(_ path: String) {
        files = ["state", "state.new"].compactMap { name in
            let number = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC)
            guard number >= 0, let bytes = try? OpenFile(Descriptor(adopting: number)).read() else { return nil }
            return (name, bytes)
        }
    }
}
