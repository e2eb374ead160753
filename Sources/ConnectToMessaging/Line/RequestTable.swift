import DequeModule

/// Requests by their ids, which grow from one to the next.
///
/// So they lie in the order of their ids, and are found by halving: quicker than by hashing, for the first and the
/// last most of all, and no choice of ids by the other side makes it slow.
struct RequestTable<Request> {
    private struct Entry {
        let id: UInt64
        /// Nil once it has been removed.
        var request: Request?
    }

    private var entries: Deque<Entry> = []
    private(set) var count = 0

    /// How many places are taken by what has been removed.
    var gaps: Int { entries.count - count }

    /// All that are left, in the order of their ids.
    var requests: some Sequence<Request> { entries.lazy.compactMap(\.request) }

    /// Adds a request, whose id is greater than all before it.
    mutating func append(_ request: Request, id: UInt64) {
        assert(entries.last.map { $0.id < id } ?? true, "ids have to grow")
        entries.append(Entry(id: id, request: request))
        count += 1
    }

    /// Changes a request where it is.
    ///
    /// - Returns: nil where there is none of that id.
    @discardableResult
    mutating func update<Result>(_ id: UInt64, _ change: (inout Request) -> Result) -> Result? {
        guard let index = index(of: id), entries[index].request != nil else { return nil }
        return change(&entries[index].request!)
    }

    subscript(id: UInt64) -> Request? {
        index(of: id).flatMap { entries[$0].request }
    }

    /// - Returns: nil where there is none of that id.
    mutating func remove(_ id: UInt64) -> Request? {
        guard let index = index(of: id), let request = entries[index].request else { return nil }
        count -= 1
        if index == 0 {
            entries.removeFirst()
            while let first = entries.first, first.request == nil { entries.removeFirst() }
        } else {
            entries[index].request = nil
            // One that is under way for long keeps all behind it: do not let their gaps pile up.
            if gaps > count + 64 { entries.removeAll { $0.request == nil } }
        }
        return request
    }

    mutating func removeAll() -> [Request] {
        defer { self = RequestTable() }
        return Array(requests)
    }

    private func index(of id: UInt64) -> Int? {
        var low = 0
        var high = entries.count
        // One request at a time is common.
        if let first = entries.first, first.id == id { return 0 }
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].id == id ? low : nil
    }
}
