import ConnectTo
import ConnectToMessaging

/// What the program asks its workers to do; both sides are checked against it by the compiler.
enum Thumbnails {
    static let render = Request<Rendering, Size>("render")
}

/// One picture. Its files come along open, so a worker needs no right to any file but these two.
struct Rendering: Codable, Sendable {
    @Transferred var image: OpenFile
    @Transferred var thumbnail: OpenFile
    /// In pixels, of the square that the thumbnail has to fit into.
    var side: Int
}

/// Of a picture, in pixels.
struct Size: Codable, Sendable {
    var width: Int
    var height: Int
}
