//! A list of work in, what each piece gives out, in the list's order; all processors share the work.

use crate::progress::Progress;
use anyhow::{Result, anyhow};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does `work` on every piece, showing `what` is under way; None where it was stopped before all were done. `tool`: makes what a worker
/// needs for all of its pieces.
pub fn each<P: Sync, T, R: Send>(
    what: &str,
    pieces: &[P],
    stop: &AtomicBool,
    tool: impl Fn() -> Result<T> + Sync,
    work: impl Fn(&mut T, usize, &P) -> Result<R> + Sync,
) -> Result<Option<Vec<R>>> {
    let bar = Progress::pieces(what, pieces.len() as u64);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(pieces.len())));
    let worker = || -> Result<()> {
        let mut tool = tool()?;
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(index) else { break };
            let result = work(&mut tool, index, piece)?;
            let mut done = done.lock().map_err(|_| anyhow!("a worker failed"))?;
            done.push((index, result));
            bar.at(done.len() as u64);
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(pieces.len());
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker failed"))?)
    })?;
    let mut done = done.into_inner().map_err(|_| anyhow!("a worker failed"))?;
    if done.len() < pieces.len() {
        return Ok(None);
    }
    bar.done();
    done.sort_by_key(|(index, _)| *index);
    Ok(Some(done.into_iter().map(|(_, result)| result).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(stop: bool, work: impl Fn(usize) -> Result<usize> + Sync) -> Result<Option<Vec<usize>>> {
        let pieces: Vec<usize> = (0..50).collect();
        each("squares", &pieces, &AtomicBool::new(stop), || Ok(()), |_, _, piece| work(*piece))
    }

    #[test]
    fn results_lie_in_the_order_of_the_pieces_and_a_failure_is_told() {
        assert_eq!(squares(false, |piece| Ok(piece * piece)).unwrap().unwrap(), (0..50).map(|n| n * n).collect::<Vec<_>>());
        let error = squares(false, |piece| if piece == 30 { Err(anyhow!("no square of 30")) } else { Ok(piece) });
        assert_eq!(error.unwrap_err().to_string(), "no square of 30");
    }

    #[test]
    fn what_is_stopped_gives_nothing() {
        assert_eq!(squares(true, Ok).unwrap(), None);
    }
}
