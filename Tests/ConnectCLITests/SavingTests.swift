import CConnectToLinux
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectCLI

@Suite("connect listen --save", .privateBus, .timeLimit(.minutes(1))) struct SavingTests {
    @Test("connect listen --save keeps a file's permissions under the umask, without setuid, setgid and sticky")
    func permissionsAreKeptUnderTheUmask() async throws {
        let outcome = try await Shell.run(
            """
            umask 022; mkdir to
            for mode in 600 444 755 7777; do echo 1 >$mode; chmod $mode $mode; done
            start l connect listen x --save to
            connect to x --file 600 444 755 7777; echo $?
            kill $pid; wait $pid; stat -c '%n %a' to/*
            """)
        #expect(outcome.lines == ["0", "to/444 444", "to/600 600", "to/755 755", "to/7777 755"])
    }

    @Test("connect listen --save keeps the holes of a file")
    func holesAreKept() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; truncate -s 1G holes; echo 1 >>holes; truncate -s 1100M holes
            echo 1 >begins; truncate -s 64M begins
            start l connect listen x --save to
            connect to x --file holes begins; echo $?
            kill $pid; wait $pid
            cmp holes to/holes && cmp begins to/begins && echo same
            test $(stat -c %b to/holes) -le $(stat -c %b holes) && echo sparse
            test $(stat -c %b to/begins) -le $(stat -c %b begins) && echo sparse
            """)
        #expect(outcome.lines == ["0", "same", "sparse", "sparse"])
    }

    @Test(
        "connect listen --save reports a file over ulimit -f, leaves nothing of it, and goes on",
        .disabled(if: isThreadSanitized, "the thread sanitizer keeps its own notes in a file over that size"))
    func fileOverTheSizeLimitIsReported() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; head -c 3000000 /dev/urandom >large; echo 1 >small
            start l sh -c 'ulimit -f 1000; exec connect listen x --save to'
            connect to x --file large small; echo $?
            kill $pid; ends $pid; said l; grep -o 'File too large.*' l.err; ls -A to
            """)
        #expect(outcome.lines == ["0", "143", "File too large); allow larger files (ulimit -f)", "small"])
    }

    @Test(
        "connect listen exits with 74 where its standard output exceeds ulimit -f",
        .disabled(if: isThreadSanitized, "the thread sanitizer keeps its own notes in a file over that size"))
    func outputOverTheSizeLimitIs74() async throws {
        let outcome = try await Shell.run(
            """
            head -c 3000000 /dev/zero | tr '\\0' 'x' >large
            start l sh -c 'ulimit -f 1000; exec connect listen x'
            connect to x --bytes <large; ends $pid; said l; grep -o 'File too large.*' l.err
            """)
        #expect(outcome.lines.first == "74")
        #expect(outcome.lines.last?.hasPrefix("File too large") == true)
    }

    @Test("connect listen --save that SIGKILL ends leaves no part of a file")
    func sigkillLeavesNoPartOfAFile() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; head -c 300000000 /dev/zero >large
            start l connect listen x --save to
            connect to x --file large & caller=$!
            until grep -q 'wchar: [0-9]\\{7\\}' /proc/$pid/io || test -e to/large; do :; done
            kill -9 $pid; wait $pid; wait $caller
            ls -A to | grep -v '^large$'
            """)
        #expect(outcome.lines == [])
    }

    @Test("Files with the names of unfinished ones do not keep listen --save from storing files")
    func takenNamesDoNotPreventSaving() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; start l connect listen x --save to
            for i in $(seq 20); do echo $i >to/.connect-$pid-$i.part; echo $i >honest-$i; done
            connect to x --file honest-*; echo $?
            kill $pid; wait $pid; ls to | wc -l
            """)
        #expect(outcome.lines == ["0", "20"])
    }

    @Test("connect listen --save --max-size refuses a larger file and names both sizes")
    func maxSizeRefusesLargerFiles() async throws {
        let outcome = try await Shell.run(
            """
            mkdir to; head -c 2048 /dev/zero >fits; head -c 2049 /dev/zero >large
            start l connect listen x --save to --max-size 2K
            connect to x --file large fits; echo $?
            kill $pid; wait $pid; said l; grep -o 'its 2049 bytes.*' l.err; ls to
            """)
        #expect(
            outcome.lines == ["0", "its 2049 bytes are over the limit of 2048; allow more with --max-size", "fits"])
    }

    @Test(
        "connect listen --save does not store a file that was passed without the right to read it",
        arguments: [O_WRONLY, CLINUX_O_PATH])
    func fileThatIsNotReadableIsNotSaved(_ mode: Int32) throws {
        let directory = try PrivateBus.current.directory
        let source = open(directory + "/source", O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        defer { close(source) }
        #expect(write(source, "12345", 5) == 5)
        let passed = open(directory + "/source", mode | O_CLOEXEC)
        defer { close(passed) }
        let store = try FileStore(directory, overwrites: false)
        let name = try #require(FileName(received: Array("copy".utf8)))
        let file = try #require(try RegularFile(passed))
        let failure = #expect(throws: Failure.self) { try store.save(file, as: name, FileWork()) { _ in } }
        #expect(failure?.message?.contains("open for reading") == true)
        #expect(access(directory + "/copy", F_OK) != 0)
    }

    @Test("Temporary names of listen --save cannot be guessed and do not stay")
    func temporaryNamesAreRandomAndRemoved() throws {
        let directory = try PrivateBus.current.directory
        let source = open(directory + "/source", O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        defer { close(source) }
        #expect(write(source, "12345", 5) == 5)
        let store = try FileStore(directory, overwrites: false, hasNamelessFiles: false)
        let name = try #require(FileName(received: Array("copy".utf8)))
        let file = try #require(try RegularFile(source))
        let before = try Self.names(in: directory)
        var during: Set<String> = []
        try store.save(file, as: name, FileWork()) { _ in
            during = (try? Self.names(in: directory).subtracting(before)) ?? []
        }
        #expect(during.count == 1 && during.first?.hasPrefix(".connect-") == true)
        #expect(try Self.names(in: directory).subtracting(before) == ["copy"])
        #expect(throws: Failure.self) { try store.save(file, as: name, FileWork()) { _ in } }
        let replacing = try FileStore(directory, overwrites: true, hasNamelessFiles: false)
        try replacing.save(file, as: name, FileWork()) { _ in }
        #expect(throws: Failure.self) {
            try replacing.save(file, as: name, FileWork()) { _ in replacing.abandon() }
        }
        #expect(try Self.names(in: directory).subtracting(before) == ["copy"])
    }

    private static func names(in directory: String) throws -> Set<String> {
        let stream = try #require(opendir(directory))
        defer { closedir(stream) }
        var names: Set<String> = []
        while let entry = readdir(stream) {
            names.insert(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                })
        }
        return names
    }
}
