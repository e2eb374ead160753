import ConnectToLinux
import Glibc
import Logging
import SystemPackage

extension StateFile {
    /// Opens a file, or makes one, and puts into a document what it has.
    ///
    /// A record that the end of the file cuts off is dropped: it was not acknowledged. Of a damaged file, a copy is
    /// kept, and what is before the damage is loaded.
    ///
    /// - Parameter document: without values; with an id that is not in the file.
    /// - Returns: the file, and what was damaged.
    static func open(
        at given: String, into document: inout Document, _ options: StateFileOptions = StateFileOptions()
    ) throws(FileFailure) -> (file: StateFile, damage: StateDamage?) {
        let path = withoutLinks(given)
        let file = try lock(path)
        var loaded = document
        do {
            // Only who has the lock writes it, and a program that has ended does not.
            unlink(newPath(path))
            let bytes = try file.read()
            let state = State(
                file: file, end: bytes.count, logStart: 0, saved: VersionVector(), longestLog: options.shortestLog)
            let result = StateFile(state, path: path, options: options)
            let damage = bytes.isEmpty ? nil : try result.load(bytes, into: &loaded)
            if bytes.isEmpty || damage != nil { try result.writeAnew(loaded, logFrom: bytes.count) }
            if let damage { options.logger?.error("\(damage)") }
            result.state.withLock { $0.saved = loaded.vector }
            document = loaded
            return (result, damage)
        } catch {
            throw .of(error, .notUsable, "load \(path)")
        }
    }

    /// Where the next content of a file is written before it is complete.
    static func newPath(_ path: String) -> String { path + ".new" }

    /// Opens and locks the file at a path, which is another one each time it has been written anew.
    private static func lock(_ path: String) throws(FileFailure) -> OpenFile {
        do {
            for _ in 0..<100 {
                let file = try OpenFile(at: path, creating: 0, permissions: 0o600)
                if !file.isRegular { throw FileFailure.notRegular(path) }
                if try file.lock() {
                    if file.isAt(path) { return file }
                } else if file.isAt(path) {
                    throw FileFailure.inUse(path, by: lockHolder(of: file.status), own: getpid())
                }
            }
        } catch {
            throw .of(error, .notUsable, "open \(path)")
        }
        throw .keepsMoving(path)
    }

    /// - Returns: the damage. A cut record is gone after this.
    private func load(_ bytes: [UInt8], into document: inout Document) throws(FileFailure) -> StateDamage? {
        let contents = try FileContents(bytes, of: path)
        for record in contents.records {
            do throws(StateViolation) {
                let message = try Replication.Message(decoding: bytes[record.body], limits: document.limits)
                try document.load(message)
            } catch {
                throw .violation(path, at: record.body.lowerBound - FileRecord.headerCount, error)
            }
        }
        state.withLock { $0.logStart = contents.records.first?.body.upperBound ?? 0 }
        switch contents.end {
        case .whole: return contents.isHeaderDamaged ? try keepAside(bytes, from: bytes.count) : nil
        case .damaged(let offset): return try keepAside(bytes, from: offset)
        case .cut(let offset):
            if contents.isHeaderDamaged { return try keepAside(bytes, from: offset) }
            let failure: SystemError? = state.withLock { state in
                state.end = offset
                state.hasRest = true
                do throws(SystemError) { try cutRest(&state) } catch { return error }
                return nil
            }
            if let failure { throw FileFailure(.notUsable, "cut off the incomplete end of \(path)", failure) }
            afterStep("ftruncate")
            return nil
        }
    }

    /// Copies a damaged file before anything is changed in it.
    private func keepAside(_ bytes: [UInt8], from offset: Int) throws(FileFailure) -> StateDamage {
        var time = tm()
        var now = Glibc.time(nil)
        gmtime_r(&now, &time)
        var name = [CChar](repeating: 0, count: 32)
        strftime(&name, name.count, "%Y%m%dT%H%M%SZ", &time)
        let base = path + ".damaged-" + String(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        for number in 1...1_000 {
            let copy = number == 1 ? base : "\(base)-\(number)"
            do throws(SystemError) {
                let file = try OpenFile(at: copy, creating: O_EXCL, permissions: 0o600)
                try file.write(bytes, at: 0)
                try file.synchronize()
                try synchronizeDirectory(of: copy)
                afterStep("copy")
                let isHeaderOnly = offset == bytes.count
                return StateDamage(
                    file: path, copy: copy, offset: isHeaderOnly ? 0 : offset, lostBytes: bytes.count - offset)
            } catch  where error.errno == .fileExists {
                continue
            } catch {
                unlink(copy)
                throw FileFailure(
                    .notUsable, "keep a copy of \(path), which is damaged at byte \(offset), so it was left as it is",
                    error)
            }
        }
        throw FileFailure(
            code: .notUsable,
            message: "\(path) is damaged at byte \(offset), and there are too many copies of it (\(base)-…); "
                + "move them elsewhere, and try again")
    }
}

extension Document {
    /// Takes what a file has.
    fileprivate mutating func load(_ message: Replication.Message) throws(StateViolation) {
        switch message {
        case .operations(let operations): _ = try apply(operations)
        case .edits(let operations): _ = try apply(operations)
        case .delta(let delta): _ = try join(delta)
        case .hello, .vector, .audit: throw StateViolation("a record is none that a file has")
        }
    }
}
