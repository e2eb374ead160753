import ConnectToLinux
import Glibc
import Logging
import SystemPackage

extension StateFile {
    /// Writes the file anew, on a thread of its own.
    ///
    /// - Parameters:
    ///   - document: at least what the file had at an offset.
    ///   - offset: what is from here on in the file is copied.
    func startCompaction(_ document: Document, logFrom offset: Int) {
        do {
            try startDetachedThread(named: "state file") { [self] in compact(document, logFrom: offset) }
        } catch {
            finishCompaction(FileFailure(.notSaved, "start a thread that compacts \(path)", error))
        }
    }

    private func compact(_ document: Document, logFrom offset: Int) {
        do throws(FileFailure) {
            try writeAnew(document, logFrom: offset)
            finishCompaction(nil)
        } catch {
            finishCompaction(error)
        }
    }

    private func finishCompaction(_ failure: FileFailure?) {
        let isClosed = state.withLock { state in
            state.isCompacting = false
            // What did not work is not tried again with each record.
            state.longestLog =
                failure == nil ? max(state.logStart, shortestLog) : 2 * max(state.end - state.logStart, shortestLog)
            return state.isClosed
        }
        if let failure, !isClosed { logger?.warning("\(failure.message); the file goes on as it is, and grows") }
    }

    /// Writes a new file with a snapshot and the end of this one, and puts it in the place of this one. Whenever the
    /// process or the machine ends, one of the two is there, whole.
    func writeAnew(_ document: Document, logFrom offset: Int) throws(FileFailure) {
        let failure: FileFailure? = compaction.withLock { _ in
            do throws(FileFailure) { try replace(document, offset) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    private func replace(_ document: Document, _ offset: Int) throws(FileFailure) {
        let newPath = Self.newPath(path)
        let snapshot = FileHeader.bytes + (try record(.snapshot, .delta(document.completeDelta())))
        if state.withLock({ $0.isClosed }) { throw .closed(path) }
        do {
            unlink(newPath)
            let file = try OpenFile(at: newPath, creating: O_EXCL | O_NOFOLLOW, permissions: 0o600)
            afterStep("open")
            do {
                try fill(file, snapshot, offset)
            } catch {
                unlink(newPath)
                throw error
            }
            try synchronizeDirectory(of: path)
        } catch {
            throw .of(error, .notSaved, "write \(newPath), which is to replace \(path)")
        }
        afterStep("fsync of the directory")
    }

    private func fill(_ file: OpenFile, _ snapshot: [UInt8], _ offset: Int) throws {
        let old = state.withLock { $0.file }
        // The permissions that the file has by now, whatever the umask is.
        try systemCall("fchmod") { fchmod(file.descriptor.rawValue, old.permissions) }
        afterStep("fchmod")
        // The next program that looks for the file finds it locked.
        _ = try file.lock()
        try file.write(snapshot, at: 0)
        afterStep("pwrite of the snapshot")
        var copied = offset
        var end = snapshot.count
        // All but a little of the log is copied while it still grows.
        for _ in 0..<3 {
            let records = try old.read(from: copied).prefix(max(0, state.withLock { $0.end } - copied))
            if records.isEmpty { break }
            try file.write(Array(records), at: end)
            afterStep("pwrite of the log")
            copied += records.count
            end += records.count
        }
        try file.synchronize()
        afterStep("fsync")
        try state.withLock { state in
            if state.isClosed { throw FileFailure.closed(path) }
            if !old.isAt(path) { throw FileFailure.moved(path) }
            try cutRest(&state)
            let rest = try old.read(from: copied)
            try file.write(rest, at: end)
            if !rest.isEmpty, durability == .power { try file.synchronize() }
            try systemCall("rename") { rename(Self.newPath(path), path) }
            state.file = file
            state.logStart = snapshot.count
            state.end = end + rest.count
            state.hasRest = false
        }
        afterStep("rename")
    }
}

extension OpenFile {
    /// As they are now.
    fileprivate var permissions: mode_t {
        var now = stat()
        return (fstat(descriptor.rawValue, &now) == 0 ? now.st_mode : status.st_mode) & 0o777
    }
}
