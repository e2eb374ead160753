import ConnectToDBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MatchRuleTests {
    @Test("A match rule's text has the parts that are set, with arguments in order")
    func textOfRule() {
        let rule = MatchRule(
            sender: "org.example", path: "/a", interface: "org.example.I", member: "M",
            arguments: [10: "k", 2: "c"])
        #expect(
            rule.text == "type='signal',sender='org.example',path='/a',interface='org.example.I',member='M',"
                + "arg2='c',arg10='k'")
        #expect(MatchRule().text == "type='signal'")
    }

    @Test("A match rule escapes apostrophes and nothing else")
    func apostrophesAreEscaped() {
        #expect(MatchRule(arguments: [0: #"it's, a \ "#]).text == #"type='signal',arg0='it'\''s, a \ '"#)
    }

    @Test("A match rule for name owners accepts the bus as the only sender")
    func nameOwnerChangedRule() {
        #expect(
            MatchRule.nameOwnerChanged(namespace: "org.example").text
                == "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                + "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0namespace='org.example'")
        #expect(MatchRule.nameOwnerChanged(name: "org.example.A").text.hasSuffix("arg0='org.example.A'"))
    }
}
