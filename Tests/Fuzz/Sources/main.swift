import CConnectToFuzzer
import Glibc

// One program for all targets, since linking is what takes time; the environment says which, because
// libFuzzer passes its arguments on to copies of itself.

let target: cfuzzer_target
switch getenv("FUZZ").map({ String(cString: $0) }) {
case "frames":
    target = { bytes, count in
        fuzzFrames(ByteSource(bytes, count))
        return 0
    }
case "line":
    target = { bytes, count in
        fuzzLine(ByteSource(bytes, count))
        return 0
    }
case "options":
    target = { bytes, count in
        fuzzOptions(ByteSource(bytes, count))
        return 0
    }
case "names":
    target = { bytes, count in
        fuzzNames(ByteSource(bytes, count))
        return 0
    }
case "envelope":
    target = { bytes, count in
        fuzzEnvelope(ByteSource(bytes, count))
        return 0
    }
case "calls":
    target = { bytes, count in
        fuzzCalls(ByteSource(bytes, count))
        return 0
    }
case "state":
    target = { bytes, count in
        fuzzState(ByteSource(bytes, count))
        return 0
    }
default:
    print("set FUZZ to frames, line, options, names, envelope, calls or state")
    exit(2)
}

var argumentCount = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&argumentCount, &arguments, target))
