import SystemPackage
import Testing

@testable import ConnectCLI

@Suite("The service file of connect activate")
struct ServiceFileTests {
    private func exec(_ command: String...) -> String? {
        ServiceFile(busName: "a.b", command: command).text.split(separator: "\n").last.map(String.init)
    }

    @Test("A service file has the bus name for its name and says that activate wrote it")
    func fileNamesTheBusNameAndItsAuthor() {
        let file = ServiceFile(busName: "org.connectto.Context.x", command: ["/bin/connect", "listen", "x"])
        #expect(file.name == "org.connectto.Context.x.service")
        #expect(
            file.text == """
                \(ServiceFile.mark)
                [D-BUS Service]
                Name=org.connectto.Context.x
                Exec=/bin/connect listen x

                """)
    }

    @Test("A service file quotes each word as a shell does, and then the line as a desktop file needs it")
    func wordsAreQuotedForShellAndDesktopFile() {
        #expect(exec("/bin/a b") == "Exec='/bin/a b'")
        #expect(exec("a", "") == "Exec=a ''")
        #expect(exec("it's") == #"Exec='it'\\''s'"#)
        #expect(exec("a\nb\tc\\d") == #"Exec='a\nb\tc\\d'"#)
        #expect(exec("$HOME;`x`#é") == "Exec='$HOME;`x`#é'")
    }

    @Test("The name of a service file fits a directory entry for any bus name, and is always the same")
    func nameFitsADirectory() {
        for length in 1...255 {
            let name = ServiceFile.name(for: String(repeating: "n", count: length))
            #expect(name.utf8.count <= 255 && name.hasSuffix(".service"))
            if length <= 247 { #expect(name.utf8.count == length + 8) }
        }
        let long = String(repeating: "n", count: 254)
        #expect(ServiceFile.name(for: long + "a") != ServiceFile.name(for: long + "b"))
        #expect(ServiceFile.name(for: long + "a") == "\(long.prefix(200))-c2c980771654e6f4.service")
    }

    @Test(
        "The program of a service file is read back, however it is quoted",
        arguments: ["/bin/a b", "/it's", "/a\nb\tc\\d", "/$HOME;`x`#é", "/\"q\"", "/plain"])
    func programIsReadBack(path: String) {
        let file = ServiceFile(busName: "a.b", command: [path, "-x", "y z"])
        #expect(ServiceFile.program(in: file.text) == path)
    }

    @Test("A service file that another program has written is read, and may name no program")
    func fileOfAnotherProgramIsRead() {
        #expect(ServiceFile.program(in: "[D-BUS Service]\nName=a.b\nExec=\"/bin/a \\\\\"b\" c\n") == "/bin/a \"b")
        #expect(ServiceFile.program(in: "[D-BUS Service]\nName=a.b\nSystemdService=b.service\n") == nil)
    }

    @Test("A service file goes to XDG_DATA_HOME, or to the home directory of the account, whatever HOME says")
    func directoryIsXDGDataHomeOrTheHomeDirectory() throws {
        func path(_ variables: [String: [UInt8]], home: [UInt8]? = Array("/home/x".utf8)) throws -> String {
            try ServiceDirectory(environment: { variables[$0] }, home: { home }).path.string
        }
        let data = Array("/data".utf8)
        #expect(try path(["XDG_DATA_HOME": data, "HOME": data]) == "/data/dbus-1/services")
        #expect(try path(["HOME": data]) == "/home/x/.local/share/dbus-1/services")
        #expect(try path(["XDG_DATA_HOME": Array("data".utf8)]) == "/home/x/.local/share/dbus-1/services")
        let error = #expect(throws: Failure.self) { try path(["HOME": data], home: nil) }
        #expect(error?.status == .usage)
        #expect(Accounts.home() != nil)
    }
}
