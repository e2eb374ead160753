import ConnectToLinux
import Glibc
import Testing

@testable import ConnectTo
@testable import ConnectToDBus

/// What a caller may hand over as its line.
@Suite("The descriptor that a caller passes as its line", .timeLimit(.minutes(1)))
struct LineCheckTests {
    private func isAdmitted(_ rawValue: Int32) throws -> Bool {
        try #require(rawValue >= 0)
        let registration = Registration(try ContextName("x"))
        let call = MethodCall(
            sender: ":1.2", path: "/x", interface: nil, member: "Connect",
            body: [.unixFD(Descriptor(adopting: rawValue)), Greeting().encoded], expectsReply: true,
            serial: 1)
        switch ContextObject.answer(call, for: registration) {
        case .admit: return true
        case .error(let name, _):
            #expect(name == DBusError.Name.invalidArguments)
            return false
        default: return false
        }
    }

    @Test("A pipe, a file, a datagram socket, a listening and an unconnected socket are not lines")
    func otherDescriptorIsNoLine() throws {
        var pipeEnds: [Int32] = [-1, -1]
        try #require(pipe(&pipeEnds) == 0)
        defer { close(pipeEnds[1]) }
        #expect(try !isAdmitted(pipeEnds[0]))
        #expect(try !isAdmitted(open("/dev/null", O_RDWR | O_CLOEXEC)))
        #expect(try !isAdmitted(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)))
        #expect(try !isAdmitted(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)))

        for type in [SOCK_DGRAM, SOCK_SEQPACKET] {
            var ends: [Int32] = [-1, -1]
            try #require(socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends) == 0)
            defer { close(ends[1]) }
            #expect(try !isAdmitted(ends[0]))
        }

        let listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Only the family: the kernel picks an abstract name.
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, socklen_t(MemoryLayout<sa_family_t>.size))
            }
        }
        try #require(bound == 0 && listen(listening, 1) == 0)
        #expect(try !isAdmitted(listening))
    }

    @Test("An end of a stream pair is a line")
    func endOfPairIsALine() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { close(ends[1]) }
        #expect(try isAdmitted(ends[0]))
    }
}
