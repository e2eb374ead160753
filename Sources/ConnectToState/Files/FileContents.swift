/// What is in the bytes of a file, without looking into the messages of its records.
struct FileContents: Equatable {
    /// How a file ends.
    enum End: Equatable {
        case whole
        /// In the middle of its last record, which begins here: the program was killed while it wrote it.
        case cut(at: Int)
        /// From here on nothing can be believed.
        case damaged(at: Int)
    }

    private(set) var records: [FileRecord] = []
    private(set) var end = End.whole
    /// Whether the first bytes, before all records, have changed.
    let isHeaderDamaged: Bool

    /// - Parameter path: the file, for the error.
    init(_ bytes: [UInt8], of path: String) throws(FileFailure) {
        switch FileHeader.look(at: bytes) {
        case .good: isHeaderDamaged = false
        case .damaged: isHeaderDamaged = true
        case .foreign: throw .foreign(path)
        case .otherVersion(let version): throw .otherVersion(path, version)
        }
        var offset = FileHeader.count
        while offset < bytes.count || records.isEmpty {
            switch FileRecord.read(from: bytes, at: offset) {
            case .whole(let record):
                guard let kind = FileRecord.Kind(rawValue: record.kind) else {
                    throw .laterRecord(path, record.kind, at: offset)
                }
                if (kind == .snapshot) != records.isEmpty {
                    end = .damaged(at: offset)
                    return
                }
                records.append(record)
                offset = record.body.upperBound
            case .cut:
                // A file comes to its place with a whole snapshot, so this is not what a killed program leaves.
                end = records.isEmpty ? .damaged(at: min(offset, bytes.count)) : .cut(at: offset)
                return
            case .damaged:
                end = .damaged(at: offset)
                return
            }
        }
    }
}
