#if LZ4
    import CConnectToLZ4

    /// A compressed body (`dbus/CALLS.md`, section 11): the length that it expands to, and one block of LZ4.
    ///
    /// Each stands for itself: there is no dictionary, and nothing that one message leaves behind for the next.
    enum LZ4Block {
        private static let headSize = 4
        /// A byte of a block stands for at most so many.
        private static let largestRatio = 255

        /// Compresses a body; nil where that does not save an eighth.
        static func compress(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
            // LZ4 gives up where its output has no room, so what would not save enough is not even made.
            let room = body.count - (body.count + 7) / 8 - headSize
            guard room > 0, body.count <= Int(LZ4_MAX_INPUT_SIZE) else { return nil }
            let block = [UInt8](unsafeUninitializedCapacity: headSize + room) { buffer, count in
                let output = UnsafeMutableRawBufferPointer(buffer)
                output.storeBytes(of: UInt32(body.count).littleEndian, as: UInt32.self)
                let size = LZ4_compress_default(
                    body.chars, UnsafeMutableRawBufferPointer(rebasing: output[headSize...]).chars, Int32(body.count),
                    Int32(room))
                count = size > 0 ? headSize + Int(size) : 0
            }
            return block.isEmpty ? nil : block
        }

        /// Expands a body that came from the peer.
        ///
        /// - Parameter limit: how many bytes it may expand to. That, and whether the block is long enough for the length
        ///   that it announces, is checked before any memory is taken.
        static func expand(_ body: UnsafeRawBufferPointer, limit: Int) throws(ProtocolViolation) -> [UInt8] {
            guard body.count > headSize, body.count <= Int32.max else {
                throw ProtocolViolation("a compressed body of \(body.count) bytes")
            }
            let length = Int(UInt32(littleEndian: body.loadUnaligned(as: UInt32.self)))
            let limit = max(0, min(limit, Int(LZ4_MAX_INPUT_SIZE)))
            guard length <= limit else {
                throw ProtocolViolation("a body that expands to \(length) bytes, and \(limit) is the limit")
            }
            let size = body.count - headSize
            guard length <= size * largestRatio else {
                throw ProtocolViolation("a block of \(size) bytes that cannot expand to \(length)")
            }
            var written: Int32 = -1
            // Room for exactly that much, which LZ4 keeps to. It reads no byte outside of the block.
            let expanded = [UInt8](unsafeUninitializedCapacity: length) { output, count in
                written = LZ4_decompress_safe(
                    UnsafeRawBufferPointer(rebasing: body[headSize...]).chars,
                    UnsafeMutableRawBufferPointer(output).chars,
                    Int32(size), Int32(length))
                count = max(0, Int(written))
            }
            guard Int(written) == length else {
                throw ProtocolViolation("a compressed body that does not expand to its \(length) bytes")
            }
            return expanded
        }
    }

    extension UnsafeRawBufferPointer {
        fileprivate var chars: UnsafePointer<CChar>? { baseAddress?.assumingMemoryBound(to: CChar.self) }
    }

    extension UnsafeMutableRawBufferPointer {
        fileprivate var chars: UnsafeMutablePointer<CChar>? { baseAddress?.assumingMemoryBound(to: CChar.self) }
    }
#endif
