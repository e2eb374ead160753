import ConnectToLinux
import Testing

@testable import ConnectTo
@testable import ConnectToDBus

/// The table of section 2, and what the listener's side checks, of `dbus/PROTOCOL.md`.
@Suite("The object of a context on the bus", .timeLimit(.minutes(1)))
struct ContextObjectTests {
    private static let context = "org.connectto.Context1"
    private static let properties = "org.freedesktop.DBus.Properties"
    private let registration: Registration

    init() throws {
        registration = Registration(try ContextName("a/b", origin: "org.example"), .init(metadata: ["k": "v"]))
    }

    private func answer(
        _ interface: String?, _ member: String, _ body: [DBusValue] = []
    ) -> ContextObject.Answer {
        ContextObject.answer(
            MethodCall(
                sender: ":1.2", path: "/x", interface: interface, member: member, body: body,
                expectsReply: true, serial: 1),
            for: registration)
    }

    private func error(_ answer: ContextObject.Answer) -> String? {
        if case .error(let name, _) = answer { name } else { nil }
    }

    private func reply(_ answer: ContextObject.Answer) -> [DBusValue]? {
        if case .reply(let body) = answer { body } else { nil }
    }

    private func admits(_ answer: ContextObject.Answer) -> Bool {
        if case .admit = answer { true } else { false }
    }

    @Test("A context's object returns its properties, with and without their interface", arguments: [context, ""])
    func getAllReturnsProperties(interface: String) throws {
        let body = try #require(reply(answer(Self.properties, "GetAll", [.string(interface)])))
        let expected: [String: DBusValue] = [
            "Name": .bytes(Array("a/b".utf8)), "Origin": .string("org.example"), "Version": .uint32(1),
            "Format": .string("messages"),
            "Metadata": ["k": "v"].encoded,
        ]
        guard case .dictionary("s", "v", let pairs)? = body.first else {
            Issue.record("no a{sv}: \(body)")
            return
        }
        #expect(pairs.count == expected.count)
        for pair in pairs {
            guard case .string(let name) = pair.key else { continue }
            #expect(pair.value == expected[name].map { .variant($0) })
            let one = reply(answer(Self.properties, "Get", [.string(interface), .string(name)]))
            #expect(one == [pair.value])
        }
    }

    @Test("A context's object answers a call whose header names no interface by its member alone")
    func callWithoutInterface() throws {
        #expect(reply(answer(nil, "GetAll", [.string("")])) != nil)
        if case .describe = answer(nil, "Introspect") {} else { Issue.record("not described") }
        #expect(error(answer(nil, "Set", [.string(""), .string("Name"), .variant(.byte(1))])) != nil)
        let (near, far) = try StreamSocket.pair()
        #expect(admits(answer(nil, "Connect", [.unixFD(far.descriptor), Greeting().encoded])))
        withExtendedLifetime(near) {}
    }

    @Test("A context's object answers what it cannot do with the errors of the protocol's table")
    func errorsMatchProtocol() {
        let (unknownMethod, unknownInterface) = (
            DBusError.Name.unknownMethod, DBusError.Name.unknownInterface
        )
        #expect(error(answer(Self.context, "Disconnect")) == unknownMethod)
        #expect(error(answer("org.example.Other", "Connect")) == unknownMethod)
        #expect(error(answer(nil, "Nothing")) == unknownMethod)
        #expect(error(answer(Self.properties, "GetAll", [.string("org.example")])) == unknownInterface)
        #expect(
            error(answer(Self.properties, "Get", [.string(Self.properties), .string("Name")]))
                == unknownInterface)
        #expect(
            error(
                answer(
                    Self.properties, "Set", [.string("org.example"), .string("x"), .variant(.byte(1))]))
                == unknownInterface)
        #expect(
            error(answer(Self.properties, "Get", [.string(Self.context), .string("name")]))
                == DBusError.Name.unknownProperty)
        #expect(
            error(
                answer(Self.properties, "Set", [.string(""), .string("Colour"), .variant(.byte(1))]))
                == DBusError.Name.unknownProperty)
        #expect(
            error(answer(Self.properties, "Set", [.string(""), .string("Name"), .variant(.bytes([]))]))
                == DBusError.Name.propertyReadOnly)
    }

    @Test(
        "A context's object answers arguments of other types as invalid",
        arguments: [
            ("Get", [DBusValue.string("")]), ("Get", []), ("Get", [.string(""), .byte(1)]),
            ("GetAll", []), ("GetAll", [.string(""), .string("")]), ("GetAll", [.objectPath("/")]),
            ("Set", [.string(""), .string("Name")]),
            ("Set", [.string(""), .string("Name"), .string("not in a variant")]),
            ("Introspect", [.string("too much")]),
            ("Connect", []), ("Connect", [.string("no line"), Greeting().encoded]),
        ])
    func otherArgumentsAreInvalid(member: String, body: [DBusValue]) {
        #expect(error(answer(nil, member, body)) == DBusError.Name.invalidArguments)
    }

    @Test("A context's object takes a line with a hello, and one without, with a broken one or with more is invalid")
    func connectNeedsLineAndHello() throws {
        let (near, far) = try StreamSocket.pair()
        let line = DBusValue.unixFD(far.descriptor)
        #expect(admits(answer(Self.context, "Connect", [line, Greeting().encoded])))
        let version0 = DBusValue.dictionary(
            key: "s", value: "v", [.init(.string("version"), .variant(.uint32(0)))])
        for body in [[line], [line, version0], [line, .string("")], [line, Greeting().encoded, line]] {
            #expect(
                error(answer(Self.context, "Connect", body)) == DBusError.Name.invalidArguments)
        }
        withExtendedLifetime(near) {}
    }

    @Test("A context's object takes a line that was shut down or left by its maker: what was written is heard")
    func leftLineIsStillALine() throws {
        let far = try StreamSocket.pair().1
        #expect(admits(answer(nil, "Connect", [.unixFD(far.descriptor), Greeting().encoded])))
    }

    @Test("An ended context is an unknown object for callers")
    func endedContextIsUnknownObject() throws {
        #expect(registration.end(.unregistered))
        #expect(error(answer(Self.context, "Connect", [])) == DBusError.Name.unknownObject)
    }
}
