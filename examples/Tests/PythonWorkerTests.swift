import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import ConnectToWorkers
import Foundation
import Testing

@Suite(
    "A worker in Python", .privateBus, .timeLimit(.minutes(1)),
    .enabled("There is no /usr/bin/python3") { FileManager.default.fileExists(atPath: "/usr/bin/python3") })
struct PythonWorkerTests {
    @Test("A Python worker does tasks of bytes, text, JSON, nothing and files, and its failures arrive whole")
    func payloads() async throws {
        let worker = try await WorkerProcess.start(.python)
        let calls = worker.messenger
        #expect(try await calls.request("echo", .bytes([0, 255])).bytes == [0, 255])
        #expect(try await calls.request("echo", .text("größer")).text == "größer")
        #expect(try await calls.request("echo", .json("{\"n\": 1}")).decode([String: Int].self) == ["n": 1])
        #expect(try await calls.request("echo").kind == nil)
        let gift = OutgoingMessage.text("a file", transfer: [.file(try openFile(file("from the parent\n")))])
        #expect(
            try await calls.request("echo", gift).transferred.compactMap(\.file).map(contents) == ["from the parent\n"])
        let failure = await #expect(throws: CallError.self) { try await calls.request("fail", .json("3")) }
        #expect(failure?.code.rawValue == "com.example.no-disk")
        #expect(failure?.message == "there is no disk")
        await worker.terminate()
    }

    @Test("What a Python worker prints goes to its parent, and is no part of an answer")
    func printing() async throws {
        let worker = try await WorkerProcess.start(
            .python(
                """
                def chat(call):
                    print("from print")
                    print(input())
                worker.work({"chat": chat})
                """))
        let failure = await #expect(throws: CallError.self) { try await worker.messenger.request("chat") }
        #expect(failure?.message.contains("EOFError") == true)
        let exit = await worker.terminate()
        #expect(exit.errorLines.contains("from print"))
    }

    @Test("Swift and Python workers of one pool make the same thumbnails")
    func onePool() async throws {
        let album = try TestAlbum()
        for number in 1...20 { try album.add("\(number).ppm", width: 131, height: 90 + number) }
        // The first worker that starts is the one in Swift.
        let script = """
            if mkdir "$0" 2>/dev/null; then exec "$1" --worker; else exec "$2" "$3"; fi
            """
        let (python, swift) = (Example.pythonWorker, Example.built("thumbnails"))
        let mixed = [
            "/bin/sh", "-c", script, album.output + "-first", swift.executable, python.executable, python.arguments[0],
        ]
        let pool = WorkerPool(
            .executable(mixed[0], arguments: Array(mixed.dropFirst())), limits: WorkerLimits(minimum: 2, maximum: 2))
        var ready = 0
        for await event in pool.events {
            if case .ready = event { ready += 1 }
            if ready == 2 { break }
        }
        // Both take a share of what comes at once: only the one in Python knows this task.
        let answers = await withTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do throws(CallError) {
                        return try await pool.run("echo", .text("Python")).text ?? ""
                    } catch { return "\(error.code)" }
                }
            }
            return await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(answers == ["Python", "unknown-type"])
        await pool.terminate()

        let inSwift = try await outcome(of: swift, album.pictures, album.output)
        let inPython = try await outcome(
            of: swift, album.pictures, album.output + "-python", python.executable, python.arguments[0])
        let inBoth = try await outcome(of: swift, [album.pictures, album.output + "-mixed"] + mixed)
        for done in [inSwift, inPython, inBoth] { #expect(done.output.hasSuffix("20 thumbnails, 0 failures\n")) }
        for number in 1...20 {
            let expected = try album.thumbnail("\(number).ppm")
            #expect(try album.thumbnail("\(number).ppm", in: album.output + "-python") == expected)
            #expect(try album.thumbnail("\(number).ppm", in: album.output + "-mixed") == expected)
        }
    }

    @Test(
        "A Python worker ends with its parent while a handler computes, and ends the process that it has started",
        arguments: ["def", "async def"])
    func endOfTheParent(definition: String) async throws {
        let album = try TestAlbum()
        try album.add("a.ppm", width: 10, height: 10)
        let fifo = album.output + ".fifo"
        try #require(mkfifo(fifo, 0o600) == 0)
        // The pipe has an end when all that have it open are gone: the worker, and the process that it has started.
        let program = """
            import os, subprocess, worker
            pipe = os.open("\(fifo)", os.O_WRONLY)
            os.set_inheritable(pipe, True)
            \(definition) render(call):
                subprocess.Popen(["sleep", "1000"], close_fds=False)
                os.write(pipe, b"computing\\n")
                while True: pass
            worker.work({"render": render})
            """
        try await withProcess("/bin/cat", [fifo]) { pipe in
            try await withExample(
                .built("thumbnails"), album.pictures, album.output, "/usr/bin/python3", "-c", program
            ) { parent in
                #expect(await pipe.line() == "computing")
                parent.kill()
                #expect(await pipe.line() == nil)
            }
        }
    }

    @Test("A Python worker whose task has run out of time takes the next one when the handler has ended")
    func cancel() async throws {
        let pool = WorkerPool(
            .python(
                """
                import time
                computing = []
                def compute(call):
                    computing.append(call)
                    while not call.is_cancelled: time.sleep(0.001)
                    time.sleep(0.2)
                    computing.clear()
                def count(call): return len(computing)
                worker.work({"compute": compute, "count": count})
                """), limits: WorkerLimits(maximum: 1))
        let late = await #expect(throws: CallError.self) { try await pool.run("compute", within: .milliseconds(200)) }
        #expect(late?.code == .timedOut)
        #expect(try await pool.run("count").decode(Int.self) == 0)
        await pool.terminate()
    }
}

extension WorkerProgram {
    /// `worker.py` as it is.
    fileprivate static var python: WorkerProgram {
        let example = Example.pythonWorker
        return .executable(example.executable, arguments: example.arguments)
    }

    /// A program that uses `worker.py`.
    fileprivate static func python(_ program: String) -> WorkerProgram {
        let example = Example.python("import worker\n" + program)
        var worker = WorkerProgram.executable(example.executable, arguments: example.arguments)
        worker.environment["PYTHONPATH"] = Example.pythonPath
        worker.environment["PYTHONDONTWRITEBYTECODE"] = "1"
        return worker
    }
}
