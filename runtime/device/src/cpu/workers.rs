//! A persistent pool of worker threads that run the slices of one task at a time, together with the calling thread.
//!
//! One call publishes a task, takes part in it and returns when every slice is done. Nothing is allocated per call.
//! Workers *join* a task while it is open; the caller closes it when the slices are used up and waits only for those
//! that joined, so a worker that the operating system wakes late never delays a small task. Between tasks a worker
//! spins for a short time that adapts to how soon work tends to arrive, then sleeps.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Slices of a task: called with the slice's index and the index of the thread that runs it (0 is the caller).
type Task<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// Set in `state` while workers may join the current task.
const OPEN: u64 = 1 << 31;
/// The low bits of `state` count the workers that have joined and not finished; the high 32 bits number the tasks.
const JOINED: u64 = OPEN - 1;
const GENERATION: u64 = 1 << 32;

const SHORTEST_SPIN: Duration = Duration::from_micros(4);
const LONGEST_SPIN: Duration = Duration::from_micros(50);

/// A field on a cache line of its own, so that threads writing neighbours do not disturb each other.
#[repr(align(128))]
struct Line<T>(T);

struct Pool {
    /// Generation, open bit and joined count in one word, so that joining is one compare-and-swap.
    state: Line<AtomicU64>,
    /// The next slice that nobody has taken.
    next: Line<AtomicUsize>,
    slices: AtomicUsize,
    /// The current task; written only while the task is closed and nobody has joined.
    task: UnsafeCell<Option<*const Task<'static>>>,
    /// Workers asleep on `wake`.
    sleepers: Line<AtomicUsize>,
    sleep: Mutex<()>,
    wake: Condvar,
    /// The caller is asleep on `finished`.
    caller_sleeps: AtomicBool,
    finish: Mutex<()>,
    finished: Condvar,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `task` is the only field that is not Sync by itself. It is written by the one caller that holds the submit
// lock while `state` is closed with nobody joined, and read only by workers that joined, which happens after (the
// compare-and-swap on `state` acquires what the caller released). The pointee is Sync and outlives the task.
unsafe impl Sync for Pool {}
// SAFETY: as above; the raw pointer in `task` is never followed outside a task.
unsafe impl Send for Pool {}

/// A pool of threads that computes the slices of one task at a time. Dropping it joins the threads.
pub struct Workers {
    pool: Arc<Pool>,
    handles: Vec<JoinHandle<()>>,
    submit: Mutex<()>,
}

/// Threads that take slices: a pool, or a pool that is held for a row of tasks. Library kernels run on either.
pub trait Team: Sync {
    /// How many threads compute, the caller included.
    fn threads(&self) -> usize;

    /// As [`Workers::run_on_threads`].
    fn run_on_threads(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync));

    /// As [`Workers::run`].
    fn run(&self, slices: usize, task: &(dyn Fn(usize) + Sync)) {
        self.run_on_threads(slices, &|slice, _thread| task(slice));
    }
}

impl Team for Workers {
    fn threads(&self) -> usize {
        Workers::threads(self)
    }

    fn run_on_threads(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        Workers::run_on_threads(self, slices, task);
    }
}

impl Team for Sequence<'_> {
    fn threads(&self) -> usize {
        self.workers.threads()
    }

    fn run_on_threads(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        Sequence::run_on_threads(self, slices, task);
    }
}

/// A run of several tasks in a row with the pool held: see [`Workers::sequence`].
pub struct Sequence<'workers> {
    workers: &'workers Workers,
    /// None: the pool is busy with another caller's task, and this sequence runs on the calling thread alone.
    held: Option<MutexGuard<'workers, ()>>,
}

