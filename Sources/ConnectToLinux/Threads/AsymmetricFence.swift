public import CConnectToLinux

/// A memory fence between two sides of which one passes it a million times as often: that side pays next to
/// nothing, the other some microseconds.
///
/// Each side stores something, passes its half, and loads what the other stores: then at least one of them sees the
/// other's. With two usual fences either would pay twenty nanoseconds, which is more than posting a message.
/// (P1202, "Asymmetric fences"; the halves are those of Linux's membarrier(2). Where a sandbox forbids that, the light
/// half is a usual fence.)
///
/// For any thread.
public enum AsymmetricFence {
    /// The frequent side's half.
    @inlinable @inline(__always)
    public static func light() { clinux_light_fence() }

    /// The rare side's half.
    public static func heavy() { clinux_heavy_fence() }
}
