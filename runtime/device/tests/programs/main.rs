//! Whole programs on the processor: phases, products, scatters and errors.
mod builder;

use builder::{Builder, numbers, open, read, sum_of_squares, write};
use esper_codegen::{BatchAxis, BufferId, Class, Dot, Epilogue, Program, Scatter, Step};
use esper_device::{Device, DeviceError, Phase, all_finite};
use esper_ir::{DType, Prim};

/// p is updated by `p - g` where `g = x · y`.
fn small_step() -> (Program, [BufferId; 4]) {
    let mut b = Builder::default();
    let parameter = b.buffer("weight", Class::Parameters, DType::F32, &[100]);
    let x = b.buffer("x", Class::Exchange, DType::F32, &[100]);
    let y = b.buffer("y", Class::Exchange, DType::F32, &[100]);
    let gradient = b.buffer("gradient", Class::Gradients, DType::F32, &[100]);
    let fresh = b.buffer("fresh", Class::Activations, DType::F32, &[100]);
    b.elementwise(Prim::Mul, x, y, gradient);
    b.elementwise(Prim::Sub, parameter, gradient, fresh);
    b.elementwise(Prim::Maximum, fresh, fresh, parameter);
    (b.finish(1), [parameter, x, y, gradient])
}

#[test]
fn compute_changes_nothing_that_lasts_and_commit_does() {
    let (program, [parameter, x, y, gradient]) = small_step();
    let device = open(2);
    let mut memory = device.memory(program.arenas).expect("room");
    let mut executable = device.load(&program).expect("a program");
    write(&mut *memory, &program, x, &[2.0; 100]);
    write(&mut *memory, &program, y, &[3.0; 100]);
    executable.run(&mut *memory, Phase::Compute).expect("memory fits");
    assert_eq!(read(&*memory, &program, gradient), [6.0; 100]);
    assert_eq!(read(&*memory, &program, parameter), [0.0; 100]);
    executable.run(&mut *memory, Phase::Commit).expect("memory fits");
    assert_eq!(read(&*memory, &program, parameter), [-6.0; 100]);
    // Grown arenas lie elsewhere; the program finds them.
    memory.grow(program.arenas.map(|n| n + (1 << 20))).expect("room");
    executable.run(&mut *memory, Phase::All).expect("memory fits");
    assert_eq!(read(&*memory, &program, parameter), [-12.0; 100]);
}

#[test]
fn the_first_buffer_that_goes_bad_is_named() {
    let mut b = Builder::default();
    let x = b.buffer("x", Class::Exchange, DType::F32, &[50]);
    let zero = b.buffer("zero", Class::Exchange, DType::F32, &[50]);
    let sum = b.buffer("sum", Class::Activations, DType::F32, &[50]);
    let quotient = b.buffer("quotient", Class::Activations, DType::F32, &[50]);
    let gradient = b.buffer("gradient", Class::Gradients, DType::F32, &[50]);
    b.elementwise(Prim::Add, x, zero, sum);
    b.elementwise(Prim::Div, sum, zero, quotient);
    b.elementwise(Prim::Mul, quotient, x, gradient);
    let mut program = b.finish(3);
    program.features = vec![x];
    let device = open(1);
    let mut memory = device.memory(program.arenas).expect("room");
    let mut executable = device.load(&program).expect("a program");
    assert!(all_finite(&*memory, Class::Gradients).expect("in range"));
    write(&mut *memory, &program, x, &[1.0; 50]);
    executable.run(&mut *memory, Phase::Compute).expect("memory fits");
    assert!(!all_finite(&*memory, Class::Gradients).expect("in range"));
    assert_eq!(executable.first_non_finite(&mut *memory), Ok(Some(quotient)));
    write(&mut *memory, &program, zero, &[1.0; 50]);
    assert_eq!(executable.first_non_finite(&mut *memory), Ok(None));
    write(&mut *memory, &program, x, &[f32::NAN; 50]);
    assert_eq!(executable.first_non_finite(&mut *memory), Ok(Some(x)));
}

