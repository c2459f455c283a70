//! Questions in, the nets' answers out, in a thread of their own. One question waits at most: a newer one takes its place.

use crate::generate::Family;
use anyhow::Result;
use std::any::Any;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce(&mut Family) -> Result<Box<dyn Any + Send>> + Send>;

#[derive(Default)]
struct State {
    /// What is asked next.
    job: Option<Job>,
    /// Whether one is being answered.
    is_busy: bool,
    /// The newest answer that nobody took yet.
    answer: Option<Box<dyn Any + Send>>,
    /// Why the last question was not answered.
    complaint: Option<String>,
    /// Counts what was forgotten: an answer to an older question is thrown away.
    age: u64,
    is_over: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

/// The thread that has the nets.
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// The nets are opened with the first question: a booth where nobody dreams has no need of them.
    pub fn start(open: impl FnOnce() -> Result<Family> + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let work = move || {
            let (mut open, mut opened) = (Some(open), Err("the nets were not opened".to_string()));
            let mut state = theirs.lock();
            while !state.is_over {
                let Some(job) = state.job.take() else {
                    state = theirs.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                };
                (state.is_busy, state.complaint) = (true, None);
                let age = state.age;
                drop(state);
                if let Some(open) = open.take() {
                    opened = open().map_err(|error| format!("{error:#}"));
                }
                let answer = match &mut opened {
                    Ok(family) => job(family),
                    Err(why) => Err(anyhow::anyhow!("{why}")),
                };
                state = theirs.lock();
                state.is_busy = false;
                if age == state.age {
                    match answer {
                        Ok(answer) => state.answer = Some(answer),
                        Err(error) => state.complaint = Some(format!("{error:#}")),
                    }
                }
            }
        };
        // Without a thread every question stays open, and nothing else stops.
        let thread = std::thread::Builder::new().name("dream".into()).spawn(work).ok();
        Self { shared, thread }
    }

    /// Asks, in place of what was asked and not begun yet.
    pub fn ask<T: Any + Send>(&self, question: impl FnOnce(&mut Family) -> Result<T> + Send + 'static) {
        self.shared.lock().job = Some(Box::new(move |family| Ok(Box::new(question(family)?) as Box<dyn Any + Send>)));
        self.shared.wake.notify_one();
    }

    /// Whether a question is open.
    pub fn is_busy(&self) -> bool {
        let state = self.shared.lock();
        state.is_busy || state.job.is_some()
    }

    /// The newest answer, once, where it is of that kind.
    pub fn take<T: Any>(&self) -> Option<T> {
        let mut state = self.shared.lock();
        if !state.answer.as_ref()?.is::<T>() {
            return None;
        }
        state.answer.take()?.downcast().ok().map(|answer| *answer)
    }

    /// Why the last question was not answered.
    pub fn complaint(&self) -> Option<String> {
        self.shared.lock().complaint.clone()
    }

    /// Answers to what was asked so far are of no use any more.
    pub fn forget(&self) {
        let mut state = self.shared.lock();
        state.age += 1;
        (state.job, state.answer, state.complaint) = (None, None, None);
    }
}

impl Shared {
    /// A question that failed inside leaves the state as good as it was.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.wake.notify_one();
        // It ends behind the question that it answers now, in milliseconds.
        self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<T: Any>(worker: &Worker) -> T {
        loop {
            match worker.take() {
                Some(answer) => return answer,
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn a_question_is_answered_once() {
        let worker = Worker::start(|| Ok(Family::default()));
        worker.ask(|family| Ok(family.is_empty()));
        assert!(answer::<bool>(&worker));
        assert_eq!(worker.take::<bool>(), None);
    }

    #[test]
    fn while_it_is_busy_only_the_newest_question_counts() {
        let worker = Worker::start(|| Ok(Family::default()));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        worker.ask(move |_| Ok(wait.recv().map_or(0, |()| 1)));
        while worker.shared.lock().job.is_some() {
            std::thread::yield_now();
        }
        worker.ask(|_| Ok(2));
        worker.ask(|_| Ok(3));
        go.send(()).unwrap();
        while worker.is_busy() {
            std::thread::yield_now();
        }
        assert_eq!(answer::<i32>(&worker), 3);
    }

    #[test]
    fn nets_that_cannot_be_opened_are_complained_of_at_every_question() {
        let worker = Worker::start(|| anyhow::bail!("no such file"));
        for _ in 0..2 {
            worker.forget();
            worker.ask(|_| Ok(()));
            while worker.complaint().is_none() {
                std::thread::yield_now();
            }
            assert_eq!(worker.complaint().unwrap(), "no such file");
        }
    }

    #[test]
    fn a_failure_is_said_until_the_next_question_and_forgotten_with_the_mode() {
        let worker = Worker::start(|| Ok(Family::default()));
        let ask = || {
            worker.ask(|family| family.known().map(|known| known.count()));
            while worker.complaint().is_none() {
                std::thread::yield_now();
            }
        };
        ask();
        assert!(worker.complaint().unwrap().contains("make models"));
        worker.ask(|_| Ok(()));
        answer::<()>(&worker);
        assert_eq!(worker.complaint(), None);
        ask();
        worker.forget();
        assert_eq!(worker.complaint(), None);
    }
}