impl Workers {
    /// A pool in which `threads` threads compute: the caller of [`Workers::run`] and `threads - 1` workers.
    /// Zero counts as one. Panics if the operating system refuses a thread.
    pub fn new(threads: usize) -> Workers {
        let pool = Arc::new(Pool {
            state: Line(AtomicU64::new(0)),
            next: Line(AtomicUsize::new(0)),
            slices: AtomicUsize::new(0),
            task: UnsafeCell::new(None),
            sleepers: Line(AtomicUsize::new(0)),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            caller_sleeps: AtomicBool::new(false),
            finish: Mutex::new(()),
            finished: Condvar::new(),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut workers = Workers { pool, handles: Vec::new(), submit: Mutex::new(()) };
        for index in 1..threads {
            let pool = Arc::clone(&workers.pool);
            let handle = std::thread::Builder::new().name(format!("esper-worker-{index}")).spawn(move || pool.work(index));
            match handle {
                Ok(handle) => workers.handles.push(handle),
                // Dropping `workers` on the way out joins those already started.
                Err(error) => panic!("cannot start worker thread {index} of {threads}: {error}"),
            }
        }
        workers
    }

    /// How many threads compute, the caller included.
    pub fn threads(&self) -> usize {
        self.handles.len() + 1
    }

    /// Calls `task(slice)` once for every `slice` in `0..slices`, spread over the threads, and returns when all are
    /// done. Slices run in any order and at the same time. A call from inside a task, or while another thread's task
    /// runs, computes all its slices on the calling thread.
    ///
    /// If a slice panics, slices that have not begun may be left out, and the panic continues in the caller.
    pub fn run(&self, slices: usize, task: &(dyn Fn(usize) + Sync)) {
        self.run_on_threads(slices, &|slice, _thread| task(slice));
    }

    /// As [`Workers::run`], with the index of the computing thread (`0..threads()`, the caller is 0) as the second
    /// argument: at no time do two slices of one run see the same index at once, so it may choose scratch memory.
    pub fn run_on_threads(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        if self.handles.is_empty() || slices <= 1 {
            (0..slices).for_each(|slice| task(slice, 0));
            return;
        }
        self.sequence(|sequence| sequence.run_on_threads(slices, task));
    }

    /// Holds the pool for a row of tasks, such as the operators of one training step: each [`Sequence::run`] in
    /// `body` then costs no lock, and the workers stay warm between them (they still sleep when a pause is long).
    pub fn sequence<R>(&self, body: impl FnOnce(&Sequence<'_>) -> R) -> R {
        let held = match self.submit.try_lock() {
            Ok(guard) => Some(guard),
            // The guarded value is empty, so a panic in an earlier task left nothing broken behind.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        body(&Sequence { workers: self, held })
    }
}

impl Sequence<'_> {
    /// As [`Workers::run`].
    pub fn run(&self, slices: usize, task: &(dyn Fn(usize) + Sync)) {
        self.run_on_threads(slices, &|slice, _thread| task(slice));
    }

    /// As [`Workers::run_on_threads`].
    pub fn run_on_threads(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        if self.held.is_none() || self.workers.handles.is_empty() || slices <= 1 {
            (0..slices).for_each(|slice| task(slice, 0));
            return;
        }
        self.workers.pool.submit(slices, self.workers.handles.len(), task);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.pool.stop.store(true, Ordering::SeqCst);
        {
            let _guard = lock(&self.pool.sleep);
            self.pool.wake.notify_all();
        }
        for handle in self.handles.drain(..) {
            // Tasks' panics are caught, so a worker ends normally; nothing useful is left to report here.
            let _ = handle.join();
        }
    }
}

impl Pool {
    /// Runs one task as its caller. The submit lock is held: there is one caller at a time.
    fn submit(&self, slices: usize, workers: usize, task: &Task<'_>) {
        // SAFETY: only the lifetime is erased. The pointer is followed only by threads that joined this task, and
        // this function returns only after the task is closed and all of them have left.
        let erased = unsafe { std::mem::transmute::<*const Task<'_>, *const Task<'static>>(task) };
        // SAFETY: the previous task is closed with nobody joined and we are the only caller: nobody reads `task` now.
        unsafe { *self.task.get() = Some(erased) };
        self.slices.store(slices, Ordering::Relaxed);
        self.next.0.store(0, Ordering::Relaxed);
        let generation = self.state.0.load(Ordering::Relaxed) & !(OPEN | JOINED);
        self.state.0.store(generation.wrapping_add(GENERATION) | OPEN, Ordering::SeqCst);
        // Pairs with the fence in `sleep`: either we see the sleeper, or it sees the open task.
        fence(Ordering::SeqCst);
        let sleepers = self.sleepers.0.load(Ordering::SeqCst);
        if sleepers > 0 {
            let _guard = lock(&self.sleep);
            for _ in 0..sleepers.min(workers).min(slices - 1) {
                self.wake.notify_one();
            }
        }
        self.take_slices(task, 0);
        self.state.0.fetch_and(!OPEN, Ordering::SeqCst);
        self.wait_until_left();
        let panic = if self.next.0.load(Ordering::Relaxed) >= PANICKED { lock(&self.panic).take() } else { None };
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    /// Takes and computes slices until none is left, and keeps the first panic.
    fn take_slices(&self, task: &Task<'_>, thread: usize) {
        let slices = self.slices.load(Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let slice = self.next.0.fetch_add(1, Ordering::Relaxed);
                if slice >= slices {
                    return;
                }
                task(slice, thread);
            }
        }));
        if let Err(payload) = outcome {
            lock(&self.panic).get_or_insert(payload);
            // No further slice is handed out.
            self.next.0.store(PANICKED, Ordering::Relaxed);
        }
    }

    /// Waits until every worker that joined the closed task has left it: spins, then sleeps.
    fn wait_until_left(&self) {
        let left = || self.state.0.load(Ordering::Acquire) & JOINED == 0;
        if spin(LONGEST_SPIN, left) {
            return;
        }
        let mut guard = lock(&self.finish);
        self.caller_sleeps.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        while !left() {
            guard = self.finished.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.caller_sleeps.store(false, Ordering::SeqCst);
    }

    /// The life of a worker thread.
    fn work(&self, index: usize) {
        let mut seen = 0;
        let mut budget = LONGEST_SPIN;
        loop {
            if !spin(budget, || self.stop.load(Ordering::Relaxed) || self.is_open_after(seen)) {
                // Nothing came in time: spin less next time.
                budget = (budget / 2).max(SHORTEST_SPIN);
                self.sleep(seen);
            } else {
                budget = (budget * 2).min(LONGEST_SPIN);
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            if let Some(generation) = self.join(seen) {
                seen = generation;
                // SAFETY: we joined, so the caller waits for us in `submit` and the task is alive and not rewritten.
                let task = unsafe { (*self.task.get()).map(|task| &*task) };
                if let Some(task) = task {
                    self.take_slices(task, index);
                }
                let before = self.state.0.fetch_sub(1, Ordering::SeqCst);
                fence(Ordering::SeqCst);
                if before & JOINED == 1 && self.caller_sleeps.load(Ordering::SeqCst) {
                    let _guard = lock(&self.finish);
                    self.finished.notify_one();
                }
            }
        }
    }

    /// Whether a task that this worker has not yet joined accepts workers and still has slices to give.
    fn is_open_after(&self, seen: u64) -> bool {
        let state = self.state.0.load(Ordering::Acquire);
        state & OPEN != 0 && state & !(OPEN | JOINED) != seen
    }

    /// Joins the open task, if there is a new one; its generation.
    fn join(&self, seen: u64) -> Option<u64> {
        let mut state = self.state.0.load(Ordering::Acquire);
        loop {
            let generation = state & !(OPEN | JOINED);
            if state & OPEN == 0 || generation == seen {
                return None;
            }
            match self.state.0.compare_exchange_weak(state, state + 1, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => return Some(generation),
                Err(now) => state = now,
            }
        }
    }

    /// Sleeps until there is a task that this worker has not joined, or the pool stops.
    fn sleep(&self, seen: u64) {
        let mut guard = lock(&self.sleep);
        self.sleepers.0.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        while !self.stop.load(Ordering::SeqCst) && !self.is_open_after(seen) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// `next` from here on means that a slice panicked; far above any number of slices, far below overflow.
const PANICKED: usize = usize::MAX / 2;

/// Spins until `done` or until `budget` has passed; whether it was done.
fn spin(budget: Duration, done: impl Fn() -> bool) -> bool {
    for _ in 0..32 {
        if done() {
            return true;
        }
        std::hint::spin_loop();
    }
    let start = Instant::now();
    loop {
        for _ in 0..32 {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() >= budget {
            return done();
        }
    }
}

/// Locks a mutex whose guarded state is valid at every moment, so that poisoning does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slice_runs_once_for_any_number_of_threads() {
        for threads in [0, 1, 2, 3, 5] {
            let workers = Workers::new(threads);
            assert_eq!(workers.threads(), threads.max(1));
            for slices in [0, 1, 2, 3, 17, 1000] {
                let counts: Vec<AtomicUsize> = (0..slices).map(|_| AtomicUsize::new(0)).collect();
                workers.run(slices, &|slice| {
                    counts[slice].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn thread_indices_are_exclusive_while_a_slice_runs() {
        let workers = Workers::new(3);
        let busy: Vec<AtomicBool> = (0..3).map(|_| AtomicBool::new(false)).collect();
        for _ in 0..200 {
            workers.run_on_threads(40, &|_slice, thread| {
                assert!(!busy[thread].swap(true, Ordering::SeqCst));
                std::hint::black_box((0..50).sum::<usize>());
                busy[thread].store(false, Ordering::SeqCst);
            });
        }
    }

    #[test]
    fn many_small_tasks_in_a_sequence_and_after_pauses() {
        let workers = Workers::new(3);
        let total = AtomicUsize::new(0);
        workers.sequence(|sequence| {
            for _ in 0..5_000 {
                sequence.run(4, &|slice| {
                    total.fetch_add(slice, Ordering::Relaxed);
                });
            }
        });
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(1));
            workers.run(4, &|slice| {
                total.fetch_add(slice, Ordering::Relaxed);
            });
        }
        assert_eq!(total.load(Ordering::Relaxed), 5_020 * 6);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let workers = Workers::new(2);
        for _ in 0..20 {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                workers.run(8, &|slice| {
                    if slice == 3 {
                        panic!("slice three");
                    }
                })
            }));
            assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"slice three"));
            let count = AtomicUsize::new(0);
            workers.run(8, &|_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(count.load(Ordering::Relaxed), 8);
        }
    }

    #[test]
    fn nested_and_concurrent_calls_finish() {
        let workers = Workers::new(2);
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        workers.run(4, &|_| {
                            workers.run(3, &|_| {
                                count.fetch_add(1, Ordering::Relaxed);
                            })
                        });
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 2 * 100 * 4 * 3);
    }
}
