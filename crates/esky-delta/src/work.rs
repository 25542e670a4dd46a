//! How much work reading a patch is, counted for tests: what a patch may ask for is bounded, and time cannot be tested.
//!
//! One unit is a bit that is decoded, or a byte that is unpacked, looked into, read or written.

#[cfg(feature = "work")]
thread_local! {
    static DONE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// What was done on this thread since the last call.
#[cfg(feature = "work")]
pub fn taken() -> u64 {
    DONE.take()
}

/// Counts work; nothing without the feature.
#[inline(always)]
pub(crate) fn add(units: u64) {
    #[cfg(feature = "work")]
    DONE.set(DONE.get().saturating_add(units));
    #[cfg(not(feature = "work"))]
    let _ = units;
}
