import ConnectToTesting
import DBus
import FoundationXML
import Glibc
import SystemPackage
import Testing

@testable import ConnectTo

/// `dbus/org.connectto.Context1.xml` is the contract, what is exported is the deed.
@Suite("Introspection", .privateBus, .timeLimit(.minutes(1)))
struct IntrospectionTests {
    @Test("what is exported over the bus is what the contract says, name by name")
    func contract() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let reply = try await here.connection.call(
            OutgoingCall(
                destination: context.busName, path: context.registration.context.objectPath,
                interface: "org.freedesktop.DBus.Introspectable", member: "Introspect"),
            deadline: .seconds(30))
        guard case .string(let exported)? = reply.body.first else {
            Issue.record("no string: \(reply.body)")
            return
        }
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

    @Test("the properties that are told are those that are declared, with their types")
    func properties() async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x", metadata: ["a": "b"])
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
        let declared = try interfaces(in: ContextObject.introspection)["org.connectto.Context1"] ?? []
        #expect(told == declared.filter { $0.hasPrefix("property ") })
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
        let document = try XMLDocument(xmlString: xml, options: .nodeLoadExternalEntitiesNever)
        var found: [String: Set<String>] = [:]
        for interface in document.rootElement()?.elements(forName: "interface") ?? [] {
            var members: Set<String> = []
            for member in interface.children?.compactMap({ $0 as? XMLElement }) ?? [] {
                members.insert(describe(member))
            }
            found[interface.attribute(forName: "name")?.stringValue ?? ""] = members
        }
        return found
    }

    private func describe(_ member: XMLElement) -> String {
        func value(_ element: XMLElement, _ name: String) -> String? {
            element.attribute(forName: name)?.stringValue
        }
        var words = [member.name, value(member, "name"), value(member, "type"), value(member, "access")]
        for argument in member.elements(forName: "arg") {
            words += [value(argument, "direction"), value(argument, "name"), value(argument, "type")]
        }
        for annotation in member.elements(forName: "annotation") { words.append(value(annotation, "value")) }
        return words.compactMap { $0 }.joined(separator: " ")
    }
}
