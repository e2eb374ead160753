public import CConnectToLinux

/// A memory fence between a frequent side, which pays next to nothing for it, and a rare side, which pays some
/// microseconds.
///
/// Each side stores a value, passes its half of the fence, and loads the value that the other side stores. Then at
/// least one side sees the other's store. With two ordinary fences each side would pay twenty nanoseconds, which is
/// more than posting a message costs. (P1202, "Asymmetric fences", built on Linux's membarrier(2). Where a sandbox
/// forbids that call, the light half is an ordinary fence.)
///
/// May be used on any thread.
public enum AsymmetricFence {
    /// The frequent side's half.
    @inlinable @inline(__always)
    public static func light() { clinux_light_fence() }

    /// The rare side's half.
    public static func heavy() { clinux_heavy_fence() }
}
