//! Time, which the caller tells: nothing here reads a clock.

/// How often [`crate::engine::Engine::tick`] wants to be called, in microseconds.
pub const TICK_US: u64 = 20_000;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic, in microseconds.
    pub us: u64,
    /// Wall clock, in nanoseconds since the Unix epoch.
    pub wall_ns: u64,
}
