//! What the code of small kernels must and must not contain.
use super::{Machine, build, print};
use crate::{Access, BufferParameter, Combine, Index, Instruction, Kernel, Order, Reduction, Register, Stage, Store, Value, VectorAxis};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{isa, verify_function};
use esper_ir::{DType, Prim};

fn load(buffer: usize, index: Index) -> Instruction {
    Instruction::Load { buffer, index, guards: vec![], otherwise: 0.0 }
}

/// `y[r] = prim(x[r])` for `n` rows.
fn map(prim: Prim, n: usize) -> Kernel {
    let parameter = |access| BufferParameter { dtype: DType::F32, access, elements: n };
    let stage = Stage {
        instructions: vec![load(0, Index::Row(0)), Instruction::Apply(prim, vec![Value(0)], DType::F32)],
        dtypes: vec![DType::F32; 2],
        stores: vec![Store { buffer: 1, index: Index::Row(0), value: Value(1) }],
        ..Stage::default()
    };
    Kernel {
        name: "map".into(),
        buffers: vec![parameter(Access::Read), parameter(Access::Write)],
        rows: vec![n],
        stages: vec![stage],
        registers: vec![],
        vector: VectorAxis::Inner,
        origin: vec!["relu".into()],
    }
}

/// Sums of the columns of [rows, columns].
fn column_sums(rows: usize, columns: usize) -> Kernel {
    let at = Index::Add(Box::new(Index::Mul(Box::new(Index::Inner(0)), columns as i64)), Box::new(Index::Row(0)));
    let sum = Stage {
        inner: vec![rows],
        instructions: vec![load(0, at)],
        dtypes: vec![DType::F32],
        reductions: vec![Reduction {
            value: Value(0),
            combine: Combine::Sum,
            order: Order::Sequential,
            dtype: DType::F32,
            into: Register(0),
        }],
        ..Stage::default()
    };
    let give = Stage {
        instructions: vec![Instruction::Register(Register(0))],
        dtypes: vec![DType::F32],
        stores: vec![Store { buffer: 1, index: Index::Row(0), value: Value(0) }],
        ..Stage::default()
    };
    let mut kernel = map(Prim::Neg, columns);
    kernel.buffers[0].elements = rows * columns;
    (kernel.stages, kernel.registers, kernel.vector) = (vec![sum, give], vec![DType::F32], VectorAxis::Rows);
    kernel
}

fn text(kernel: &Kernel) -> String {
    print(kernel).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_text_names_the_kernel_and_its_origin() {
    assert!(text(&map(Prim::Neg, 100)).starts_with("; map: relu\nfunction "));
}

#[test]
fn flat_maps_and_column_sums_load_whole_vectors() {
    for kernel in [map(Prim::Neg, 100), column_sums(256, 64)] {
        let text = text(&kernel);
        assert!(text.contains("load.f32x4") && !text.contains("insertlane"), "{text}");
    }
    // A tail of fewer rows than lanes has no vectors at all.
    assert!(!text(&map(Prim::Neg, 3)).contains("f32x4"));
}

#[test]
fn dense_row_axes_become_one_and_need_no_division() {
    let mut kernel = map(Prim::Neg, 1200);
    kernel.rows = vec![10, 12, 10];
    let scaled = |axis, factor| Box::new(Index::Mul(Box::new(Index::Row(axis)), factor));
    let flat = Index::Add(Box::new(Index::Add(scaled(0, 120), scaled(1, 10))), scaled(2, 1));
    kernel.stages[0].instructions[0] = load(0, flat.clone());
    kernel.stages[0].stores[0].index = flat;
    assert!(!text(&kernel).contains("udiv"));
    // One index of another layout keeps the axes apart.
    kernel.stages[0].instructions[0] = load(0, Index::Row(1));
    assert!(text(&kernel).contains("udiv"));
}

#[test]
fn a_type_without_arithmetic_is_refused_by_name() {
    let mut kernel = map(Prim::Exp, 8);
    kernel.buffers[0].dtype = DType::BF16;
    let error = print(&kernel).expect_err("bf16 has no arithmetic here");
    assert_eq!(error.to_string(), "kernel `map` cannot be compiled: the processor target does not compute in bf16 yet");
}

#[test]
fn every_primitive_passes_the_verifier_with_and_without_fused_multiply_add() {
    let Ok(builder) = isa::lookup_by_name(std::env::consts::ARCH) else { return };
    let mut flags = settings::builder();
    flags.set("opt_level", "speed").expect("a known flag");
    let isa = builder.finish(settings::Flags::new(flags)).expect("a known machine");
    for prim in Prim::ALL {
        for dtype in [DType::F32, DType::I32, DType::Bool] {
            for fused_multiply_add in [false, true] {
                let mut kernel = map(prim, 64);
                let result = if prim.gives_bool() { DType::Bool } else { dtype };
                kernel.buffers[0].dtype = dtype;
                kernel.buffers[1].dtype = result;
                let arguments = vec![Value(0); prim.arity()];
                kernel.stages[0].instructions[1] = Instruction::Apply(prim, arguments, dtype);
                kernel.stages[0].dtypes = vec![dtype, result];
                let machine = Machine { frontend: isa.frontend_config(), fused_multiply_add };
                let function = build(&kernel, &machine).unwrap_or_else(|error| panic!("{error}"));
                verify_function(&function, &*isa).unwrap_or_else(|error| panic!("{prim:?} of {dtype:?}: {error}"));
                assert!(fused_multiply_add || !function.to_string().contains(" fma "), "{prim:?}");
            }
        }
    }
}
