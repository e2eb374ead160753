#if LZ4
    import Testing

    @testable import ConnectToMessaging

    /// `make test-lz4` runs these.
    @Suite("Compressed bodies")
    struct LZ4BlockTests {
        static let json = Array(
            ("["
                + (0..<4_000).map { "{\"id\":\($0),\"name\":\"item \($0 % 17)\",\"done\":false}" }.joined(
                    separator: ",")
                + "]").utf8)

        @Test("A body comes back from its compressed form as it was", arguments: [64, 100, 4_096, 65_537, 4_000_000])
        func comesBack(length: Int) throws {
            let body = (0..<length).map { UInt8(truncatingIfNeeded: $0 / 32) }
            let block = try #require(compress(body))
            #expect(block.count <= length - length / 8)
            #expect(try expand(block) == body)
            let json = try #require(compress(Self.json))
            #expect(try expand(json) == Self.json)
        }

        @Test("A body that does not get shorter by an eighth is not compressed")
        func randomBytes() {
            var generator = SystemRandomNumberGenerator()
            let random = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(compress(random) == nil)
            // A tenth of it is zeros: shorter, and not by an eighth.
            #expect(compress(random[..<90_000] + [UInt8](repeating: 0, count: 10_000)) == nil)
            #expect(compress(random[..<80_000] + [UInt8](repeating: 0, count: 20_000)) != nil)
            for length in 0..<200 {
                let block = compress([UInt8](repeating: 0, count: length))
                #expect(block == nil || length - (block?.count ?? 0) >= (length + 7) / 8)
            }
        }

        @Test("A compressed body is its length, and then one block of LZ4")
        func form() throws {
            // Token: 1 literal, a match of 4 + 15 + 40; "a"; offset 1; 40; then the last 5 literals.
            let block: [UInt8] = [65, 0, 0, 0, 0x1F, 0x61, 1, 0, 40, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]
            #expect(try expand(block) == [UInt8](repeating: 0x61, count: 65))
            let own = try #require(compress([UInt8](repeating: 0x61, count: 65)))
            #expect(Array(own[..<4]) == [65, 0, 0, 0])
        }

        @Test("A length above the limit is refused, by the length alone and before any memory is taken")
        func lengthAboveTheLimit() throws {
            let block = try #require(compress(Self.json))
            #expect(try expand(block, limit: Self.json.count) == Self.json)
            #expect(
                violation(block, limit: Self.json.count - 1)
                    == "a body that expands to \(Self.json.count) bytes, and \(Self.json.count - 1) is the limit")
            // 4 GiB less one byte: no one has to look at the block to refuse it.
            let greedy = [0xFF, 0xFF, 0xFF, 0xFF] + block[4...]
            #expect(
                violation(greedy, limit: 64 << 20)
                    == "a body that expands to 4294967295 bytes, and 67108864 is the limit")
            #expect(
                violation(greedy, limit: .max) == "a body that expands to 4294967295 bytes, and 2113929216 is the limit"
            )
            #expect(
                violation(block, limit: -5) == "a body that expands to \(Self.json.count) bytes, and 0 is the limit")
        }

        @Test("A few bytes that announce a long body are refused before any memory is taken")
        func bomb() throws {
            let zeros = [UInt8](repeating: 0, count: 16 << 20)
            let bomb = try #require(compress(zeros))
            #expect(try expand(bomb) == zeros)
            #expect(bomb.count < 70_000)
            // The same length, with less behind it than could stand for that much.
            let lie = Array(bomb[..<1_000])
            #expect(violation(lie, limit: 64 << 20) == "a block of 996 bytes that cannot expand to 16777216")
        }

        @Test("A body that is cut off at any byte, or goes on, breaks the protocol")
        func truncations() throws {
            let body = Array(Self.json[..<3_000])
            let block = try #require(compress(body))
            for length in 0..<block.count {
                #expect(violation(Array(block[..<length])) != nil, "the first \(length) bytes")
            }
            #expect(violation(block + [0]) != nil)
        }

        @Test("A body that expands to another length than it announces breaks the protocol")
        func otherLength() throws {
            let block = try #require(compress(Self.json))
            for difference in [-4_096, -1, 1, 4_096] {
                let length = UInt32(Self.json.count + difference)
                let head = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
                #expect(
                    violation(head + block[4...]) == "a compressed body that does not expand to its \(length) bytes")
            }
            #expect(violation([0, 0, 0, 0, 0x10, 0x61]) == "a compressed body that does not expand to its 0 bytes")
        }

        @Test("Random bytes, and blocks with random changes, either expand to their length or break the protocol")
        func randomChanges() throws {
            var generator = SystemRandomNumberGenerator()
            let block = try #require(compress(Array(Self.json[..<2_000])))
            for _ in 0..<20_000 {
                var changed = block
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    changed[Int.random(in: 4..<block.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                if let body = try? expand(changed) { #expect(body.count == 2_000) }
                let random = [0x20, 0, 0, 0] + (0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) }
                if let body = try? expand(random) { #expect(body.count == 0x20) }
            }
        }

        private func compress(_ body: [UInt8]) -> [UInt8]? {
            body.withUnsafeBytes(LZ4Block.compress)
        }

        private func compress(_ body: ArraySlice<UInt8>) -> [UInt8]? { compress(Array(body)) }

        private func expand(_ block: [UInt8], limit: Int = 64 << 20) throws(ProtocolViolation) -> [UInt8] {
            // In memory of exactly its size, so that the address sanitizer sees a byte too many.
            try block.span.bytes.withUnsafeBytes { bytes throws(ProtocolViolation) in
                try LZ4Block.expand(bytes, limit: limit)
            }
        }

        /// Which rule a block breaks; nil where it breaks none.
        private func violation(_ block: [UInt8], limit: Int = 64 << 20) -> String? {
            do throws(ProtocolViolation) {
                _ = try expand(block, limit: limit)
                return nil
            } catch {
                return error.rule
            }
        }
    }
#endif
