//! Memory for tests with nothing beside it: one step beyond either end of a slice is a fault, on every processor.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Which end of a slice touches the fence.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Start,
    End,
}

/// Until it is dropped, what this thread allocates is fenced. Valgrind and Miri have not that many addresses, and watch all
/// memory by themselves.
pub(crate) struct Fence;

impl Fence {
    pub(crate) fn new(side: Side) -> Self {
        if !cfg!(miri) && ROOM.get().is_none() {
            map(null_mut(), BYTES, libc::PROT_NONE).map(|room| ROOM.set(room as usize));
        }
        SIDE.set(Some(side));
        Self
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        SIDE.set(None);
    }
}

thread_local!(static SIDE: Cell<Option<Side>> = const { Cell::new(None) });

/// Addresses for all slices of a run, never used twice.
static ROOM: OnceLock<usize> = OnceLock::new();
static USED: AtomicUsize = AtomicUsize::new(0);
const BYTES: usize = 1 << 36;
/// A multiple of every page size that Linux has.
const PAGE: usize = 1 << 16;

fn map(at: *mut u8, bytes: usize, protection: i32) -> Option<*mut u8> {
    let fixed = if at.is_null() { 0 } else { libc::MAP_FIXED };
    let how = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    // SAFETY: a place of its own, or one in the room, which nothing else uses.
    let got = unsafe { libc::mmap(at.cast(), bytes, protection, how, -1, 0) };
    (got != libc::MAP_FAILED).then_some(got.cast())
}

struct Fenced;

#[cfg(not(miri))]
#[global_allocator]
static FENCED: Fenced = Fenced;

// SAFETY: each slice of the room is handed out once; all others are the system's.
unsafe impl GlobalAlloc for Fenced {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (Some(side), Some(room)) = (SIDE.get(), ROOM.get()) else {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc(layout) };
        };
        let pages = layout.size().next_multiple_of(PAGE);
        let from = USED.fetch_add(pages + PAGE, Relaxed) + PAGE;
        if from + pages + PAGE > BYTES {
            return null_mut();
        }
        let skipped = match side {
            Side::Start => 0,
            Side::End => (pages - layout.size()) & !(layout.align() - 1),
        };
        let start = map((room + from) as *mut u8, pages, libc::PROT_READ | libc::PROT_WRITE);
        start.map_or(null_mut(), |start| start.wrapping_add(skipped))
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        match ROOM.get() {
            Some(room) if (*room..room + BYTES).contains(&(at as usize)) => {
                let start = at as usize & !(PAGE - 1);
                map(start as *mut u8, layout.size().next_multiple_of(PAGE), libc::PROT_NONE);
            }
            // SAFETY: as the caller promises.
            _ => unsafe { System.dealloc(at, layout) },
        }
    }
}

/// A pipe takes bytes from where they may be read and refuses others, without a fault.
#[test]
#[cfg(not(miri))]
fn nothing_lies_beside_a_fenced_slice() {
    let mut pipe = [0; 2];
    // SAFETY: there is room for two numbers.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    // SAFETY: the kernel looks whether it may read there.
    let readable = |at: *const u8| unsafe { libc::write(pipe[1], at.cast(), 1) == 1 };
    for (side, length) in [(Side::Start, 13), (Side::End, 13), (Side::Start, PAGE), (Side::End, 3 * PAGE)] {
        let fence = Fence::new(side);
        let slice = vec![1u8; length];
        drop(fence);
        let ends = slice.as_ptr_range();
        assert!(readable(ends.start) && readable(ends.end.wrapping_sub(1)));
        match side {
            Side::Start => assert!(!readable(ends.start.wrapping_sub(1))),
            Side::End => assert!(!readable(ends.end)),
        }
        drop(slice);
        assert!(!readable(ends.start));
    }
}
