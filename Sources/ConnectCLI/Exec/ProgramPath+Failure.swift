import ConnectToLinux

extension ProgramPath {
    /// Finds the program of a command line.
    ///
    /// - Parameters:
    ///   - word: the program, as the user gave it.
    ///   - option: the option that the user gave it to, for the message.
    /// - Throws: ``Failure`` 64 if there is no such program, or it cannot be run.
    static func find(_ word: String, for option: String? = nil) throws(Failure) -> ProgramPath {
        do throws(Fault) {
            return try find(ArgumentBytes.bytes(of: word))
        } catch {
            let fault: String
            switch error {
            case .absent where word.contains(" "):
                fault =
                    "there is no such command; no shell splits it into words: give each word as an argument of its own"
            case .absent where word.contains("/"): fault = "there is no such file; check the path"
            case .absent: fault = "there is no such command; give its path, or check PATH"
            case .isDirectory: fault = "it is a directory; give the path of a command in it"
            case .notExecutable:
                fault =
                    "it is not executable; make it so with chmod +x, or write the program that runs it before it"
            }
            throw Failure(.usage, "\(option.map { "\($0) " } ?? "")\(ShellWord.quoted(word)): \(fault)")
        }
    }
}
