//! What a process that waits most of its time does with memory that it has freed.

use libmimalloc_sys::{mi_collect, mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc 2 (its header counts the options; the crate has
/// no name for this one).
const PURGE_DELAY: mi_option_t = 15;
/// Its default, in milliseconds.
const USUAL_DELAY: std::ffi::c_long = 10;

/// Has freed memory given back to the system at once while a process waits, and after a
/// while when it is at work: several sessions of one machine wait side by side. Measured
/// over five of them on one large repository: 31 instead of 55 MB each; a process that
/// gave back at once while it indexes would take half as long again.
pub(crate) fn at_work(is_at_work: bool) {
    let delay = if is_at_work { USUAL_DELAY } else { 0 };
    #[expect(unsafe_code, reason = "C functions that take a number")]
    // SAFETY: the option exists in this version, and any delay is one; collecting frees
    // nothing that is in use.
    unsafe {
        mi_option_set(PURGE_DELAY, delay);
        if !is_at_work {
            mi_collect(true);
        }
    }
}
