//! Panics that are expected of somebody else's code on bad input, kept quiet.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<u32> = const { Cell::new(0) };
}

/// Runs `work`; a panic in it is an error with its message, and prints nothing.
/// What `work` was changing may be half changed then: drop it.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if QUIET.get() == 0 {
                loud(panic);
            }
        }));
    });
    QUIET.set(QUIET.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(QUIET.get() - 1);
    result.map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        let number = 3;
        assert_eq!(
            caught(|| -> u32 { panic!("no {number}") }),
            Err("no 3".to_owned())
        );
        let inner = caught(|| caught(|| -> u32 { panic!("inner") }));
        assert_eq!(inner, Ok(Err("inner".to_owned())));
        assert_eq!(QUIET.get(), 0);
    }
}
