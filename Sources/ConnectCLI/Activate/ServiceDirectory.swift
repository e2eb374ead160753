import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// The directory where this user's session bus looks for service files: `dbus-1/services` in XDG_DATA_HOME.
struct ServiceDirectory {
    let path: FilePath

    /// - Parameter home: this user's home directory in the account database: dbus-daemon and dbus-broker ignore HOME.
    /// - Throws: ``Failure`` 64 if neither the environment nor the account database gives a directory.
    init(
        environment: (String) -> [UInt8]? = environmentVariable, home: () -> [UInt8]? = Accounts.home
    ) throws(Failure) {
        // The XDG Base Directory Specification says to ignore a relative path.
        if let data = environment("XDG_DATA_HOME"), data.first == UInt8(ascii: "/") {
            path = FilePath(bytes: data).appending("dbus-1/services")
        } else if let home = home(), home.first == UInt8(ascii: "/") {
            path = FilePath(bytes: home).appending(".local/share/dbus-1/services")
        } else {
            throw Failure(
                .usage,
                "XDG_DATA_HOME is not set, and user \(getuid()) has no home directory in /etc/passwd; "
                    + "set XDG_DATA_HOME for this command and for the bus")
        }
    }

    /// What has a name in the directory.
    enum Occupant {
        case none, ours, foreign
    }

    func occupant(of name: String) -> Occupant {
        let file: FileDescriptor
        do {
            file = try .open(path.appending(name), .readOnly, options: [.noFollow, .closeOnExec, .nonBlocking])
        } catch {
            // Trust the error: a second look could find a file that another process has written since.
            if error as? Errno == .noSuchFileOrDirectory { return .none }
            var status = stat()
            return path.appending(name).withPlatformString { lstat($0, &status) } == 0 ? .foreign : .none
        }
        defer { try? file.close() }
        let mark = Array(ServiceFile.mark.utf8)
        let beginning = [UInt8](unsafeUninitializedCapacity: mark.count) { buffer, count in
            count = (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
        }
        return beginning == mark ? .ours : .foreign
    }

    /// The text of a service file, up to 64 KiB; nil if no such file can be read.
    func text(of name: String) -> String? {
        guard
            let file = try? FileDescriptor.open(
                path.appending(name), .readOnly, options: [.closeOnExec, .nonBlocking])
        else { return nil }
        defer { try? file.close() }
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            count = (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a file whole or not at all, since the bus may read it at any time.
    /// - Parameter overwrites: whether to replace a file of this name; if not, such a file is an error.
    func write(_ file: ServiceFile, overwrites: Bool) throws(Failure) {
        do {
            try makeDirectories()
            let directory = Descriptor(
                adopting: try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
                    .rawValue)
            // The bus must not read a file of this name, and the name must not be too long. It is random, since a
            // process number may be that of a process in another container too. mkstemp(3) would make a file that only
            // its owner can read, and `Data.write(to:options:)` always overwrites.
            let partial = ".\(UInt64.random(in: .min ... .max)).part"
            let target = try FileDescriptor.open(
                path.appending(partial), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            do {
                try target.closeAfter { _ = try target.writeAll(file.text.utf8) }
                try rename(partial, to: file.name, in: directory, overwrites: overwrites)
            } catch {
                _ = path.appending(partial).withPlatformString { unlink($0) }
                throw error
            }
        } catch {
            throw failure("cannot write", file.name, error)
        }
    }

    /// If there was no file to overwrite, another process may have written one since. If `connect activate` wrote it,
    /// this one replaces it, as the later of two calls does; any other file stays.
    private func rename(
        _ partial: String, to name: String, in directory: Descriptor, overwrites: Bool
    ) throws(SystemError) {
        do throws(SystemError) {
            try systemCall("rename") {
                clinux_rename_in(directory.rawValue, partial, name, overwrites ? 1 : 0)
            }
        } catch {
            guard error.errno == .fileExists, occupant(of: name) == .ours else { throw error }
            try rename(partial, to: name, in: directory, overwrites: true)
        }
    }

    func remove(_ name: String) throws(Failure) {
        do throws(SystemError) {
            try systemCall("unlink") { path.appending(name).withPlatformString { unlink($0) } }
        } catch {
            throw failure("cannot remove", name, error)
        }
    }

    /// Makes directories for this user only, as the XDG Base Directory Specification says. Existing ones stay
    /// unchanged. Not by `FileManager`, whose paths are text: those in XDG_DATA_HOME are bytes.
    private func makeDirectories() throws(SystemError) {
        var directory = FilePath("/")
        for component in path.components {
            directory.append(component)
            do throws(SystemError) {
                try systemCall("mkdir") { directory.withPlatformString { mkdir($0, 0o700) } }
            } catch {
                // Go on if the directory exists, whatever the error. If it cannot be used, the next step fails.
                let exists = directory.withPlatformString { access($0, F_OK) } == 0
                if error.errno != .fileExists, !exists { throw error }
            }
        }
    }

    private func failure(_ what: String, _ name: String, _ error: any Error) -> Failure {
        Failure(
            .inputOutput,
            "\(what) \(TerminalText.escaped(path.appending(name).string)) (\(error)); check the directory")
    }
}

extension FilePath {
    /// A path with these bytes, whatever their encoding.
    fileprivate init(bytes: [UInt8]) {
        self = bytes.cString.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }
}
