import CConnectToDBus
import ConnectToTesting
import Testing

@testable import ConnectToDBus

@Suite("Encoded D-Bus messages")
struct MessageEncoderTests {
    static var bodies: [[DBusValue]] {
        [
            [],
            [.byte(7), .uint64(.max), .byte(8), .double(-0.5), .boolean(true), .int16(-2), .int64(.min)],
            [
                .string(""), .string("höhe"), .objectPath("/a/b"), .signature("a{s(ii)}"), .uint16(65_535),
                .int32(-1),
            ],
            [
                .bytes([]), .bytes([1, 2, 3]), .array(of: "t", []), .uint32(9),
                .array(
                    of: "(yt)",
                    [
                        .structure([.byte(1), .uint64(2)]), .structure([.byte(3), .uint64(4)]),
                    ]),
            ],
            [
                .dictionary(
                    key: "s", value: "v",
                    [
                        .init(.string("version"), .variant(.uint32(1))),
                        .init(.string("more"), .variant(.structure([.byte(1), .variant(.string("deep"))]))),
                        .init(.string("none"), .variant(.array(of: "s", []))),
                    ]), .byte(1),
            ],
            [.dictionary(key: "y", value: "t", []), .array(of: "as", [.array(of: "s", [.string("x")])])],
        ]
    }

    @Test("libdbus reads an encoded call with the fields and the body that were encoded", arguments: bodies)
    func libdbusReadsCall(body: [DBusValue]) throws {
        let call = OutgoingCall(
            destination: "org.example.Somebody", path: "/org/example", interface: "org.example.I",
            member: "M",
            body: body, noAutoStart: true)
        for expectsReply in [true, false] {
            let message = try CheckedMessage.methodCall(call, expectsReply: expectsReply)
            let read = try decoded(MessageEncoder(message, serial: 0x8000_0001).bytes)
            defer { dbus_message_unref(read) }
            #expect(dbus_message_get_type(read) == DBUS_MESSAGE_TYPE_METHOD_CALL)
            #expect(dbus_message_get_serial(read) == 0x8000_0001)
            #expect(MessageReader.text(dbus_message_get_path(read)) == message.path)
            #expect(MessageReader.text(dbus_message_get_interface(read)) == message.interface)
            #expect(MessageReader.text(dbus_message_get_member(read)) == message.member)
            #expect(MessageReader.text(dbus_message_get_destination(read)) == message.destination)
            #expect((dbus_message_get_no_reply(read) != 0) == message.flags.contains(.noReplyExpected))
            #expect((dbus_message_get_auto_start(read) == 0) == message.flags.contains(.noAutoStart))
            #expect(try MessageReader.body(of: read) == body)
        }
    }

    @Test("An encoded reply or error carries the serial number and the sender of its call")
    func repliesCarrySerial() throws {
        let call = MethodCall(
            sender: ":1.5", path: "/", interface: nil, member: "M", body: [], expectsReply: true, serial: 77)
        let reply = try decoded(MessageEncoder(.reply(to: call, [.uint32(1)]), serial: 2).bytes)
        let error = try decoded(
            MessageEncoder(.error(to: call, name: "a.b.C", message: "why"), serial: 3).bytes)
        defer {
            dbus_message_unref(reply)
            dbus_message_unref(error)
        }
        #expect(dbus_message_get_reply_serial(reply) == 77 && dbus_message_get_reply_serial(error) == 77)
        #expect(MessageReader.text(dbus_message_get_destination(reply)) == ":1.5")
        #expect(MessageReader.text(dbus_message_get_error_name(error)) == "a.b.C")
        #expect(try MessageReader.body(of: error) == [.string("why")])
    }

    /// Decodes bytes with libdbus, which validates them as it validates a peer's.
    private func decoded(_ bytes: [UInt8]) throws -> OpaquePointer {
        let message = bytes.withUnsafeBytes { buffer in
            dbus_message_demarshal(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), nil)
        }
        return try #require(message)
    }
}
