//! Threads that stay, for work on borrowed items: as with `std::thread::scope`, but a call starts no threads and allocates
//! nothing. A pool of jobs has a queue, which grows now and then.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Some threads beside the caller's. They end with it.
pub struct Crew {
    board: Arc<Board>,
    threads: Vec<JoinHandle<()>>,
}

/// What a call works on: the item of a number. Its borrows are as long as the call, which the type cannot say.
type Work = &'static (dyn Fn(usize) + Sync);

/// Where the threads see what there is to do.
#[derive(Default)]
struct Board {
    state: Mutex<State>,
    more: Condvar,
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// Of the call that is going on.
    work: Option<Work>,
    /// Items that nobody took yet.
    open: usize,
    /// Items that somebody works on.
    taken: usize,
    panic: Option<Box<dyn Any + Send>>,
    is_over: bool,
}

impl Crew {
    /// Starts threads with names that begin with `name`.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn new(name: &str, threads: usize) -> std::io::Result<Self> {
        let mut crew = Self { board: Arc::default(), threads: Vec::with_capacity(threads) };
        for index in 0..threads {
            let board = crew.board.clone();
            let work = move || board.work(|state| !state.is_over);
            crew.threads.push(std::thread::Builder::new().name(format!("{name} {index}")).spawn(work)?);
        }
        Ok(crew)
    }

    /// Calls `work` once with each item, on the crew's threads and on the caller's, and returns when all is done. A panic in
    /// `work` becomes the caller's.
    pub fn each<T: Send>(&mut self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        let first = Place(items.as_mut_ptr());
        // SAFETY: the board gives each number below `items.len()` to one thread, once.
        let one = |index: usize| work(unsafe { &mut *first.of(index) });
        let one: &(dyn Fn(usize) + Sync) = &one;
        // SAFETY: this function returns when no thread has an item any more, and then takes the work off the board.
        let one = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Work>(one) };
        {
            let mut state = self.board.lock();
            (state.work, state.open) = (Some(one), items.len());
        }
        self.board.more.notify_all();
        self.board.work(|state| state.open > 0);
        let mut state = self.board.lock();
        while state.taken > 0 {
            state = self.board.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.work = None;
        if let Some(panic) = state.panic.take() {
            drop(state);
            resume_unwind(panic);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.board.lock().is_over = true;
        self.board.more.notify_all();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on items, or waits for some, while there is a reason to stay.
    fn work(&self, stays: impl Fn(&State) -> bool) {
        let mut state = self.lock();
        while stays(&state) {
            let Some(work) = state.work.filter(|_| state.open > 0) else {
                state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.open -= 1;
            state.taken += 1;
            let index = state.open;
            drop(state);
            let worked = catch_unwind(AssertUnwindSafe(|| work(index)));
            state = self.lock();
            state.taken -= 1;
            if let Err(panic) = worked {
                state.panic.get_or_insert(panic);
            }
            if state.open == 0 && state.taken == 0 {
                self.done.notify_all();
            }
        }
    }
}

/// Where items begin.
struct Place<T>(*mut T);

// SAFETY: threads get different items, and these may be sent.
unsafe impl<T: Send> Sync for Place<T> {}

impl<T> Place<T> {
    fn of(&self, index: usize) -> *mut T {
        self.0.wrapping_add(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_in_every_call() {
        let mut crew = Crew::new("test", 3).unwrap();
        let mut items = [0; 20];
        for call in 1..=500 {
            crew.each(&mut items, |item| *item += 1);
            assert_eq!(items, [call; 20]);
        }
        crew.each(&mut [0; 0], |_| unreachable!());
    }

    #[test]
    fn items_are_worked_on_side_by_side() {
        let both = std::sync::Barrier::new(2);
        Crew::new("test", 1).unwrap().each(&mut [(); 2], |()| {
            both.wait();
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_crew_works_on() {
        let mut crew = Crew::new("test", 2).unwrap();
        let call = |crew: &mut Crew| {
            let work = |item: &mut usize| assert!(*item != 3, "three");
            catch_unwind(AssertUnwindSafe(|| crew.each(&mut [1, 2, 3, 4], work))).is_err()
        };
        assert!(call(&mut crew) && call(&mut crew));
        let mut items = [1, 2];
        crew.each(&mut items, |item| *item *= 2);
        assert_eq!(items, [2, 4]);
    }
}
