//! What a screen changed about the place where the program was started, undone once: when the screen is dropped, when the
//! program panics, and when it is ended at once.

use crate::guard;
use std::{
    mem, panic,
    sync::{Mutex, Once},
};

/// What undoes one change.
type Back = Box<dyn FnOnce() + Send>;

static CHANGES: Mutex<Vec<Back>> = Mutex::new(Vec::new());

/// Remembers how a change is undone. A panic undoes it before it reports, so that its message can be read; one that is caught
/// ([`guard`]) ends nothing, and the screen stays.
pub(super) fn remember(back: impl FnOnce() + Send + 'static) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !guard::is_guarded() {
                put_back();
            }
            report(info);
        }));
    });
    CHANGES.lock().unwrap_or_else(|e| e.into_inner()).push(Box::new(back));
}

/// Puts everything back as it was found, the last change first. Does nothing the second time.
pub fn put_back() {
    // Taken out first: what undoes a change may panic, and then this is called again.
    let changes = mem::take(&mut *CHANGES.lock().unwrap_or_else(|e| e.into_inner()));
    changes.into_iter().rev().for_each(|back| back());
}

/// Calls [`put_back`] when it is dropped. A screen holds it as its last field: what it shows goes first.
pub(super) struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        put_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn changes_are_undone_once_the_last_first() {
        let done = Arc::new(Mutex::new(Vec::new()));
        for change in [1, 2] {
            let done = Arc::clone(&done);
            remember(move || done.lock().unwrap().push(change));
        }
        put_back();
        put_back();
        assert_eq!(*done.lock().unwrap(), [2, 1]);
    }

    #[test]
    fn a_panic_undoes_them_too() {
        let done = Arc::new(Mutex::new(false));
        let undone = Arc::clone(&done);
        remember(move || *undone.lock().unwrap() = true);
        assert!(std::thread::spawn(|| panic!("as a test wants it")).join().is_err());
        assert!(*done.lock().unwrap());
    }
}
