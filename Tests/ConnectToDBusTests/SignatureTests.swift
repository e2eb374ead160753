import ConnectToDBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SignatureTests {
    @Test(
        "A signature of one complete type is accepted",
        arguments: ["y", "h", "v", "as", "aas", "a{sv}", "(ih)", "a(y(ss)v)", "a{oa{sv}}"])
    func completeTypes(signature: String) {
        #expect(Signature.isSingle(signature))
        #expect(Signature.isValid(signature + signature))
        #expect(!Signature.isSingle(signature + signature))
    }

    @Test(
        "A signature that is not a sequence of complete types is refused",
        arguments: [
            "a", "(", ")", "()", "{sv}", "a{s}", "a{sv", "a{vs}", "a{svs}", "a{(s)s}", "(s", "z", "r", "e",
            "sä",
        ])
    func invalidSignatures(signature: String) {
        #expect(!Signature.isValid(signature))
    }

    @Test("A signature's length and nesting are limited")
    func lengthAndNestingLimits() {
        #expect(Signature.isValid(""))
        #expect(!Signature.isSingle(""))
        #expect(Signature.isValid(String(repeating: "y", count: 255)))
        #expect(!Signature.isValid(String(repeating: "y", count: 256)))
        #expect(Signature.isValid(String(repeating: "a", count: 32) + "y"))
        #expect(!Signature.isValid(String(repeating: "a", count: 33) + "y"))
        func structures(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "y" + String(repeating: ")", count: depth)
        }
        #expect(Signature.isValid(structures(32)))
        #expect(!Signature.isValid(structures(33)))
    }
}
