/// An element of an XML document, as much of XML as introspection data uses: elements and attributes.
///
/// Comments, the document type and text are passed over.
struct XMLElement: Equatable {
    let name: String
    let attributes: [String: String]
    private(set) var children: [XMLElement] = []

    struct Malformed: Error {
        let near: Substring
    }

    func elements(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The document's root.
    static func parse(_ xml: String) throws -> XMLElement {
        var rest = xml[...]
        var open: [XMLElement] = []
        while let start = rest.firstIndex(of: "<") {
            rest = rest[start...]
            let end = rest.hasPrefix("<!--") ? "-->" : ">"
            guard let close = rest.firstRange(of: end) else { throw Malformed(near: rest.prefix(40)) }
            let tag = rest[..<close.upperBound]
            rest = rest[close.upperBound...]
            if tag.hasPrefix("<!") || tag.hasPrefix("<?") { continue }
            if tag.hasPrefix("</") {
                guard let element = open.popLast(), tag == "</\(element.name)>" else {
                    throw Malformed(near: tag)
                }
                if open.isEmpty { return element }
                open[open.count - 1].children.append(element)
                continue
            }
            let element = try XMLElement(tag: tag)
            if !tag.hasSuffix("/>") {
                open.append(element)
            } else if open.isEmpty {
                return element
            } else {
                open[open.count - 1].children.append(element)
            }
        }
        throw Malformed(near: "the document ends before its root does")
    }

    private init(tag: Substring) throws {
        var rest = tag.dropFirst().dropLast(tag.hasSuffix("/>") ? 2 : 1)
        let name = rest.prefix { !$0.isWhitespace }
        rest = rest.dropFirst(name.count).drop { $0.isWhitespace }
        var attributes: [String: String] = [:]
        while !rest.isEmpty {
            let parts = rest.split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].hasSuffix("=") else { throw Malformed(near: rest) }
            attributes[String(parts[0].dropLast())] = String(parts[1])
            rest = parts[2].drop { $0.isWhitespace }
        }
        self.name = String(name)
        self.attributes = attributes
    }
}
