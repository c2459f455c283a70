//! Code of others that may panic, in; what it gives, or what it panicked of as an error, out.
//!
//! Libraries that are opened while the program runs panic where one is missing or of another version. The program goes on
//! without them; so such a panic is not reported, and puts no screen back.

use anyhow::{Result, anyhow};
use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would be caught by [`guard`].
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Does the work on this thread. Whatever it changes must be thrown away where it fails.
///
/// # Errors
/// Its own, and its panic's first line.
pub fn guard<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                report(info);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.unwrap_or_else(|panic| Err(anyhow!("{}", words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("it ended inside")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_first_line() {
        let error = guard(|| -> Result<()> { panic!("no {}\nand more", "library") }).unwrap_err();
        assert_eq!(error.to_string(), "no library");
        assert!(!is_guarded());
    }

    #[test]
    fn answers_and_errors_pass_through() {
        assert!(guard(|| Ok(is_guarded())).unwrap());
        assert_eq!(guard(|| -> Result<()> { Err(anyhow!("its own")) }).unwrap_err().to_string(), "its own");
    }
}
