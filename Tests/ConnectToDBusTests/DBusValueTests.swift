import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToDBus

@Suite(.chosenExecutor, .timeLimit(.minutes(1)))
struct DBusValueTests {
    /// Computed, because the leak sanitizer does not see references that a global keeps in an enumeration's spare bits.
    static var values: [DBusValue] {
        [
            .byte(255), .boolean(true), .boolean(false), .int16(.min), .uint16(.max), .int32(.min),
            .uint32(.max),
            .int64(.min), .uint64(.max), .double(-0.5), .double(.infinity), .string(""), .string("käse 🧀\n"),
            .objectPath("/"), .objectPath("/org/example"), .signature(""), .signature("a{sv}(ih)"),
            .array(of: "s", []), .array(of: "s", [.string("a"), .string("")]),
            .array(of: "as", [.array(of: "s", []), .array(of: "s", [.string("x")])]),
            .array(of: "v", [.variant(.byte(1)), .variant(.string("s"))]),
            .array(of: "(yt)", [.structure([.byte(1), .uint64(2)]), .structure([.byte(3), .uint64(4)])]),
            .array(of: "ay", [.bytes([1]), .bytes([])]),
            .dictionary(key: "s", value: "v", []),
            .dictionary(
                key: "s", value: "v",
                [.init(.string("a"), .variant(.uint32(1))), .init(.string("b"), .variant(.bytes([0])))]),
            .dictionary(
                key: "y", value: "a{ss}",
                [.init(.byte(9), .dictionary(key: "s", value: "s", [.init(.string("k"), .string("v"))]))]),
            .structure([.string("a"), .structure([.int32(1)]), .variant(.variant(.boolean(true)))]),
            .variant(.structure([.int16(1), .bytes([1, 2, 3])])),
            .bytes([]), .bytes(Array(0...255)),
        ]
    }

    @Test("A D-Bus value of every type comes back from the bus unchanged", .privateBus)
    func roundTripOfEveryType() async throws {
        let connection = try await PrivateBus.current.open()
        await connection.exportEcho()
        for value in Self.values {
            let reply = try await connection.call(
                .test(connection.uniqueName, Objects.echo, [value]), deadline: .seconds(10))
            #expect(reply.body == [value])
            #expect(reply.sender == connection.uniqueName)
            #expect(Signature.isSingle(value.signature))
            // libdbus writes long messages.
            let long = [value, .bytes([UInt8](repeating: 1, count: 8_192))]
            let longReply = try await connection.call(
                .test(connection.uniqueName, Objects.echo, long), deadline: .seconds(10))
            #expect(longReply.body == long)
        }
        let reply = try await connection.call(
            .test(connection.uniqueName, Objects.echo, Self.values), deadline: .seconds(10))
        #expect(reply.body == Self.values)
        await connection.close()
    }

    @Test("A D-Bus message carries four megabytes", .privateBus)
    func largeMessage() async throws {
        let connection = try await PrivateBus.current.open()
        await connection.exportEcho()
        let value = DBusValue.bytes((0..<4_000_000).map { UInt8(truncatingIfNeeded: $0) })
        let reply = try await connection.call(
            .test(connection.uniqueName, Objects.echo, [value]), deadline: .seconds(30))
        #expect(reply.body == [value])
        await connection.close()
    }

    @Test("A D-Bus message passes a descriptor, and the sender keeps its own", .privateBus)
    func passedDescriptor() async throws {
        let bus = try PrivateBus.current
        let connection = try await bus.open()
        await connection.exportEcho()
        let (near, far) = try StreamSocket.pair()
        let reply = try await connection.call(
            .test(connection.uniqueName, Objects.echo, [.unixFD(far.descriptor)]), deadline: .seconds(10))
        guard case .unixFD(let returned)? = reply.body.first else {
            return #expect(Bool(false), "no descriptor")
        }
        #expect(returned !== far.descriptor)
        #expect(fcntl(returned.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        // Both descriptors refer to the far end.
        for (descriptor, byte) in [(returned, UInt8(1)), (far.descriptor, 2)] {
            var sent = byte
            #expect(try systemCall("write") { write(descriptor.rawValue, &sent, 1) } == 1)
            var received: UInt8 = 0
            #expect(try systemCall("read") { read(near.descriptor.rawValue, &received, 1) } == 1)
            #expect(received == byte)
        }
        await connection.close()
    }

    @Test("A body on which libdbus would abort, or that is over a limit, is refused", .privateBus)
    func refusedBodies() async throws {
        let connection = try await PrivateBus.current.open()
        await connection.exportEcho()
        let descriptor = try StreamSocket.pair().0.descriptor
        var deep = DBusValue.byte(0)
        for _ in 0..<1000 { deep = .variant(deep) }
        let bodies: [[DBusValue]] = [
            [.string("a\0b")], [.objectPath("")], [.objectPath("a")], [.objectPath("/a\0")],
            [.signature("a")],
            [.signature(String(repeating: "y", count: 256))], [.structure([])], [.array(of: "", [])],
            [.array(of: "ss", [])], [.array(of: "{sv}", [])], [.array(of: "s", [.byte(1)])],
            [.array(of: "as", [.array(of: "y", [])])], [.dictionary(key: "v", value: "s", [])],
            [.dictionary(key: "s", value: "", [])],
            [.dictionary(key: "s", value: "s", [.init(.string("a"), .byte(1))])],
            [.dictionary(key: "s", value: "s", [.init(.byte(1), .string("a"))])],
            [deep], [.variant(.structure(Array(repeating: .byte(1), count: 300)))],
            Array(repeating: .byte(1), count: 256), [.bytes(Array(repeating: 0, count: 65 << 20))],
            [.string(String(repeating: "x", count: 65 << 20))],
            Array(repeating: .bytes(Array(repeating: 0, count: 33 << 20)), count: 2),
            Array(repeating: .unixFD(descriptor), count: 17),
        ]
        for body in bodies {
            let error = await #expect(throws: DBusError.self) {
                try await connection.call(
                    .test(connection.uniqueName, Objects.echo, body), deadline: .seconds(10))
            }
            #expect(error?.kind == .invalid)
        }
        // The connection still works.
        let full = Array(repeating: DBusValue.unixFD(descriptor), count: 16)
        let reply = try await connection.call(
            .test(connection.uniqueName, Objects.echo, full), deadline: .seconds(10))
        #expect(reply.body.count == 16)
        await connection.close()
    }

    @Test("A call with an invalid or reserved name is refused, and the connection stays open", .privateBus)
    func invalidNames() async throws {
        let connection = try await PrivateBus.current.open()
        func call(_ destination: String, _ path: String, _ interface: String, _ member: String)
            -> OutgoingCall
        {
            OutgoingCall(destination: destination, path: path, interface: interface, member: member)
        }
        for bad in [
            call("", "/", "a.b", "C"), call("a.b\0", "/", "a.b", "C"), call("a.b", "", "a.b", "C"),
            call("a.b", "/", "a", "C"), call("a.b", "/", "a.b", ""),
            call("a.b", "/org/freedesktop/DBus/Local", "a.b", "C"),
            call("a.b", "/", "org.freedesktop.DBus.Local", "C"),
        ] {
            let error = await #expect(throws: DBusError.self) {
                try await connection.call(bad, deadline: .seconds(10))
            }
            #expect(error?.kind == .invalid)
        }
        #expect(await connection.isConnected)
        await connection.close()
    }
}
