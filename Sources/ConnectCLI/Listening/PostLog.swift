import ConnectTo
import DequeModule

/// The messages to post, in order, each stored once, and the point that every port has reached among them.
///
/// A message is discarded when all ports that it is for have passed it. So the process holds what the slowest port
/// still needs, once, however many ports are slow, and no more than ``limit``. Does no I/O.
struct PostLog {
    /// How many bytes may wait here for all ports together. An empty log has room for any post.
    static let limit = 16 << 20
    /// How much a port is given at a time: this many bytes, or one larger message.
    private static let batchSize = 64 << 10
    /// A message longer than this is encoded once, and all ports share the encoded form.
    private static let copyLimit = 16 << 10
    /// The memory that a post takes beside its content, in bytes.
    private static let overhead = 128

    /// What a port has to do next.
    enum Step {
        case post(MessageBatch)
        case close
    }

    private struct Post {
        enum Kind {
            case message(MessageContent)
            case shared(MessageBatch)
            case close
        }

        let kind: Kind
        /// The port that the post is for; `nil` means every port.
        let port: Int?
        let size: Int
        /// How many of the ports that the post is for have not passed it yet.
        var pending: Int

        func isFor(_ number: Int) -> Bool { port == nil || port == number }
    }

    /// A port has been given all posts before `passed` and is done with them. It is being given the posts up to
    /// `given`.
    private struct Progress {
        var passed: Int
        var given: Int
    }

    private var posts: Deque<Post> = []
    /// The number of the first post in ``posts``.
    private var first = 0
    /// The number of the first post that no port has been given.
    private var firstUngiven = 0
    private var ports: [Int: Progress] = [:]
    private var size = 0
    /// Whether a port ended before it was given a post for that port alone.
    private var hasLost = false

    private var end: Int { first + posts.count }

    /// Whether there is a post that no port has been given.
    var hasUngiven: Bool { hasLost || firstUngiven < end }

    func hasRoom(for contents: [MessageContent]) -> Bool {
        posts.isEmpty || contents.reduce(size) { $0 + Self.size(of: $1) } <= Self.limit
    }

    private static func size(of content: MessageContent) -> Int { content.count + overhead }

    // MARK: Posting

    /// - Parameter port: the port that the posts are for, which is open; `nil` means every port.
    mutating func append(_ contents: [MessageContent], for port: Int?) {
        for content in contents {
            let kind =
                content.count > Self.copyLimit
                ? Post.Kind.shared(MessageBatch(content)) : Post.Kind.message(content)
            append(kind, Self.size(of: content), for: port)
        }
    }

    /// Closes the port when it has passed all earlier posts.
    mutating func appendClose(for port: Int) {
        append(.close, Self.overhead, for: port)
    }

    private mutating func append(_ kind: Post.Kind, _ size: Int, for port: Int?) {
        posts.append(Post(kind: kind, port: port, size: size, pending: port == nil ? ports.count : 1))
        self.size += size
    }

    // MARK: Ports

    var hasPorts: Bool { !ports.isEmpty }

    func has(_ port: Int) -> Bool { ports[port] != nil }

    /// A new port gets the posts from here on. If no other port is open, it also gets those that waited for a port.
    mutating func add(_ port: Int) {
        let start = ports.isEmpty ? first : end
        ports[port] = Progress(passed: start, given: start)
        // Skip posts for a single port that wait behind the kept ones: that port has ended.
        for index in (start - first)..<posts.count where posts[index].isFor(port) { posts[index].pending += 1 }
    }

    mutating func remove(_ port: Int) {
        guard let progress = ports.removeValue(forKey: port) else { return }
        for number in max(progress.given, first)..<end {
            if case .close = posts[number - first].kind { continue }
            if posts[number - first].port == port { hasLost = true }
        }
        pass(progress.passed..<end, by: port)
    }

    /// The number of the first post that the port has not passed.
    func firstUnpassed(of port: Int) -> Int? { ports[port]?.passed }

    /// Whether no post waits for the port.
    func hasNothing(for port: Int) -> Bool {
        guard let progress = ports[port] else { return true }
        return !posts[(max(progress.passed, first) - first)...].contains { $0.isFor(port) }
    }

    // MARK: Giving

    /// What the port has to do next; `nil` if nothing waits for it. Calling this also says that the port has done the
    /// previous step.
    mutating func next(for port: Int) -> Step? {
        guard let progress = ports[port] else { return nil }
        pass(progress.passed..<progress.given, by: port)
        var given = max(progress.given, first)
        let start = given
        var batch = MessageBatch()
        var step: Step?
        giving: while given < end, step == nil {
            let post = posts[given - first]
            if post.isFor(port) {
                switch post.kind {
                case .message(let content):
                    if batch.size >= Self.batchSize { break giving }
                    batch.append(content)
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
        ports[port] = Progress(passed: start, given: given)
        firstUngiven = max(firstUngiven, given)
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
        firstUngiven = max(firstUngiven, first)
    }

    /// Whether the post waits for the next port: it is for every port, none is open, and no port has been given it.
    private func isKept(_ post: Post) -> Bool { ports.isEmpty && post.port == nil && first >= firstUngiven }
}
