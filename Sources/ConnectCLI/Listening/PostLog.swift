import ConnectTo
import DequeModule

/// What is to be posted, in order and each thing once, with a place in it for every port.
///
/// A post is forgotten when all ports that it is for are past it. So however many ports are slow, the process holds
/// what the slowest is behind, once, and no more than ``limit``. Does no I/O.
struct PostLog {
    /// How many bytes may wait here for all ports together; a post that finds nothing waiting always has room.
    static let limit = 16 << 20
    /// How much of it a port is given at a time: so many bytes, or one message.
    private static let handful = 64 << 10
    /// A longer message is put into the form of the line once, and all ports share that.
    private static let copyLimit = 16 << 10
    /// What a post takes beside its payload.
    private static let overhead = 128

    /// What a port is to do next.
    enum Step {
        case post(MessageBatch)
        case close
    }

    private struct Post {
        enum Content {
            case message(Payload)
            case shared(MessageBatch)
            case close
        }

        let content: Content
        /// The port that it is for; `nil` is every port.
        let port: Int?
        let size: Int
        /// How many ports that it is for are not past it.
        var pending: Int

        func isFor(_ number: Int) -> Bool { port == nil || port == number }
    }

    /// Numbers of posts: up to where a port has been given all, and up to where it is being given now.
    private struct Place {
        var passed: Int
        var given: Int
    }

    private var posts: Deque<Post> = []
    /// The number of the first post in ``posts``.
    private var first = 0
    /// The number of the first post that no port has been given.
    private var fresh = 0
    private var places: [Int: Place] = [:]
    private var size = 0
    /// Whether a post was for a port that ended before it was given it.
    private var hasLost = false

    private var end: Int { first + posts.count }

    /// Whether there is something that no port has been given.
    var hasUngiven: Bool { hasLost || fresh < end }

    func hasRoom(for payloads: [Payload]) -> Bool {
        posts.isEmpty || payloads.reduce(size) { $0 + Self.size(of: $1) } <= Self.limit
    }

    private static func size(of payload: Payload) -> Int { payload.count + overhead }

    // MARK: Posting

    /// - Parameter port: that it is for, which is there; `nil` is every port.
    mutating func append(_ payloads: [Payload], for port: Int?) {
        for payload in payloads {
            let content =
                payload.count > Self.copyLimit
                ? Post.Content.shared(MessageBatch(payload)) : Post.Content.message(payload)
            append(content, Self.size(of: payload), for: port)
        }
    }

    /// Has the port closed when it gets there.
    mutating func appendClose(for port: Int) {
        append(.close, Self.overhead, for: port)
    }

    private mutating func append(_ content: Post.Content, _ size: Int, for port: Int?) {
        posts.append(Post(content: content, port: port, size: size, pending: port == nil ? places.count : 1))
        self.size += size
    }

    // MARK: Ports

    var hasPorts: Bool { !places.isEmpty }

    func has(_ port: Int) -> Bool { places[port] != nil }

    /// A new port gets what comes from here on, and the first also what came while there was none.
    mutating func add(_ port: Int) {
        let start = places.isEmpty ? first : end
        places[port] = Place(passed: start, given: start)
        // What was for one port alone, and waits behind what is kept, is nobody's by now.
        for index in (start - first)..<posts.count where posts[index].isFor(port) { posts[index].pending += 1 }
    }

    mutating func remove(_ port: Int) {
        guard let place = places.removeValue(forKey: port) else { return }
        for number in max(place.given, first)..<end {
            if case .close = posts[number - first].content { continue }
            if posts[number - first].port == port { hasLost = true }
        }
        pass(place.passed..<end, by: port)
    }

    /// How far the port is.
    func progress(of port: Int) -> Int? { places[port]?.passed }

    /// Whether nothing waits for the port.
    func hasNothing(for port: Int) -> Bool {
        guard let place = places[port] else { return true }
        return !posts[(max(place.passed, first) - first)...].contains { $0.isFor(port) }
    }

    // MARK: Giving

    /// What the port is to do next, where it has done what it was given before; `nil` where there is nothing.
    mutating func next(for port: Int) -> Step? {
        guard let place = places[port] else { return nil }
        pass(place.passed..<place.given, by: port)
        var given = max(place.given, first)
        let start = given
        var batch = MessageBatch()
        var step: Step?
        giving: while given < end, step == nil {
            let post = posts[given - first]
            if post.isFor(port) {
                switch post.content {
                case .message(let payload):
                    if batch.size >= Self.handful { break giving }
                    batch.append(payload)
                case .shared(let message):
                    if !batch.isEmpty { break giving }
                    step = .post(message)
                case .close:
                    if !batch.isEmpty { break giving }
                    step = .close
                }
            }
            given += 1
        }
        places[port] = Place(passed: start, given: given)
        fresh = max(fresh, given)
        return batch.isEmpty ? step : .post(batch)
    }

    private mutating func pass(_ numbers: Range<Int>, by port: Int) {
        for number in max(numbers.lowerBound, first)..<max(numbers.upperBound, first)
        where posts[number - first].isFor(port) {
            posts[number - first].pending -= 1
        }
        while let post = posts.first, post.pending == 0, !isKept(post) {
            posts.removeFirst()
            size -= post.size
            first += 1
        }
        fresh = max(fresh, first)
    }

    /// What was for every port, and came or stayed when there was none, is for the next.
    private func isKept(_ post: Post) -> Bool { places.isEmpty && post.port == nil && first >= fresh }
}
