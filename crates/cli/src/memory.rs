//! What a process that waits most of its time does with memory that it has freed.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc 2 (its header counts the options; the crate has
/// no name for this one).
const PURGE_DELAY: mi_option_t = 15;

/// Has freed memory given back to the system at once, not some time later: several
/// sessions of one machine wait side by side. Measured over five of them on one large
/// repository: 31 instead of 55 MB each; indexing takes a few percent longer.
pub(crate) fn give_back_at_once() {
    #[expect(unsafe_code, reason = "a C function that sets a number")]
    // SAFETY: the option exists in this version, and any delay is one.
    unsafe {
        mi_option_set(PURGE_DELAY, 0);
    }
}
