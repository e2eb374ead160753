/// What a write to a ``SharedState`` with a file survives once it has returned.
public enum StateDurability: Sendable, Hashable {
    /// The end of the process, in whatever way, SIGKILL included: the kernel has the write. When the machine loses
    /// power, the writes of the last half minute or so may be lost.
    case process
    /// The loss of power, too: each write of this program waits until the disk has it (fdatasync), which takes
    /// milliseconds, and longer on a busy disk. Meanwhile other writes wait, and what comes from other replicas.
    /// Edits of texts are not waited for, nor what other replicas have written: those have it.
    case power
}
