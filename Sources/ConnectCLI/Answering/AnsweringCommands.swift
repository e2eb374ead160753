import ConnectToLinux
import ConnectToMessaging

/// Where the commands are that answer requests.
enum AnsweringCommands: Sendable {
    /// One command, for one type.
    case one(type: String, words: [[UInt8]])
    /// A directory of executables, each with the name of the type that it answers.
    case directory([UInt8])

    /// The command and its arguments. A directory is looked at each time, so that executables may come and go.
    /// - Throws: ``CallFailure`` where there is no command for the type.
    func words(for type: String) throws(CallFailure) -> [[UInt8]] {
        switch self {
        case .one(_, let words): return words
        case .directory(let directory):
            let name = Array(type.utf8)
            // Nothing outside of the directory, nothing hidden.
            if name.first != UInt8(ascii: "."), !name.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
                let path = directory + [UInt8(ascii: "/")] + name
                if ProgramPath.isExecutable(path) { return [path] }
            }
            throw CallFailure(.unknownType, "there is no handler for the request \(type)")
        }
    }
}