/// `c = relu?(a · b + bias)` for `batch` products side by side.
fn product(m: usize, n: usize, k: usize, batch: usize, transposed: bool, bias: bool, relu: bool) -> (Program, [BufferId; 4]) {
    let mut builder = Builder::default();
    let a = builder.buffer("a", Class::Activations, DType::F32, &[batch, m, k]);
    let b = builder.buffer("b", Class::Activations, DType::F32, &[batch, k, n]);
    let c = builder.buffer("c", Class::Activations, DType::F32, &[batch, m, n]);
    let vector = builder.buffer("bias", Class::Parameters, DType::F32, &[n]);
    builder.steps.push(Step::Dot(Dot {
        a,
        a_strides: if transposed { [1, m] } else { [k, 1] },
        b,
        b_strides: if transposed { [1, k] } else { [n, 1] },
        c,
        m,
        n,
        k,
        batch: if batch == 1 { vec![] } else { vec![BatchAxis { extent: batch, a: m * k, b: k * n, c: m * n }] },
        epilogue: Epilogue { bias: bias.then_some(vector), relu },
    }));
    (builder.finish(1), [a, b, c, vector])
}

#[test]
fn products_are_right_and_do_not_depend_on_threads() {
    for (m, n, k, batch) in [(1, 1, 1, 1), (5, 7, 3, 1), (64, 10, 784, 1), (33, 65, 17, 6), (128, 256, 300, 1), (200, 130, 96, 3)] {
        for (transposed, bias, relu) in [(false, true, true), (true, false, false), (false, false, true), (true, true, false)] {
            let (program, [a, b, c, vector]) = product(m, n, k, batch, transposed, bias, relu);
            let (left, right, add) = (numbers(batch * m * k, 1), numbers(batch * k * n, 2), numbers(n, 3));
            let results = [1, 2, 3].map(|threads| {
                let device = open(threads);
                let mut memory = device.memory(program.arenas).expect("room");
                let mut executable = device.load(&program).expect("a program");
                write(&mut *memory, &program, a, &left);
                write(&mut *memory, &program, b, &right);
                write(&mut *memory, &program, vector, &add);
                executable.run(&mut *memory, Phase::All).expect("memory fits");
                read(&*memory, &program, c)
            });
            assert!(results[0] == results[1] && results[0] == results[2]);
            for item in 0..batch {
                for (i, j) in [(0, 0), (m - 1, n - 1), (m / 2, n / 3)] {
                    let product = |s: usize| {
                        let x = left[item * m * k + if transposed { s * m + i } else { i * k + s }];
                        let y = right[item * k * n + if transposed { j * k + s } else { s * n + j }];
                        f64::from(x) * f64::from(y)
                    };
                    let sum: f64 = (0..k).map(product).sum::<f64>() + if bias { f64::from(add[j]) } else { 0.0 };
                    let expected = if relu { sum.max(0.0) } else { sum };
                    let actual = f64::from(results[0][item * m * n + i * n + j]);
                    assert!((actual - expected).abs() < 1e-5 * (k as f64).sqrt(), "{actual} is not {expected}");
                }
            }
        }
    }
}

#[test]
fn scatters_add_in_the_order_of_updates_and_drop_what_is_outside() {
    for (outer, inner, per_element) in [(1, 40, false), (3, 5, false), (2, 3, true)] {
        let (count, places) = (700, 9);
        let mut builder = Builder::default();
        let many = if per_element { outer * count * inner } else { count };
        let indices = builder.buffer("indices", Class::Exchange, DType::I32, &[many]);
        let updates = builder.buffer("updates", Class::Activations, DType::F32, &[outer, count, inner]);
        let result = builder.buffer("result", Class::Gradients, DType::F32, &[outer, places, inner]);
        builder.steps.push(Step::Scatter(Scatter { indices, updates, result, outer, count, places, inner, per_element }));
        let program = builder.finish(1);
        let at: Vec<i32> = (0..many).map(|n| (n as i32 * 7919) % 12 - 1).collect();
        let data = numbers(outer * count * inner, 5);
        let mut expected = vec![0.0f32; outer * places * inner];
        for o in 0..outer {
            for j in 0..count {
                for r in 0..inner {
                    let from = (o * count + j) * inner + r;
                    let place = at[if per_element { from } else { j }];
                    if (0..places as i32).contains(&place) {
                        expected[(o * places + place as usize) * inner + r] += data[from];
                    }
                }
            }
        }
        for threads in [1, 3] {
            let device = open(threads);
            let mut memory = device.memory(program.arenas).expect("room");
            let mut executable = device.load(&program).expect("a program");
            let bytes: Vec<u8> = at.iter().flat_map(|v| v.to_le_bytes()).collect();
            memory.write(Class::Exchange, 0, &bytes).expect("in range");
            write(&mut *memory, &program, updates, &data);
            write(&mut *memory, &program, result, &vec![7.0; expected.len()]);
            executable.run(&mut *memory, Phase::All).expect("memory fits");
            assert!(read(&*memory, &program, result) == expected);
        }
    }
}

