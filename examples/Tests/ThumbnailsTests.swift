import ConnectToTesting
import Foundation
import Testing

@Suite("The example thumbnails", .privateBus, .timeLimit(.minutes(1)))
struct ThumbnailsTests {
    private let example = Example.built("thumbnails")

    @Test("Each picture of a directory has its thumbnail, whichever worker has rendered it")
    func thumbnails() async throws {
        let album = try TestAlbum()
        for number in 1...20 { try album.add("\(number).ppm", width: 200, height: 100 + number) }
        try album.add("small.ppm", width: 3, height: 2)
        let done = try await outcome(of: example, album.pictures, album.output)
        #expect(done.exitCode == 0)
        #expect(done.errors == "")
        let lines = done.output.split(separator: "\n").map(String.init)
        #expect(lines.last == "21 thumbnails, 0 failures")
        #expect(lines.contains("1.ppm: 50 × 25"))
        #expect(lines.contains("small.ppm: 3 × 2"))
        #expect(try album.thumbnail("small.ppm").suffix(3 * 3 * 2) == album.picture("small.ppm").suffix(3 * 3 * 2))
        #expect(try album.thumbnail("20.ppm").count == "P6\n50 30\n255\n".count + 3 * 50 * 30)
    }

    @Test("A picture that crashes its worker and one that never ends cost their own thumbnails and no others")
    func crashAndEndlessTask() async throws {
        let album = try TestAlbum()
        for number in 1...20 { try album.add("\(number).ppm", width: 100, height: 100) }
        try album.add("truncated.ppm", width: 100, height: 100, missing: 1)
        try album.write("endless.ppm", Data("P6 # a comment without an end".utf8))
        try album.write("text.ppm", Data("no picture".utf8))
        let done = try await outcome(of: example, album.pictures, album.output)
        #expect(done.exitCode == EX_SOFTWARE)
        #expect(done.errors == "")
        let lines = done.output.split(separator: "\n").map(String.init)
        #expect(lines.last == "20 thumbnails, 3 failures")
        for number in 1...20 { #expect(lines.contains("\(number).ppm: 50 × 50")) }
        #expect(lines.contains { $0.hasPrefix("truncated.ppm: its worker was ended by signal") })
        #expect(lines.contains { $0.hasPrefix("truncated.ppm: ") && $0.contains("Index out of range") })
        #expect(lines.contains("endless.ppm: not done within 2.0 seconds"))
        #expect(lines.contains("text.ppm: the file is not a PPM picture"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: album.output).count == 20)
    }
}

/// Pictures that the test makes, and a directory for their thumbnails.
struct TestAlbum {
    let pictures: String
    let output: String

    init() throws {
        pictures = try PrivateBus.current.directory + "/pictures-\(UUID().uuidString)"
        output = pictures + "-thumbnails"
        try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
    }

    /// Makes a picture of colours that flow into each other.
    ///
    /// - Parameter missing: how many bytes are cut off at its end.
    func add(_ name: String, width: Int, height: Int, missing: Int = 0) throws {
        var picture = Data("P6\n# made by a test\n\(width) \(height)\n255\n".utf8)
        for y in 0..<height {
            for x in 0..<width { picture += [UInt8(255 * x / width), UInt8(255 * y / height), UInt8((x * y) % 256)] }
        }
        try write(name, picture.dropLast(missing))
    }

    func write(_ name: String, _ picture: Data) throws {
        try picture.write(to: URL(fileURLWithPath: "\(pictures)/\(name)"))
    }

    func picture(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(pictures)/\(name)")) }

    func thumbnail(_ name: String, in output: String? = nil) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(output ?? self.output)/\(name)"))
    }
}
