import Testing

@testable import ConnectTo

@Suite("A window of concurrent tasks")
struct WindowTests {
    @Test("A window starts as many tasks at once as it allows, and the others in their order as those end")
    func windowStartsWorkInOrder() {
        var window = Window(of: 2)
        let begun = Begun()
        for number in 0..<5 { window.begin { begun.numbers.append(number) } }
        #expect(begun.numbers == [0, 1])
        window.didEnd()
        #expect(begun.numbers == [0, 1, 2])
        for _ in 0..<4 { window.didEnd() }
        #expect(begun.numbers == [0, 1, 2, 3, 4])
        window.begin { begun.numbers.append(5) }
        window.begin { begun.numbers.append(6) }
        window.begin { begun.numbers.append(7) }
        #expect(begun.numbers == [0, 1, 2, 3, 4, 5, 6])
    }

    private final class Begun {
        var numbers: [Int] = []
    }
}
