import Glibc
import Subprocess
import SystemPackage

/// Processes that have numbers of their own: what a container is to the bus outside of it.
package enum PIDNamespace {
    /// Runs the words behind it as process 1 of a namespace, which ends with it; followed by `--mount-proc` for a /proc
    /// that shows it. Without root it takes a user namespace.
    package static let command =
        "unshare \(geteuid() == 0 ? "" : "--user --map-current-user --keep-caps ")--pid --fork --kill-child"

    /// Whether there can be one, in which the next process gets a number of one's choice.
    package static func isAvailable() async -> Bool {
        await succeeds("\(command) --mount-proc sh -c 'echo 4241 >/proc/sys/kernel/ns_last_pid'")
    }

    package static let advice = "takes root, or user namespaces (kernel.unprivileged_userns_clone)"
}

/// A user who calls itself root, and is somebody else outside: as in a container that a user has started.
package enum ContainersRoot {
    /// Runs the words behind it as that user.
    package static let command =
        (geteuid() == 0 ? "setpriv --reuid=\(outside) --regid=\(outside) --clear-groups " : "")
        + "unshare --user --map-root-user"

    /// Who that is outside.
    package static let outside: UInt32 = geteuid() == 0 ? 4_242 : geteuid()

    package static func isAvailable() async -> Bool { await succeeds("\(command) true") }

    package static let advice =
        "takes user namespaces (kernel.unprivileged_userns_clone), and of root setpriv"
}

private func succeeds(_ words: String) async -> Bool {
    let outcome = try? await run(
        .path("/bin/sh"), arguments: ["-c", words], output: .discarded, error: .discarded)
    return outcome?.terminationStatus.isSuccess == true
}
