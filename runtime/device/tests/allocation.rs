//! Running a program allocates nothing, on any thread. The one test of its process, as it counts everything.
#[path = "programs/builder.rs"]
mod builder;

use builder::{Builder, numbers, open, read, sum_of_squares, write};
use esper_codegen::{Class, Dot, Epilogue, Step};
use esper_device::{Device, Phase};
use esper_ir::{DType, Prim};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the allocations of the whole process.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn running_allocates_nothing() {
    let mut b = Builder::default();
    let x = b.buffer("x", Class::Exchange, DType::F32, &[300, 400]);
    let w = b.buffer("w", Class::Parameters, DType::F32, &[400, 200]);
    let y = b.buffer("y", Class::Activations, DType::F32, &[300, 200]);
    let z = b.buffer("z", Class::Activations, DType::F32, &[300, 200]);
    let loss = b.buffer("loss", Class::Exchange, DType::F32, &[]);
    let dot =
        |a, b, c, m, n, k| Dot { a, a_strides: [k, 1], b, b_strides: [n, 1], c, m, n, k, batch: vec![], epilogue: Epilogue::default() };
    b.steps.push(Step::Dot(dot(x, w, y, 300, 200, 400)));
    b.elementwise(Prim::Mul, y, y, z);
    sum_of_squares(&mut b, z, loss);
    let program = b.finish(3);
    for threads in [1, 2] {
        let device = open(threads);
        let mut memory = device.memory(program.arenas).expect("room");
        let mut executable = device.load(&program).expect("a program");
        write(&mut *memory, &program, x, &numbers(120_000, 1));
        write(&mut *memory, &program, w, &numbers(80_000, 2));
        executable.measure(true);
        executable.run(&mut *memory, Phase::All).expect("memory fits");
        let before = ALLOCATIONS.load(Ordering::SeqCst);
        for _ in 0..20 {
            executable.run(&mut *memory, Phase::All).expect("memory fits");
        }
        assert_eq!(ALLOCATIONS.load(Ordering::SeqCst) - before, 0);
        assert!(read(&*memory, &program, loss)[0] > 0.0);
        let profile = executable.profile();
        assert_eq!(profile.iter().map(|s| s.calls).collect::<Vec<_>>(), [21, 21, 21]);
        assert_eq!(profile[0].name, "product [300, 400, 200]");
        assert!(profile.iter().all(|s| s.seconds > 0.0));
        executable.measure(false);
        executable.run(&mut *memory, Phase::All).expect("memory fits");
        assert_eq!(executable.profile(), profile, "what was measured stays");
    }
}
