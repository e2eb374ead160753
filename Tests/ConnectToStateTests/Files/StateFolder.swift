import ConnectToLinux
import Glibc

@testable import ConnectToState

/// A folder for the file of a state; gone at the end of the test.
final class StateFolder {
    let path: String
    var file: String { path + "/state" }

    init() {
        var template = Array("/tmp/connect-to-state-XXXXXX".utf8CString)
        mkdtemp(&template)
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        chmod(path, 0o700)
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func bytes(of name: String = "state") -> [UInt8]? {
        let number = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC)
        if number < 0 { return nil }
        return try? OpenFile(Descriptor(adopting: number)).read()
    }

    func write(_ bytes: [UInt8], to name: String = "state") throws {
        let file = try OpenFile(at: "\(path)/\(name)", creating: O_TRUNC, permissions: 0o600)
        try file.write(bytes, at: 0)
    }

    func remove(_ name: String) { unlink("\(path)/\(name)") }
}

/// A replica with a file, as a shared state has them together.
struct StoredDocument {
    var document: Document
    let file: StateFile
    let damage: StateDamage?

    init(_ path: String, _ options: StateFileOptions = StateFileOptions(), limits: StateLimits = StateLimits()) throws {
        document = Document(limits: limits)
        (file, damage) = try StateFile.open(at: path, into: &document, options)
    }

    /// Writes to the file first, and to the document if that worked.
    mutating func set(_ path: StatePath, _ value: StateValue?) throws {
        var writing = document.beginWriting(now: 0)
        try writing.write(path, value)
        try file.save(.operations(writing.operations), of: document, isOwn: true)
        _ = document.commit(writing)
    }

    /// Applies what comes from another replica; what cannot be saved is applied all the same.
    mutating func receive(_ operations: [Operation]) throws {
        let applied = try document.apply(operations)
        try? file.save(.operations(applied.operations), of: document, isOwn: false)
    }

    /// Waits until the file is not written anew any more.
    func awaitCompaction() {
        while file.state.withLock({ $0.isCompacting }) { file.compaction.withLock { _ in } }
    }
}
