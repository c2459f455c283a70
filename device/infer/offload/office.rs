//! Orders of nets' seats in, places on the GPU out: one thread, one order after the other.
//!
//! It opens the GPU with the first order that needs it, decides by what is recorded or measured, and says once what is missing.

use super::judge::{self, Device, Running};
use super::probe::{self, Lack, Place};
use super::record::{Finding, Record};
use super::twin::Twin;
use super::{Notes, Patience, Wish, graph};
use crate::guard::guard;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Opens the GPU: seconds, and at the first start on a machine minutes.
pub(super) type Opener = Box<dyn FnOnce() -> Result<Box<dyn Device>> + Send>;

/// A net's place on the GPU, for inputs of one shape.
pub(super) struct Slot {
    state: Mutex<State>,
    settled: Condvar,
    /// Whoever comes before it is settled waits.
    waits: bool,
}

enum State {
    Asked,
    Ready(Box<dyn Running>),
    /// On the processor.
    Stays,
}

impl Slot {
    /// Uses the place. `None` where there is none, or none yet.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut dyn Running) -> R) -> Option<R> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while self.waits && matches!(*state, State::Asked) {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &mut *state {
            State::Ready(running) => Some(work(&mut **running)),
            _ => None,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state.try_lock().is_ok_and(|state| matches!(*state, State::Ready(_)))
    }

    fn settle(&self, running: Option<Box<dyn Running>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = running.map_or(State::Stays, State::Ready);
        self.settled.notify_all();
    }
}

struct Order {
    name: String,
    sha256: String,
    shape: Vec<usize>,
    twin: Box<dyn Twin>,
    slot: Arc<Slot>,
}

/// Where orders are taken.
pub(super) struct Office {
    orders: Sender<Order>,
    patience: Patience,
    open: Arc<AtomicUsize>,
    notes: Notes,
}

impl Office {
    /// An office whose thread waits for orders. Nothing of the GPU is touched yet.
    pub(super) fn open(wish: Wish, patience: Patience, place: Place, opener: Opener, notes: Notes) -> Result<Arc<Self>> {
        let (orders, taken) = channel();
        let open = Arc::new(AtomicUsize::new(0));
        let record = Record::read(&place);
        let gpu = Gpu::Closed(opener);
        let clerk = Clerk { wish, patience, place, gpu, record, notes: notes.clone(), said: BTreeSet::new() };
        let counter = open.clone();
        let work = std::thread::Builder::new().name("gpu".into()).spawn(move || clerk.work(&taken, &counter));
        work.context("no thread for the GPU can be started; the processor goes on")?;
        Ok(Arc::new(Self { orders, patience, open, notes }))
    }

    /// Asks for a net's place.
    pub(super) fn ask(&self, name: &str, sha256: &str, shape: &[usize], twin: Box<dyn Twin>) -> Arc<Slot> {
        let waits = self.patience != Patience::Background;
        let slot = Arc::new(Slot { state: Mutex::new(State::Asked), settled: Condvar::new(), waits });
        let order = Order { name: name.into(), sha256: sha256.into(), shape: shape.to_vec(), twin, slot: slot.clone() };
        self.open.fetch_add(1, Ordering::SeqCst);
        if self.orders.send(order).is_err() {
            slot.settle(None);
        }
        slot
    }

    /// Whether an order is being worked on.
    pub(super) fn is_busy(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    /// Takes a complaint about a net that was running there.
    pub(super) fn failed(&self, name: &str, error: &anyhow::Error) {
        self.notes.say(format!("{name} failed on the GPU ({}); the processor goes on", probe::one_line(&format!("{error:#}"))));
    }
}

enum Gpu {
    Closed(Opener),
    Open(Box<dyn Device>),
    /// It cannot be used, and that was said.
    Missing,
}

struct Clerk {
    wish: Wish,
    patience: Patience,
    place: Place,
    gpu: Gpu,
    record: Record,
    notes: Notes,
    /// What was said of which net.
    said: BTreeSet<String>,
}

impl Clerk {
    fn work(mut self, orders: &Receiver<Order>, open: &AtomicUsize) {
        for mut order in orders {
            let settled = guard(|| self.settle(&mut order));
            let running = settled.unwrap_or_else(|error| {
                let why = probe::one_line(&format!("{error:#}"));
                self.say_once(format!("{} stays on the processor: {why}", order.name));
                None
            });
            order.slot.settle(running);
            if open.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.notes.progress(None);
            }
        }
    }

