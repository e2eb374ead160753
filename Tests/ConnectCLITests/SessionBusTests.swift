import ConnectToTesting
import Testing

@Suite("The session bus in the environment of connect", .privateBus, .timeLimit(.minutes(1)))
struct SessionBusTests {
    @Test(
        "A session bus address with the id of a former bus leads to the bus that runs there now",
        .enabled(if: BusProgram.chosen != .broker, "dbus-broker does not say its id"))
    func addressWithAFormerBusIDIsUsed() async throws {
        let bus = try PrivateBus.current
        let former = bus.addressWithServerID
        #expect(former.contains("guid="))
        try await bus.restart()
        for address in [former, "\(former);\(bus.addressWithServerID)", "unix:path=/nowhere,guid=0;\(former)"] {
            let outcome = try await Shell.run(
                "start l connect listen x; connect to x --no-reply hello; echo $?; kill $pid; ends $pid", bus: address)
            #expect(outcome.lines == ["0", "143"], "\(address): \(outcome.errors)")
        }
    }

    @Test("Where the first address of a list leads to no bus, connect tries the next one")
    func secondAddressIsTried() async throws {
        let good = try PrivateBus.current.address
        // What listens at the first one ends every connection.
        let outcome = try await Shell.run(
            """
            python3 -c '
            import os, socket
            s = socket.socket(socket.AF_UNIX)
            s.bind("deaf"); s.listen()
            os.write(2, b"listening\\n")
            while True: s.accept()[0].close()
            ' 2>said & deaf=$!
            until grep -q listening said; do :; done
            connect list --bus "unix:path=$PWD/deaf;\(good)"; echo $?
            connect list --bus "unix:path=$PWD/deaf;unix:path=/nowhere"; echo $?
            kill $deaf
            """)
        #expect(outcome.lines == ["0", "69"])
        #expect(outcome.errors.contains("/deaf hung up") && outcome.errors.contains("bus at unix:path=/nowhere"))
    }

    @Test(
        "A wrong session bus address is reported with its variable and its fault, in one line",
        arguments: [
            ("DBUS_SESSION_BUS_ADDRESS=/run/user/1000/bus", "unix:path=/run/user/1000/bus"),
            ("DBUS_SESSION_BUS_ADDRESS=\"$(printf 'unix:path=/a\\nx')\"", #""unix:path=/a\nx" contains a newline"#),
            ("DBUS_SESSION_BUS_ADDRESS='unix:path=/a '", "ends with a space"),
            ("DBUS_SESSION_BUS_ADDRESS=' unix:path=/a'", "begins with a space"),
            ("DBUS_SESSION_BUS_ADDRESS='unix:path=/a b'", "contains a space; write it as %20"),
            ("DBUS_SESSION_BUS_ADDRESS=\"$(printf 'unix:path=/caf\\351')\"", #"/caf\xE9" contains the byte 0xe9"#),
            ("DBUS_SESSION_BUS_ADDRESS=nonsense", "is not a D-Bus address; write one such as unix:path="),
            ("DBUS_SESSION_BUS_ADDRESS=autolaunch:", "names no running bus, and ConnectTo does not start one"),
            ("DBUS_SESSION_BUS_ADDRESS=disabled:", "disables the bus"),
            ("XDG_RUNTIME_DIR=some/where", #"XDG_RUNTIME_DIR ("some/where") is not an absolute path"#),
        ])
    func wrongVariableIsNamed(variable: String, said: String) async throws {
        let outcome = try await Shell.run(
            "unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; export \(variable)\nconnect list")
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains(said), "\(outcome.errors)")
        #expect(outcome.errors.hasPrefix("connect: ") && outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.errors.contains(variable.prefix { $0 != "=" }))
        #expect(!outcome.errors.contains("is the bus running"))
    }

    @Test("A newline at the end of a session bus address is named")
    func newlineAtTheEndIsNamed() async throws {
        let outcome = try await Shell.run(
            "DBUS_SESSION_BUS_ADDRESS=\"unix:path=/a\n\" connect list; echo $?")
        #expect(outcome.lines == ["69"])
        #expect(outcome.errors.contains(#"DBUS_SESSION_BUS_ADDRESS="unix:path=/a\n" ends with a newline"#))
    }

    @Test("A runtime directory whose path is not UTF-8 is used byte for byte")
    func runtimeDirectoryThatIsNotUTF8IsUsed() async throws {
        let address = try PrivateBus.current.address
        let outcome = try await Shell.run(
            """
            directory="$PWD/$(printf 'caf\\351')"; mkdir "$directory"
            ln -s "\(address.dropFirst("unix:path=".count))" "$directory/bus"
            unset DBUS_SESSION_BUS_ADDRESS
            XDG_RUNTIME_DIR="$directory" connect list --json; echo $?
            """)
        #expect(outcome.lines == ["0"], "\(outcome.errors)")
    }

    @Test("--bus with a path is 64, and the error names the address to write")
    func pathInPlaceOfAnAddressIsExplained() async throws {
        let outcome = try await Shell.run("connect list --bus /run/bus")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("unix:path=/run/bus"))
    }
}
