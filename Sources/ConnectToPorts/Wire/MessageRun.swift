/// Whole, checked messages one after the other, none of which transfers anything.
struct MessageRun {
    let chunk: Chunk
    /// The range of their frames in the chunk.
    var range: Range<Int>
    var count: Int
}
