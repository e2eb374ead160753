import ConnectToTesting
import SystemPackage
import Testing

@testable import ConnectCLI

@Suite("to --file, to --bytes and listen --save", .privateBus, .timeLimit(.minutes(1))) struct FileTests {
    @Test("connect listen shows the files that it receives, with name and size")
    func listenShowsReceivedFiles() async throws {
        let outcome = try await Shell.run(
            """
            mkdir dir; printf 12345 >dir/'a b'; printf 1 >"$(printf 'new\\nline')"
            start l connect listen x; l=$pid
            start j connect listen y --json; j=$pid
            connect to x hello --file dir/'a b' "$(printf 'new\\nline')" /dev/null; echo $?
            connect to y --file dir/'a b' /dev/null; echo $?
            kill $l $j; wait $l $j; cat l.out; grep -o '"text".*' j.out
            """)
        #expect(
            outcome.lines == [
                "0", "0", "hello", "file a b (5 bytes)", #"file new\nline (1 byte)"#,
                "file null (not a regular file)", #""text":"a b","files":[{"name":"a b","size":5}],"transferred":1}"#,
                #""text":"null","files":[{"name":"null","size":null}],"transferred":1}"#,
            ])
    }

    @Test("connect listen --save stores files whole, and overwrites existing ones only with --force")
    func saveStoresFilesWhole() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; seq 1 300000 >data; seq 1 10 >other
            start l connect listen x --save to
            connect to x --file data other; echo $?
            cmp data to/data && cmp other to/other && echo same
            cp other keep; echo new >other
            connect to x --file other; echo $?
            cmp keep to/other && echo kept
            kill $pid; wait $pid; cat l.out; said l; grep -c force l.err
            start f connect listen y --save to --force --json
            connect to y --file other; echo $?
            cmp other to/other && echo overwritten
            kill $pid; wait $pid; grep -o '"files".*' f.out; ls -A to
            """)
        #expect(
            outcome.lines == [
                "0", "same", "0", "kept", "file data (1988895 bytes)", "file other (21 bytes)", "1", "0",
                "overwritten", #""files":[{"name":"other","size":4,"saved":true}],"transferred":1}"#, "data", "other",
            ])
    }

    @Test("connect listen --save --once exits with 74 for a file that it could not save, and leaves nothing behind")
    func unsavedFileIs74WithOnce() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; echo 1 >file; ln -s ../target to/file
            start l connect listen x --save to --once
            connect to x --file file; echo $?
            ends $pid; ls -A to; test -e target || echo untouched
            start m connect listen x --save to --once
            connect to x --file /dev/zero; ends $pid; ls -A to
            """)
        #expect(outcome.lines == ["0", "74", "file", "untouched", "74", "file"])
    }

    @Test(
        "connect listen --save stores a file that grows at the length it had, and reports one that its own end interrupts"
    )
    func growingFileIsSavedAtItsFirstLength() async throws {
        let directory = try PrivateBus.current.directory
        let path = directory + "/source"
        let source = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .truncate], permissions: .ownerReadWrite)
        defer { try? source.close() }
        try source.writeAll([UInt8](repeating: 1, count: 3 << 20))
        let store = try FileStore(directory, overwrites: true)
        let name = try #require(FileName(received: Array("copy".utf8)))
        try store.save(#require(try RegularFile(source.rawValue)), as: name, FileWork()) { _ in
            _ = try? source.resize(to: 9 << 20)
        }
        let copy = try FileDescriptor.open(FilePath(directory + "/copy"), .readOnly)
        #expect(try copy.closeAfter { try copy.seek(offset: 0, from: .end) } == 3 << 20)
        let failure = #expect(throws: Failure.self) {
            try store.save(#require(try RegularFile(source.rawValue)), as: name, FileWork()) { _ in store.abandon() }
        }
        #expect(failure?.message?.contains("the listener ended before the file was whole") == true)
    }

    @Test(
        "The received name of a file never chooses a path",
        arguments: [
            ("../../etc/passwd", "passwd"), ("/etc/passwd", "passwd"), ("a/b/c", "c"), ("plain", "plain"),
            ("...", "..."), ("-rf", "-rf"), ("\u{1B}[2J", "\u{1B}[2J"), ("", nil), (".", nil), ("..", nil),
            ("a/..", nil), ("a/", nil), ("/", nil), ("a\0b", nil), (String(repeating: "n", count: 256), nil),
        ])
    func receivedNameChoosesNoPath(_ received: String, _ expected: String?) {
        #expect(FileName(received: Array(received.utf8))?.bytes == expected.map { Array($0.utf8) })
    }

    @Test("Control characters in the received name of a file are escaped for people")
    func receivedNameIsEscapedForPeople() {
        #expect(FileName(received: Array("a\u{1B}[2J\n".utf8))?.label == #"a\u{1B}[2J\n"#)
    }

    @Test("The progress bar shows the part of a file that has arrived")
    func progressBarShowsThePart() {
        #expect(ProgressBar.line("x", 0, of: 10) == "x [..............................] 0 %")
        #expect(ProgressBar.line("x", 5, of: 10) == "x [###############...............] 50 %")
        #expect(ProgressBar.line("x", 20, of: 10) == "x [##############################] 100 %")
    }

    @Test("connect to --bytes sends standard input as one message of at most 64 MiB")
    func bytesSendsInputAsOneMessage() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --json
            printf 'one\\ntwo\\0' | connect to x --bytes; echo $?
            connect to x --bytes </dev/null; echo $?
            head -c 67108865 /dev/zero | connect to x --bytes; echo $?
            head -c 67108864 /dev/zero | connect to x --bytes; echo $?
            kill $pid; wait $pid
            grep -o '"base64":".\\{0,12\\}' l.out | cut -c 11-23
            """)
        #expect(
            outcome.lines == ["0", "0", "65", "0", "b25lCnR3bwA=", "\"}", "AAAAAAAAAAAA"])
        #expect(outcome.errors.contains("64 MiB"))
    }

    @Test("connect to --file exits with 65 for a file that it cannot read, before it sends anything")
    func unreadableFileIs65BeforeAnythingIsSent() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x; echo 1 >there
            connect to x hello --file there not-there; echo $?
            kill $pid; wait $pid; cat l.out
            """)
        #expect(outcome.lines == ["65"])
        #expect(outcome.errors.contains("not-there"))
    }
}
