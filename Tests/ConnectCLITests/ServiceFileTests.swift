import Testing

@testable import ConnectCLI

@Suite("A service file")
struct ServiceFileTests {
    private func exec(_ command: String...) -> String? {
        ServiceFile(busName: "a.b", command: command).text.split(separator: "\n").last.map(String.init)
    }

    @Test("has the bus name for its own, and says whose it is")
    func form() {
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

    @Test("quotes words as a shell does, and then the line as a desktop file wants it")
    func quoting() {
        #expect(exec("/bin/a b") == "Exec='/bin/a b'")
        #expect(exec("a", "") == "Exec=a ''")
        #expect(exec("it's") == #"Exec='it'\\''s'"#)
        #expect(exec("a\nb\tc\\d") == #"Exec='a\nb\tc\\d'"#)
        #expect(exec("$HOME;`x`#é") == "Exec='$HOME;`x`#é'")
    }
}
