import ConnectToLinux
import SystemPackage

/// Why a file cannot be used, or something not be saved in it.
struct FileFailure: Error, Equatable {
    enum Code {
        case notUsable
        case inUse
        case notSaved
    }

    let code: Code
    /// A sentence for people: what happened, and what to do next.
    let message: String
}

extension FileFailure {
    static func foreign(_ path: String) -> FileFailure {
        FileFailure(
            code: .notUsable, message: "\(path) is not the file of a shared state, and was left as it is; name another")
    }

    static func otherVersion(_ path: String, _ version: UInt64) -> FileFailure {
        let advice =
            version > FileHeader.version
            ? "use a later version of this program, or another file"
            : "convert it with the version of this program that wrote it, or use another file"
        return FileFailure(
            code: .notUsable,
            message:
                "\(path) has version \(version) of the format, and this program reads version \(FileHeader.version); "
                + advice)
    }

    static func laterRecord(_ path: String, _ kind: UInt8, at offset: Int) -> FileFailure {
        FileFailure(
            code: .notUsable,
            message: "\(path) has a record of kind \(kind) at byte \(offset), which this program does not know; "
                + "use a later version of this program, or another file")
    }

    /// The bytes are as they were written, and yet cannot be taken.
    static func violation(_ path: String, at offset: Int, _ violation: StateViolation) -> FileFailure {
        FileFailure(
            code: .notUsable,
            message: "\(path) cannot be loaded: at byte \(offset), \(violation.message). It was left as it is; "
                + "give the state greater StateLimits if it is a limit, or use another file")
    }

    static func inUse(_ path: String, by process: Int32?, own: Int32) -> FileFailure {
        let message =
            switch process {
            case own: "\(path) is in use by this program already; close the other SharedState first, or use it"
            case let process?: "\(path) is in use by process \(process); end that process, or use another file"
            case nil: "\(path) is in use by another process; end that process, or use another file"
            }
        return FileFailure(code: .inUse, message: message)
    }

    static func notRegular(_ path: String) -> FileFailure {
        FileFailure(code: .notUsable, message: "\(path) is not a regular file; name one, or a file that is not there")
    }

    static func moved(_ path: String) -> FileFailure {
        FileFailure(
            code: .notSaved,
            message: "\(path) was removed, moved or replaced while this program used it, so nothing was saved; move it "
                + "back, or close this SharedState and make a new one")
    }

    static func keepsMoving(_ path: String) -> FileFailure {
        FileFailure(
            code: .inUse, message: "\(path) was replaced again and again while it was opened; try again in a moment")
    }

    static func closed(_ path: String) -> FileFailure {
        FileFailure(code: .notSaved, message: "\(path) was closed; make a new SharedState")
    }

    static func tooLarge(_ path: String) -> FileFailure {
        FileFailure(
            code: .notSaved,
            message: "a record of \(path) would have 4 GiB or more, so nothing was saved; write less at a time")
    }

    /// - Parameter task: what was to be done, to follow "cannot".
    init(_ code: Code, _ task: String, _ error: SystemError) {
        self.init(code: code, message: "cannot \(task): \(Self.reason(error))")
    }

    /// - Parameter error: of the system, or what has its sentence already.
    static func of(_ error: any Error, _ code: Code, _ task: String) -> FileFailure {
        switch error {
        case let failure as FileFailure: failure
        case let error as SystemError: FileFailure(code, task, error)
        default: FileFailure(code: code, message: "cannot \(task): \(error)")
        }
    }

    private static func reason(_ error: SystemError) -> String {
        switch error.errno {
        case .noSpace: "the disk is full; make room there, and write again"
        case .diskQuotaExceeded: "the user's share of the disk is used up; make room there, and write again"
        case .fileTooLarge: "it may not become larger; raise the limit (ulimit -f), or use another file system"
        case .readOnlyFileSystem: "the file system is read-only; use a file elsewhere, or mount it for writing"
        case .permissionDenied, .notPermitted:
            "this user may not; change the permissions of the file and of its directory, or use another file"
        case .noSuchFileOrDirectory: "its directory is not there; create it"
        case .notDirectory: "something on the way to it is not a directory; check the path"
        case .isDirectory: "it is a directory; name a file in it"
        case .tooManySymbolicLinkLevels: "symbolic links lead in a circle; check the path"
        case .fileNameTooLong: "its name is too long; use a shorter one"
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            "too many files are open; close some, or raise the limit (ulimit -n)"
        case .ioError: "the disk reports an error; look into the log of the kernel, and use a file on another disk"
        default: "\(error); use another file if it stays so"
        }
    }
}
