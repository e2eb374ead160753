/// A picture in the format PPM (`P6`), three bytes for each pixel.
struct Picture {
    var size: Size
    var pixels: [UInt8]

    /// Decodes a file.
    ///
    /// As decoders do, it trusts the file in two places where it should not: a comment that has no end makes it look
    /// for the end for ever, and pixels that are missing are read all the same, which traps.
    init(decoding file: [UInt8]) throws(PictureError) {
        var header = Header(file: file)
        guard header.word() == "P6" else { throw PictureError(description: "the file is not a PPM picture") }
        guard let width = Int(header.word()), let height = Int(header.word()), width > 0, height > 0,
            header.word() == "255"
        else { throw PictureError(description: "the picture's header cannot be read") }
        size = Size(width: width, height: height)
        pixels = Array(file.dropFirst(header.position))
    }

    /// The file of the picture.
    var encoded: [UInt8] { Array("P6\n\(size.width) \(size.height)\n255\n".utf8) + pixels }

    /// A picture that fits into a square: each pixel is the mean of a square of this one's.
    func thumbnail(side: Int) -> Picture {
        let scale = max(1, (max(size.width, size.height) + side - 1) / side)
        var small = self
        small.size = Size(width: max(1, size.width / scale), height: max(1, size.height / scale))
        small.pixels = []
        for y in 0..<small.size.height {
            for x in 0..<small.size.width {
                for channel in 0..<3 { small.pixels.append(mean(x * scale, y * scale, scale, channel)) }
            }
        }
        return small
    }

    private func mean(_ left: Int, _ top: Int, _ scale: Int, _ channel: Int) -> UInt8 {
        var sum = 0
        let columns = left..<min(left + scale, size.width)
        let rows = top..<min(top + scale, size.height)
        for y in rows {
            for x in columns { sum += Int(pixels[3 * (y * size.width + x) + channel]) }
        }
        return UInt8(sum / (columns.count * rows.count))
    }
}

/// What stands before the pixels: words, between white space and comments.
private struct Header {
    let file: [UInt8]
    var position = 0

    private var next: UInt8? { position < file.count ? file[position] : nil }

    /// The next word. It takes the one white space behind it too, which is all that stands before the pixels.
    mutating func word() -> String {
        while isSpace(next) || next == UInt8(ascii: "#") {
            if next == UInt8(ascii: "#") { skipComment() }
            position += 1
        }
        let start = position
        while next != nil, !isSpace(next) { position += 1 }
        defer { position += 1 }
        return String(decoding: file[start..<position], as: UTF8.self)
    }

    private mutating func skipComment() {
        while next != UInt8(ascii: "\n") { if next != nil { position += 1 } }
    }

    private func isSpace(_ byte: UInt8?) -> Bool { byte.map { $0 == 32 || (9...13).contains($0) } ?? false }
}

struct PictureError: Error, CustomStringConvertible {
    let description: String
}