#[test]
fn equal_kernels_are_compiled_once_for_all_programs() {
    let (program, _) = small_step();
    let mut renamed = program.clone();
    renamed.kernels[0].name = "another".into();
    renamed.kernels[0].origin = vec!["elsewhere".into()];
    let device = open(1);
    let first = device.load(&program).expect("a program");
    assert_eq!(device.compiled_kernels(), 3);
    let second = device.load(&renamed).expect("a program");
    assert_eq!(device.compiled_kernels(), 3);
    // Code outlives the device that made it.
    drop(device);
    let other = open(1);
    for mut executable in [first, second] {
        let mut memory = other.memory(program.arenas).expect("room");
        executable.run(&mut *memory, Phase::All).expect("memory fits");
    }
}

#[test]
fn what_cannot_run_is_an_error_that_says_so() {
    let device = open(1);
    let (program, [parameter, ..]) = small_step();
    // Memory that is too small.
    let mut executable = device.load(&program).expect("a program");
    let mut memory = device.memory([64; 7]).expect("room");
    let refused = executable.run(&mut *memory, Phase::All);
    assert!(matches!(refused, Err(DeviceError::OutOfRange { class: Class::Parameters, .. })), "{refused:?}");
    // Buffers that overlap although one is written, are too small, or lie outside.
    let mut overlapping = program.clone();
    overlapping.steps[1] = Step::Kernel { kernel: 1, arguments: vec![parameter, parameter, parameter] };
    let mut short = program.clone();
    short.buffers[1].bytes = 64;
    let mut outside = program.clone();
    outside.buffers[0].offset += 64;
    let mut unknown = program.clone();
    unknown.steps[0] = Step::Kernel { kernel: 9, arguments: vec![] };
    for (program, says) in [(overlapping, "overlap"), (short, "64 bytes"), (outside, "ends behind"), (unknown, "no kernel 9")] {
        match device.load(&program) {
            Err(DeviceError::InvalidProgram { message, .. }) => assert!(message.contains(says), "{message}"),
            _ => panic!("a program is accepted although: {says}"),
        }
    }
    // A type without arithmetic.
    let mut half = program;
    half.kernels[0].buffers[0].dtype = DType::F16;
    half.buffers.iter_mut().filter(|b| b.name == "x").for_each(|b| b.dtype = DType::F16);
    assert!(matches!(device.load(&half), Err(DeviceError::Unsupported(u)) if u.reason.contains("f16")));
    assert!(device.memory([0, 0, 0, 0, 0, 0, isize::MAX as usize - 4096]).is_err());
}

#[test]
fn a_sum_of_everything_is_one_row() {
    let mut b = Builder::default();
    let x = b.buffer("x", Class::Exchange, DType::F32, &[1001]);
    let sum = b.buffer("sum", Class::Exchange, DType::F32, &[]);
    sum_of_squares(&mut b, x, sum);
    let program = b.finish(1);
    let device = open(2);
    let mut memory = device.memory(program.arenas).expect("room");
    let mut executable = device.load(&program).expect("a program");
    write(&mut *memory, &program, x, &[2.0; 1001]);
    executable.run(&mut *memory, Phase::Compute).expect("memory fits");
    assert_eq!(read(&*memory, &program, sum), [4004.0]);
}
