import ConnectTo
import DequeModule

/// The messages to post, in order, each stored once, and the place that every port has reached among them.
///
/// A message is discarded when all ports that it is for have passed it. So the process holds what the slowest port
/// still needs, once, however many ports are slow, and no more than ``limit``. Does no I/O.
struct PostLog {
    /// How many bytes may wait here for all ports together. An empty log has room for any post.
    static let limit = 16 << 20
    /// How much a port is given at a time: this many bytes, or one larger message.
    private static let handful = 64 << 10
    /// A message longer than this is encoded once, and all ports share the encoded form.
    private static let copyLimit = 16 << 10
    /// The memory that a post takes beside its payload, in bytes.
    private static let overhead = 128

    /// What a port has to do next.
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
        /// The port that the post is for; `nil` means every port.
        let port: Int?
        let size: Int
        /// How many of the ports that the post is for have not passed it yet.
        var pending: Int

        func isFor(_ number: Int) -> Bool { port == nil || port == number }
    }

    /// A port has been given all posts before `passed` and is done with them. It is being given the posts up to
    /// `given`.
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
    /// Whether a port ended before it was given a post for that port alone.
    private var hasLost = false

    private var end: Int { first + posts.count }

    /// Whether there is a post that no port has been given.
    var hasUngiven: Bool { hasLost || fresh < end }

    func hasRoom(for payloads: [Payload]) -> Bool {
        posts.isEmpty || payloads.reduce(size) { $0 + Self.size(of: $1) } <= Self.limit
    }

    private static func size(of payload: Payload) -> Int { payload.count + overhead }

    // MARK: Posting

    /// - Parameter port: the port that the posts are for, which is open; `nil` means every port.
    mutating func append(_ payloads: [Payload], for port: Int?) {
        for payload in payloads {
            let content =
                payload.count > Self.copyLimit
                ? Post.Content.shared(MessageBatch(payload)) : Post.Content.message(payload)
            append(content, Self.size(of: payload), for: port)
        }
    }

    /// Closes the port when it has passed all earlier posts.
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

    /// A new port gets the posts from here on. If no other port is open, it also gets those that waited for a port.
    mutating func add(_ port: Int) {
        let start = places.isEmpty ? first : end
        places[port] = Place(passed: start, given: start)
        // Skip posts for a single port that wait behind the kept ones: that port has ended.
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

    /// The number of the first post that the port has not passed.
    func progress(of port: Int) -> Int? { places[port]?.passed }

    /// Whether no post waits for the port.
    func hasNothing(for port: Int) -> Bool {
        guard let place = places[port] else { return true }
        return !posts[(max(place.passed, first) - first)...].contains { $0.isFor(port) }
    }

    // MARK: Giving

    /// What the port has to do next; `nil` if nothing waits for it. Calling this also says that the port has done the
    /// previous step.
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

    /// Whether the post waits for the next port: it is for every port, none is open, and no port has been given it.
    private func isKept(_ post: Post) -> Bool { places.isEmpty && post.port == nil && first >= fresh }
}