    /// The net on the GPU; none where it stays on the processor.
    fn settle(&mut self, order: &mut Order) -> Result<Option<Box<dyn Running>>> {
        let known = self.record.find(&order.sha256, &order.shape).cloned();
        match (&known, self.wish) {
            (Some(Finding::Measured(verdict)), Wish::Auto) if !verdict.is_quicker() => return Ok(None),
            (Some(Finding::Unfit(_)), Wish::Auto) | (_, Wish::Cpu) => return Ok(None),
            (None, Wish::Auto) if self.patience == Patience::Wait => return Ok(None),
            _ => {}
        }
        let graph = match graph::for_gpu(order.twin.graph()?)? {
            Ok(graph) => graph,
            Err(operator) => {
                if self.wish == Wish::Cuda {
                    self.say_once(format!("{} stays on the processor: the GPU has no {operator}", order.name));
                }
                self.write_down(order, Finding::Unfit(operator));
                return Ok(None);
            }
        };
        if !self.open_gpu() {
            return Ok(None);
        }
        let Gpu::Open(device) = &self.gpu else { return Ok(None) };
        self.notes.progress(Some(format!("the GPU gets ready: {}", order.name)));
        if let Some(Finding::Measured(verdict)) = known {
            return judge::prepare(&**device, &graph, verdict.half).map(Some);
        }
        let (verdict, running) = judge::judge(&**device, &graph, &order.shape, &mut *order.twin)?;
        let goes = self.wish == Wish::Cuda || verdict.is_quicker();
        self.write_down(order, Finding::Measured(verdict));
        Ok(goes.then_some(running))
    }

    /// Whether there is a GPU; the first call finds out.
    fn open_gpu(&mut self) -> bool {
        let Gpu::Closed(_) = self.gpu else { return matches!(self.gpu, Gpu::Open(_)) };
        let Gpu::Closed(opener) = std::mem::replace(&mut self.gpu, Gpu::Missing) else { return false };
        let lack = match probe::missing(&self.place) {
            // Who asks for nothing and has no GPU misses nothing.
            Some(Lack::Gpu(_)) if self.wish == Wish::Auto => return false,
            Some(Lack::Gpu(lack) | Lack::Part(lack)) => Some(lack),
            None => None,
        };
        let words = if probe::has_kernels(&self.place) { "" } else { ": its kernels are compiled, once on this machine" };
        let opened = match lack {
            Some(lack) => Err(lack),
            None => {
                self.notes.progress(Some(format!("the GPU gets ready{words}")));
                guard(opener).map_err(|error| format!("the GPU cannot be used: {}", probe::one_line(&format!("{error:#}"))))
            }
        };
        match opened {
            Ok(device) => self.gpu = Gpu::Open(device),
            Err(lack) => self.notes.say(format!("{lack}; the processor goes on")),
        }
        matches!(self.gpu, Gpu::Open(_))
    }

    fn write_down(&mut self, order: &Order, finding: Finding) {
        if let Err(error) = self.record.put(&order.sha256, &order.shape, finding) {
            self.say_once(format!(
                "what was measured of the GPU cannot be kept, and is measured again at the next start: {error:#}"
            ));
        }
    }

    fn say_once(&mut self, sentence: String) {
        if self.said.insert(sentence.clone()) {
            self.notes.say(sentence);
        }
    }
}
