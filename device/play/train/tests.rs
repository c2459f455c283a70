use super::*;
use crate::generate::idx::Digits;
use crate::play::lesson::{BATCH, KEPT, note};
use crate::play::worker::Worker;
use anyhow::Result;

fn orders() -> Orders {
    let (single, periods) = ([0; 2], [1; 2]);
    Orders { single, is_running: true, periods, pause_ms: 0, reset: false, wants_samples: false, is_over: false }
}

fn steps(orders: &mut Orders, count: usize) -> String {
    let mut done = [0; 2];
    (0..count).map(|_| orders.next(&mut done).map_or('-', |which| ['d', 'g'][which])).collect()
}

#[test]
fn periods_alternate_and_single_steps_come_first() {
    assert_eq!(steps(&mut orders(), 6), "dgdgdg");
    assert_eq!(steps(&mut Orders { periods: [3, 2], ..orders() }, 10), "dddggdddgg");
    assert_eq!(steps(&mut Orders { single: [0, 2], is_running: false, ..orders() }, 4), "gg--");
}

/// Counts what it was asked for.
#[derive(Default)]
struct Counting([f32; 2]);

impl Student for Counting {
    fn step_discriminator(&mut self, real: &[f32]) -> [f32; 3] {
        assert_eq!(real.len(), BATCH * 4);
        self.0[0] += 1.0;
        [self.0[0], 0.75, 0.25]
    }

    fn step_generator(&mut self) -> f32 {
        self.0[1] += 1.0;
        self.0[1]
    }

    fn samples(&mut self) -> Vec<f32> {
        vec![0.5; 4]
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

fn train() -> Train {
    let shape = Shape { channels: 1, height: 2, width: 2 };
    let real = Arc::new(Digits { pictures: Tiles::new(shape, vec![1.0; 8]).unwrap(), labels: vec![1, 2] });
    let open = || -> Result<(Box<dyn Student>, Arc<Digits>)> { Ok((Box::new(Counting::default()), real)) };
    Train::new(Some(Learner { open: Box::new(open), shape, seed: 1 }))
}

fn until(train: &Train, is_so: impl Fn(&Progress) -> bool) -> Progress {
    loop {
        let progress = lock(&train.shared.progress).clone();
        if is_so(&progress) {
            return progress;
        }
        std::thread::yield_now();
    }
}

#[test]
fn buttons_step_run_pause_and_reset() {
    let worker = Worker::start(|| Ok(Default::default()));
    let mut train = train();
    let at = |now| Moment { now, worker: &worker, visitor: None };
    train.tick(&at(0.0));
    until(&train, |p| p.steps[0] >= 5 && p.steps[1] >= 5);
    train.press(3);
    train.press(6);
    until(&train, |p| p.steps == [0, 0]);
    train.press(0);
    train.press(0);
    train.press(1);
    let progress = until(&train, |p| p.steps == [2, 1]);
    assert_eq!((progress.losses, progress.opinions), ([vec![1.0, 2.0], vec![1.0]], [0.75, 0.25]));
    train.tick(&at(9.0));
    assert!(until(&train, |p| p.samples.is_some()).samples == Some(vec![0.5; 4]) || train.samples.is_some());
    train.slide(7, 1.0);
    assert_eq!(lock(&train.shared.orders).periods, [PERIOD_MOST, 1]);
}

#[test]
fn whoever_goes_on_leaves_it_paused_and_finds_it_running_again() {
    let worker = Worker::start(|| Ok(Default::default()));
    let mut train = train();
    let at = |now| Moment { now, worker: &worker, visitor: None };
    train.tick(&at(0.0));
    train.leave();
    assert!(!lock(&train.shared.orders).is_running);
    train.tick(&at(1.0));
    assert!(lock(&train.shared.orders).is_running);
}

#[test]
fn losses_keep_the_newest() {
    let train = train();
    (0..KEPT + 10).for_each(|i| note(&train.shared, 0, i as f32));
    let progress = lock(&train.shared.progress);
    assert_eq!((progress.losses[0].last(), progress.steps[0]), (Some(&((KEPT + 9) as f32)), KEPT as u64 + 10));
    assert!(progress.losses[0].len() <= KEPT);
}
