import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Subprocess
import SystemPackage
import Testing

@testable import ConnectTo

/// `dbus/org.connectto.Context1.xml` is the contract, what is exported is the deed.
@Suite("The introspection of contexts", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct IntrospectionTests {
    @Test("The introspection of a context matches the contract in dbus/, name by name")
    func introspectionMatchesContract() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let exported = try await introspect(
            context.busName, context.registration.context.objectPath, from: here)
        let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .removingLastComponent().removingLastComponent().appending("dbus/org.connectto.Context1.xml")
        let contract = try interfaces(in: try text(of: file))
        let deed = try interfaces(in: exported)
        let name = "org.connectto.Context1"
        #expect(contract.keys.sorted() == [name])
        #expect(deed[name] == contract[name])
        #expect(contract[name]?.isEmpty == false)
        #expect(
            deed.keys.sorted() == [
                name, "org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Properties",
            ])
    }

    @Test("The properties that a context returns are those that it declares, with their types")
    func declaredPropertiesAreReturned() async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x", options: .init(metadata: ["a": "b"]))
        let reply = try await bus.connection.call(
            OutgoingCall(
                destination: context.busName, path: context.registration.context.objectPath,
                interface: "org.freedesktop.DBus.Properties", member: "GetAll",
                body: [.string("org.connectto.Context1")]),
            deadline: .seconds(30))
        guard case .dictionary("s", "v", let pairs)? = reply.body.first else {
            Issue.record("no a{sv}: \(reply.body)")
            return
        }
        var told: Set<String> = []
        for pair in pairs {
            if case .string(let name) = pair.key, case .variant(let value) = pair.value {
                told.insert("property \(name) \(value.signature) read const")
            }
        }
        let declared =
            try interfaces(in: ContextObject.introspection(of: [.context], nodes: []))["org.connectto.Context1"] ?? []
        #expect(told == declared.filter { $0.hasPrefix("property ") })
    }

    @Test("Introspection finds all contexts from the root on, and nothing else")
    func contextsAreFoundFromRoot() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let names = [
            // The path of the second goes on from that of the first.
            try ContextName("c", origin: "a.b"), try ContextName("d", origin: "a.b.Context.c"),
            try ContextName("ü", origin: "org.my_app"), try ContextName("x"), try ContextName("y"),
        ]
        var contexts: [Context] = []
        for name in names { contexts.append(try await there.register(name.name, origin: name.origin)) }
        var found: Set<String> = []
        var open = ["/"]
        while let path = open.popLast() {
            let object = try XMLElement.parse(
                try await introspect(there.connection.uniqueName, path, from: here))
            let interfaces = object.elements("interface").compactMap { $0.attributes["name"] }
            #expect(interfaces.contains("org.freedesktop.DBus.Introspectable"))
            if interfaces.contains("org.connectto.Context1") { found.insert(path) }
            let nodes = object.elements("node").compactMap { $0.attributes["name"] }
            #expect(Set(nodes).count == nodes.count)
            #expect(!nodes.isEmpty || found.contains(path))
            open += nodes.map { (path == "/" ? "" : path) + "/" + $0 }
        }
        #expect(found == Set(names.map(\.objectPath)))

        for path in ["/o", "/org/connectto/Context/z", "/org/connectto/Context/x/y"] {
            let error = await #expect(throws: DBusError.self) {
                try await introspect(there.connection.uniqueName, path, from: here)
            }
            #expect(error?.name == DBusError.Name.unknownObject)
        }
        for context in contexts { await context.unregister() }
        await #expect(throws: DBusError.self) {
            try await introspect(there.connection.uniqueName, "/", from: here)
        }
    }

    @Test("busctl finds a context", .enabled(if: isInstalled("busctl"), "there is no busctl"))
    func busctlFindsContext() async throws {
        let context = try await Bus.onPrivateBus().register("x")
        let tree = try await run(
            .name("busctl"),
            arguments: [
                "--address=\(try PrivateBus.current.address)", "--list", "tree", context.busName,
            ],
            output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
        #expect(tree.standardOutput.split(separator: "\n").last == "/org/connectto/Context/x")
        #expect(tree.standardError == "")
    }

    private func introspect(
        _ destination: String, _ path: String, from bus: Bus
    ) async throws(DBusError) -> String {
        let reply = try await bus.connection.call(
            OutgoingCall(
                destination: destination, path: path,
                interface: "org.freedesktop.DBus.Introspectable", member: "Introspect"),
            deadline: .seconds(30))
        guard case .string(let description)? = reply.body.first else {
            Issue.record("no string: \(reply.body)")
            return ""
        }
        return description
    }

    private func text(of file: FilePath) throws -> String {
        let descriptor = try FileDescriptor.open(file, .readOnly, options: .closeOnExec)
        return try descriptor.closeAfter {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = try bytes.withUnsafeMutableBytes { try descriptor.read(into: $0) }
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    /// For each interface the lines that its members come to, whatever their order, comments and layout.
    private func interfaces(in xml: String) throws -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        for interface in try XMLElement.parse(xml).elements("interface") {
            found[interface.attributes["name"] ?? ""] = Set(interface.children.map(describe))
        }
        return found
    }

    private func describe(_ member: XMLElement) -> String {
        var words = [member.name] + ["name", "type", "access"].compactMap { member.attributes[$0] }
        for argument in member.elements("arg") {
            words += ["direction", "name", "type"].compactMap { argument.attributes[$0] }
        }
        words += member.elements("annotation").compactMap { $0.attributes["value"] }
        return words.joined(separator: " ")
    }
}
