//! Asking the processor for what will be needed soon.
//!
//! The only `unsafe` code of the project, with its measurements: docs/decisions/019-an-explicit-prefetch.md.

#![allow(unsafe_code, reason = "the instruction has no safe form; it reads nothing and cannot fault")]

/// Has the cache line of `items[index]` brought near, without waiting for it. Does nothing if there is no such item, and on
/// processors whose instruction for it is not known here. No program can tell whether it was called, but by the clock.
#[inline(always)]
pub fn prefetch<T>(items: &[T], index: usize) {
    let Some(item) = items.get(index) else { return };
    let line = std::ptr::from_ref(item).cast::<i8>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it neither reads nor writes for the program, whatever the address, and this one is that of a reference
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(line);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above; it changes no register, flag or stack
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{line}]", line = in(reg) line, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = line;
}
