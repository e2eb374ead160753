/// What was found in a file that is not as it was written: see ``SharedState/fileDamage``.
public struct StateDamage: Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public let file: String
    /// A copy of it as it was found.
    public let copy: String
    /// The first byte that cannot be believed. What was written before it is there.
    public let offset: Int
    /// How many bytes from there on were not loaded; 0 where only the first 16 bytes, which hold no values, had changed.
    public let lostBytes: Int

    public var description: String {
        lostBytes == 0
            ? "\(file) was damaged in its first \(offset + FileHeader.count) bytes; all values were loaded, and \(copy) "
                + "is the file as it was found"
            : "\(file) is damaged at byte \(offset): what was written before was loaded, and the \(lostBytes) bytes from "
                + "there on were not. \(copy) is the file as it was found; look whether the disk or another program "
                + "damages files, and restore a backup if values are missing"
    }
}
