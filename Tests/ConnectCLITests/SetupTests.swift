import ConnectToTesting
import Foundation
import Glibc
import Subprocess
import SystemPackage
import Testing

/// `make` on machines that lack something. What such a machine has stands in a directory that is the whole of its PATH.
@Suite("make setup", .privateBus, .timeLimit(.minutes(1)))
struct SetupTests {
    private let commands: String

    init() throws {
        commands = try PrivateBus.current.directory + "/commands"
        try FileManager.default.createDirectory(atPath: commands, withIntermediateDirectories: true)
        for command in ["sh", "sed", "head", "sort", "mkdir", "test", "id", "env", "make"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(commands)/\(command)", withDestinationPath: "/usr/bin/\(command)")
        }
    }

    @Test("make without a Swift toolchain says in one line what to install and from where")
    func noToolchain() async throws {
        let said = try await make("setup")
        #expect(said == "There is no Swift toolchain: install 6.2 or newer from https://www.swift.org/install/")
    }

    @Test("make with a toolchain that is too old says in one line which version is needed")
    func oldToolchain() async throws {
        try script("swift", "echo 'Swift version 5.10 (swift-5.10-RELEASE)'")
        let said = try await make("setup")
        #expect(said == "Swift 5.10 is too old: install 6.2 or newer from https://www.swift.org/install/")
    }

    @Test("make without root's rights says in one line what root has to install")
    func noRights() async throws {
        try script("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        try script("apt-get", "exit 1")
        try script("id", "echo 1000")
        #expect(
            try await make("setup")
                == "Missing: dbus pkg-config libdbus-1-dev."
                + " Run as root: apt-get install dbus pkg-config libdbus-1-dev")
    }

    @Test("make without apt-get says in one line what is missing")
    func noInstaller() async throws {
        try script("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        #expect(
            try await make("setup")
                == "Missing (by Debian's names): dbus pkg-config libdbus-1-dev."
                + " There is no apt-get here: install them your system's way.")
    }

    @Test("make demo does not ask for what only the tests need")
    func demoNeedsLess() async throws {
        try script("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        for command in ["dbus-daemon", "pkg-config"] { try script(command, "exit 0") }
        #expect(try await make("setup") == "")
    }

    @Test("make with a read-only home directory keeps Swift's caches in the package's directory")
    func readOnlyHome() async throws {
        try script("swift", #"[ "$1" = --version ] && echo 'Swift version 6.3.1' || echo "$XDG_CACHE_HOME" >&2"#)
        for command in ["dbus-daemon", "pkg-config"] { try script(command, "exit 0") }
        #expect(try await make("build", home: "/nonexistent") == "\(Self.package)/.build-cache")
    }

    private func script(_ name: String, _ body: String) throws {
        let path = "\(commands)/\(name)"
        try? FileManager.default.removeItem(atPath: path)
        try "#!/bin/sh\n\(body)\n".write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o755)
    }

    /// What a goal says on standard error, without make's own last line.
    private func make(_ goal: String, home: String? = nil) async throws -> String {
        let home = try home ?? PrivateBus.current.directory
        let result = try await run(
            .path(FilePath("/usr/bin/make")), arguments: ["--no-print-directory", "-C", Self.package, goal],
            environment: .custom(["PATH": commands, "HOME": home]), input: .none, output: .discarded,
            error: .string(limit: 1 << 16))
        return result.standardError.split(separator: "\n").filter { !$0.hasPrefix("make: ") }
            .joined(separator: "\n")
    }

    private static let package = URL(fileURLWithPath: #filePath)
        .appending(path: "../../..").standardizedFileURL.path
}
