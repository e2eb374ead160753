import ConnectTo
import ConnectToState
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("Shared states with files, in processes that are killed", .privateBus, .timeLimit(.minutes(5)))
struct SharedFileTests {
    private static let program = products + "/ConnectToTestReplica"
    private let folder = StateFolder()

    private func lastEntry(of state: SharedState) throws -> Int { try state.value(at: "last", as: Int.self) ?? 0 }

    /// Each entry is there up to the last one, and none is there that is not.
    private func check(_ state: SharedState, acknowledged: Int) throws {
        let last = try lastEntry(of: state)
        // One may have been written and not yet acknowledged.
        #expect((acknowledged...acknowledged + 1).contains(last))
        let entries = try state.value(at: "entries", as: [String: Int].self) ?? [:]
        #expect(entries == Dictionary(uniqueKeysWithValues: (0..<last).map { ("\($0 + 1)", $0 + 1) }))
    }

    @Test("All that was acknowledged to a process is in its file after SIGKILL, fifty times")
    func kills() async throws {
        var acknowledged = 0
        for round in 1...50 {
            try await withProcess(Self.program, ["write", folder.file]) { process in
                for _ in 0..<(round * 37 % 100) { _ = await process.line().map { acknowledged = Int($0) ?? -1 } }
                process.kill()
                while let line = await process.line() { acknowledged = Int(line) ?? -1 }
            }
            let state = try SharedState(at: folder.file)
            try check(state, acknowledged: acknowledged)
            acknowledged = try lastEntry(of: state)
            #expect(state.fileDamage == nil)
            await state.close()
            #expect(folder.names == ["state"])
            // Large enough to have been written anew; to load a larger one only takes longer.
            if acknowledged > 500 {
                folder.remove("state")
                acknowledged = 0
            }
        }
    }

    @Test("Another process that has the file is named, and the file is free when that process is killed")
    func inUse() async throws {
        try await withProcess(Self.program, ["hold", folder.file]) { process in
            #expect(await process.line() == "open")
            let error = #expect(throws: StateError.self) { try SharedState(at: folder.file) }
            #expect(error?.code == .fileInUse)
            #expect(
                error?.message.hasSuffix(
                    "is in use by process \(process.processID); end that process, or use another file") == true)
            process.kill()
            while await process.line() != nil {}
        }
        _ = try SharedState(at: folder.file)
    }

    @Test("A write that the disk has no room for throws and leaves the file as it was, and later ones go on")
    func fullDisk() async throws {
        let acknowledged = try await withProcess(Self.program, ["full", folder.file]) { process in
            var acknowledged = 0
            var line = await process.line()
            while let number = line.flatMap({ Int($0) }) {
                acknowledged = number
                line = await process.line()
            }
            #expect(
                line?.hasSuffix(
                    "state, so nothing was saved: it may not become larger; raise the limit (ulimit -f), or use another file system"
                ) == true)
            #expect(await process.line() == "saved")
            return acknowledged
        }
        #expect(acknowledged > 1)
        let state = try SharedState(at: folder.file)
        #expect(state.fileDamage == nil)
        #expect(state.value(at: "after") == true)
        #expect(try lastEntry(of: state) == acknowledged)
        try check(state, acknowledged: acknowledged)
    }

    @Test("An owner that is killed after any message returns with its file, and what it had written is everywhere once")
    func takeover() async throws {
        let address = try PrivateBus.current.address
        let other = SharedState()
        var acknowledged = 0
        for round in 1...8 {
            try await withProcess(Self.program, ["share", folder.file, address]) { process in
                #expect(await process.line() == "shared")
                if round == 1 { try await other.share(as: "notes", on: Bus.at(address)) }
                // Nothing but the file may have what the process writes last.
                try await process.type("\(acknowledged + round)")
                for _ in 0..<round { _ = await process.line().map { acknowledged = Int($0) ?? -1 } }
                process.kill()
                while await process.line() != nil {}
            }
            try other.set(StatePath(["others", "\(round)"]), to: .integer(Int64(round)))
        }
        // It returns, finds the other one as the owner of the name, and brings what that one lacks.
        let changes = other.changes.sets
        try await withProcess(Self.program, ["share", folder.file, address]) { process in
            #expect(await process.line() == "shared")
            var iterator = changes.makeAsyncIterator()
            while try lastEntry(of: other) < acknowledged, await iterator.next() != nil {}
        }
        try check(other, acknowledged: acknowledged)
        await other.close()
        let state = try SharedState(at: folder.file)
        try check(state, acknowledged: acknowledged)
        #expect(try state.value(at: "others", as: [String: Int].self)?.count == 8)
        #expect(state.snapshot.value() == other.snapshot.value())
    }
}
