import ConnectToLinux
import Glibc
import Testing

@testable import ConnectToState

@Suite("A file of a state in trouble")
struct FileTroubleTests {
    private let folder = StateFolder()

    private func failure(of path: String) -> FileFailure? {
        #expect(throws: FileFailure.self) { try StoredDocument(path) }
    }

    @Test("A directory, a pipe, a missing directory and another program's file are refused with what to do")
    func notFiles() throws {
        #expect(
            failure(of: folder.path)?.message
                == "cannot open \(withoutLinks(folder.path)): it is a directory; name a file in it")
        mkfifo(folder.path + "/pipe", 0o600)
        #expect(
            failure(of: folder.path + "/pipe")?.message.hasSuffix(
                "pipe is not a regular file; name one, or a file that is not there") == true)
        #expect(
            failure(of: folder.path + "/none/state")?.message.hasSuffix("its directory is not there; create it") == true
        )
        try folder.write(Array("{\"a\": 1}\n".utf8))
        #expect(
            failure(of: folder.file)?.message.hasSuffix(
                "is not the file of a shared state, and was left as it is; name another") == true)
        #expect(folder.bytes() == Array("{\"a\": 1}\n".utf8))
    }

    @Test("A file of a later version is left as it is, and the later program is asked for")
    func versions() throws {
        let bytes = FileHeader.bytes(version: 2) + [1, 2, 3]
        try folder.write(bytes)
        #expect(
            failure(of: folder.file)?.message.hasSuffix(
                "has version 2 of the format, and this program reads version 1; use a later version of this program, or another file"
            ) == true)
        #expect(folder.bytes() == bytes)
        #expect(folder.names == ["state"])
    }

    @Test("A file with more than the limits allow is left as it is, and names the limit")
    func limits() throws {
        var stored = try StoredDocument(folder.file)
        for number in 0..<10 { try stored.set(StatePath(["\(number)"]), 1) }
        stored.file.close()
        let bytes = folder.bytes()
        var limits = StateLimits()
        limits.values = 5
        let failure = #expect(throws: FileFailure.self) { try StoredDocument(folder.file, limits: limits) }
        #expect(
            failure?.message.contains("the state would have 6 values, and the limit is 5. It was left as it is") == true
        )
        #expect(folder.bytes() == bytes)
    }

    @Test("A file that is removed while it is used makes writes fail, and they work again when it is back")
    func moving() throws {
        var stored = try StoredDocument(folder.file)
        try stored.set("a", 1)
        rename(folder.file, folder.path + "/elsewhere")
        let failure = #expect(throws: FileFailure.self) { try stored.set("a", 2) }
        #expect(
            failure?.message.contains("was removed, moved or replaced while this program used it, so nothing was saved")
                == true)
        #expect(stored.document.value(at: "a") == 1)
        rename(folder.path + "/elsewhere", folder.file)
        try stored.set("a", 3)
        stored.file.close()
        #expect(try StoredDocument(folder.file).document.value(at: "a") == 3)
    }

    @Test("What others write while the file is away is applied, and is in the file once it is back, before own writes")
    func behind() throws {
        var stored = try StoredDocument(folder.file)
        var other = Document()
        let first = try other.write([("theirs", 1)], now: 0).operations
        let second = try other.write([("theirs", 2), ("more", 3)], now: 0).operations
        rename(folder.file, folder.path + "/elsewhere")
        try stored.receive(first)
        try stored.receive(second)
        #expect(stored.document.value(at: "theirs") == 2)
        #expect(stored.file.problem != nil)
        rename(folder.path + "/elsewhere", folder.file)
        // Replaces what the file does not have yet.
        try stored.set("theirs", 4)
        #expect(stored.file.problem == nil)
        stored.file.close()
        let again = try StoredDocument(folder.file)
        #expect(again.document.value(at: "") == ["theirs": 4, "more": 3])
        #expect(again.document.vector == stored.document.vector)
    }
}
