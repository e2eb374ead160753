// gRPC for Swift, version 2, with its NIO transport, over a Unix socket: `GRPCPeer WHAT SIZE SECONDS`. WHAT is
// `request`, `jsoncall` or `inflight`, as of our side. It starts itself again as the server.

import CBench
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

let arguments = CommandLine.arguments
guard arguments.count == 4, let size = Int(arguments[2]), let seconds = Double(arguments[3]) else {
    FileHandle.standardError.write(Data("usage: GRPCPeer WHAT SIZE SECONDS\n".utf8))
    exit(64)
}
let what = arguments[1]
let isServer = what == "serve"
guard bench_pin(isServer ? 1 : 0) == 0 else { fail("cannot be pinned to BENCH_CPUS") }
if isServer {
    try await serve(at: "\(FileManager.default.temporaryDirectory.path)/connectto-bench-grpc-\(size)")
} else {
    try await measure()
}

/// What both sides call a method: one that sends bytes back, and one that does so with a value, as JSON.
enum Methods {
    static let service = ServiceDescriptor(fullyQualifiedService: "bench.Echo")
    static let bytes = MethodDescriptor(service: service, method: "Bytes")
    static let note = MethodDescriptor(service: service, method: "Note")
}

/// Bytes as they are.
struct Bytes: MessageSerializer, MessageDeserializer {
    func serialize<Out: GRPCContiguousBytes>(_ message: [UInt8]) -> Out { Out(message) }

    func deserialize<In: GRPCContiguousBytes>(_ bytes: In) -> [UInt8] { bytes.withUnsafeBytes { [UInt8]($0) } }
}

/// A small value, the same as our side's.
struct Note: Codable, Equatable, Sendable {
    var id: Int
    var name: String
    var isDone: Bool
}

struct JSON: MessageSerializer, MessageDeserializer {
    func serialize<Out: GRPCContiguousBytes>(_ note: Note) throws -> Out { Out(try JSONEncoder().encode(note)) }

    func deserialize<In: GRPCContiguousBytes>(_ bytes: In) throws -> Note {
        try JSONDecoder().decode(Note.self, from: bytes.withUnsafeBytes { Data($0) })
    }
}

struct Echo: RegistrableRPCService {
    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        register(Methods.bytes, Bytes(), with: &router)
        register(Methods.note, JSON(), with: &router)
    }

    private func register<Coder: MessageSerializer & MessageDeserializer, Transport: ServerTransport>(
        _ method: MethodDescriptor, _ coder: Coder, with router: inout RPCRouter<Transport>
    ) where Coder.Message: Sendable {
        router.registerHandler(forMethod: method, deserializer: coder, serializer: coder) { request, _ in
            let message = try await ServerRequest(stream: request).message
            return StreamingServerResponse(single: ServerResponse(message: message))
        }
    }
}

func serve(at path: String) async throws {
    guard bench_end_with_parent() == 0 else { fail("no tie to the parent") }
    let server = GRPCServer(
        transport: .http2NIOPosix(address: .unixDomainSocket(path: path), transportSecurity: .plaintext),
        services: [Echo()])
    try await server.serve()
}

func measure() async throws {
    let path = "\(FileManager.default.temporaryDirectory.path)/connectto-bench-grpc-\(getpid())"
    let server = try Process.run(
        URL(fileURLWithPath: "/proc/self/exe"), arguments: ["serve", "\(getpid())", "0"])
    defer {
        server.terminate()
        unlink(path)
    }
    let transport = try HTTP2ClientTransport.Posix(
        target: .unixDomainSocket(path: path), transportSecurity: .plaintext)
    try await withGRPCClient(transport: transport) { client in
        switch what {
        case "request": try await askBytes(client)
        case "jsoncall": try await askNotes(client)
        case "inflight": try await askManyAtOnce(client)
        default: fail("there is no measurement \(what)")
        }
    }
}

typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

func echo<Coder: MessageSerializer & MessageDeserializer>(
    _ message: Coder.Message, _ method: MethodDescriptor, _ coder: Coder, by client: Client
) async throws -> Coder.Message where Coder.Message: Sendable {
    // As our side: the server may come up a little later.
    var options = CallOptions.defaults
    options.waitForReady = true
    options.timeout = .seconds(5)
    return try await client.unary(
        request: ClientRequest(message: message), descriptor: method, serializer: coder, deserializer: coder,
        options: options
    ) { try $0.message }
}

func askBytes(_ client: Client) async throws {
    var message = [UInt8](repeating: 0, count: size)
    var samples = bench_samples()
    let deadline = bench_now() + seconds * 1e6
    var number: UInt64 = 0
    while bench_now() < deadline || number < 24 {
        let begin = bench_now()
        stamp(&message, number)
        let answer = try await echo(message, Methods.bytes, Bytes(), by: client)
        if number >= 20 { bench_add(&samples, bench_now() - begin) }
        check(answer, number)
        number += 1
    }
    bench_print_samples("gRPC for Swift", what, size, &samples)
}

func askNotes(_ client: Client) async throws {
    var note = Note(id: 0, name: "a note of some length", isDone: false)
    var samples = bench_samples()
    let deadline = bench_now() + seconds * 1e6
    while bench_now() < deadline || note.id < 24 {
        note.id += 1
        let begin = bench_now()
        let answer = try await echo(note, Methods.note, JSON(), by: client)
        if note.id > 20 { bench_add(&samples, bench_now() - begin) }
        guard answer == note else { fail("note \(note.id) did not come back intact") }
    }
    bench_print_samples("gRPC for Swift", what, size, &samples)
}

/// As many tasks as 64, each of which asks one request after the other.
func askManyAtOnce(_ client: Client) async throws {
    for _ in 0..<24 { _ = try await echo([1], Methods.bytes, Bytes(), by: client) }
    let begin = bench_now()
    let deadline = begin + seconds * 1e6
    let answers = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<64 {
            group.addTask {
                var message = [UInt8](repeating: 0, count: size)
                var number: UInt64 = 0
                while bench_now() < deadline {
                    stamp(&message, number)
                    check(try await echo(message, Methods.bytes, Bytes(), by: client), number)
                    number += 1
                }
                return Int(number)
            }
        }
        return try await group.reduce(0, +)
    }
    bench_print("gRPC for Swift", what, size, "per_s", Double(answers) / (bench_now() - begin) * 1e6)
}

func stamp(_ message: inout [UInt8], _ number: UInt64) {
    message.withUnsafeMutableBytes { bench_stamp($0.baseAddress, $0.count, number) }
}

func check(_ answer: [UInt8], _ number: UInt64) {
    let isIntact = answer.withUnsafeBytes { bench_is_stamped($0.baseAddress, $0.count, number) != 0 }
    if !isIntact { fail("message \(number) did not come back intact") }
}

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("GRPCPeer: \(message)\n".utf8))
    exit(1)
}
