import ConnectToLinux
import Glibc
import Logging
import SystemPackage

/// The file of a shared state: everything at one moment, and after it what came since, record by record
/// (dbus/STATE.md, appendix).
///
/// A record is appended on the thread on which the operation happens, with one write(2) into the kernel's memory: on the
/// caller's thread for a write of this program, on the loop's for what comes over a line. That call does not wait for a
/// disk, unless more was written than the kernel lets wait; what does wait (fsync, and writing everything anew) has a
/// thread of its own for the time that it takes.
///
/// What comes from another replica and cannot be saved is applied all the same, and sent on: refusing it would end the
/// line, and the others have it. The file then lacks it, as a replica does that was away, and gets the difference with
/// the next record that can be written. Nothing of this program is saved before that, so the file never has an
/// operation without those that it rests on.
final class StateFile: Sendable {
    struct State {
        var file: OpenFile
        /// Where the next record goes.
        var end: Int
        /// Where the first record after the snapshot begins.
        var logStart: Int
        /// What the file has.
        var saved: VersionVector
        /// What could not be saved; nil: the file has everything.
        var failure: FileFailure?
        /// When to try again to save what others write, in nanoseconds.
        var nextTry: UInt64 = 0
        /// Whether there may be bytes behind the end.
        var hasRest = false
        var isCompacting = false
        /// How long the log may become before it is compacted.
        var longestLog: Int
        var isClosed = false
    }

    let path: String
    let durability: StateDurability
    /// The log is never compacted before it has so many bytes.
    let shortestLog: Int
    let logger: Logger?
    let state: Lock<State>
    /// Is held while the file is written anew.
    let compaction = Lock(())
    /// For tests: after each call that changes something on the disk.
    let afterStep: @Sendable (String) -> Void

    init(
        _ state: State, path: String, options: StateFileOptions
    ) {
        self.path = path
        self.durability = options.durability
        self.shortestLog = options.shortestLog
        self.logger = options.logger
        self.afterStep = options.afterStep
        self.state = Lock(state)
    }

    /// What keeps the file from having everything, for people; nil: it has.
    var problem: FileFailure? { state.withLock { $0.failure } }

    /// Saves what the document learns. Called in the order in which that is applied.
    ///
    /// - Parameters:
    ///   - document: with it or still without.
    ///   - isOwn: whether this program has written it.
    /// - Throws: ``FileFailure``: the file is as it was.
    func save(
        _ applied: Replication.Applied, of document: Document, isOwn: Bool
    ) throws(FileFailure) {
        let compacts = try state.withLock { state throws(FileFailure) in
            let isApplied = applied.isKnown(in: document.vector)
            if isApplied, let failure = state.failure, now() < state.nextTry { throw failure }
            let end = state.end
            do throws(FileFailure) {
                try append(applied, of: document, isOwn: isOwn, &state)
            } catch {
                // What is not applied will not be, so the file does not lack it.
                if isApplied {
                    if state.failure == nil { logger?.error("\(error.message)") }
                    state.failure = error
                    state.nextTry = now() + 1_000_000_000
                }
                throw error
            }
            guard !state.isCompacting, state.end - state.logStart > state.longestLog else { return nil as Int? }
            state.isCompacting = true
            return end
        }
        if let compacts { startCompaction(document, logFrom: compacts) }
    }

    private func append(
        _ applied: Replication.Applied, of document: Document, isOwn: Bool, _ state: inout State
    ) throws(FileFailure) {
        if state.isClosed { throw .closed(path) }
        var records: [UInt8] = []
        if state.failure != nil {
            records += try record(.message, .delta(document.delta(since: state.saved)))
        }
        records += try record(.message, applied.message)
        if !state.file.isAt(path) { throw .moved(path) }
        do throws(SystemError) {
            try cutRest(&state)
            // Until all is there, a part of it may be.
            state.hasRest = true
            try state.file.write(records, at: state.end)
            if isOwn, durability == .power {
                try systemCall("fdatasync") { fdatasync(state.file.descriptor.rawValue) }
            }
        } catch {
            try? cutRest(&state)
            throw FileFailure(.notSaved, "write to \(path), so nothing was saved", error)
        }
        state.hasRest = false
        state.end += records.count
        if state.failure != nil {
            state.failure = nil
            state.saved.formUnion(document.vector)
            logger?.notice("\(path) has everything again")
        }
        applied.note(in: &state.saved)
        afterStep("pwrite")
    }

    func record(_ kind: FileRecord.Kind, _ message: Replication.Message) throws(FileFailure) -> [UInt8] {
        let record = FileRecord.bytes(kind, message)
        if record.count - FileRecord.headerCount > UInt32.max { throw .tooLarge(path) }
        return record
    }

    /// Cuts off what a failed write has left: it is in the way, and would be there after the next start.
    func cutRest(_ state: inout State) throws(SystemError) {
        if !state.hasRest { return }
        try state.file.cut(at: state.end)
        state.hasRest = false
    }

    /// Gives the file to the next program. Waits while it is written anew, which ends soon.
    func close() {
        state.withLock { $0.isClosed = true }
        compaction.withLock { _ in }
        // Closing alone would leave the lock while something else holds the descriptor for a moment.
        state.withLock { _ = flock($0.file.descriptor.rawValue, LOCK_UN) }
    }

    private func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// How a file is kept.
struct StateFileOptions: Sendable {
    var durability = StateDurability.process
    var shortestLog = 256 << 10
    var logger: Logger?
    var afterStep: @Sendable (String) -> Void = { _ in }
}

extension Replication.Applied {
    var message: Replication.Message {
        switch self {
        case .operations(let operations): .operations(operations)
        case .edits(let operations): .edits(operations)
        case .delta(let delta): .delta(delta)
        }
    }

    fileprivate func isKnown(in vector: VersionVector) -> Bool {
        switch self {
        case .operations(let operations): operations.last.map { vector.contains($0.dot) } ?? true
        case .edits(let operations): operations.last.map { vector.contains($0.lastDot) } ?? true
        case .delta(let delta): vector.covers(delta.vector)
        }
    }

    fileprivate func note(in vector: inout VersionVector) {
        switch self {
        case .operations(let operations): for operation in operations { vector.insert(operation.dot) }
        case .edits(let operations): for operation in operations { vector.insert(operation.lastDot) }
        case .delta(let delta): vector.formUnion(delta.vector)
        }
    }
}
