//! What kernel text in C-like languages shares: the order of statements, names and indices. Languages differ in their [`Spelling`].
use crate::{Combine, Guard, Index, Instruction, Kernel, Order, Reduction, Stage};
use esper_ir::{DType, Prim};
use std::fmt::Write;

/// What differs between languages.
pub(super) trait Spelling {
    /// `float`, `f32`.
    fn type_name(&self, dtype: DType) -> &'static str;
    /// A number of a type.
    fn number(&self, value: f64, dtype: DType) -> String;
    /// `const float v = …;`.
    fn constant(&self, name: &str, dtype: DType, value: &str) -> String;
    /// `float v = …;`, to be changed later.
    fn variable(&self, name: &str, dtype: DType, value: &str) -> String;
    /// Sixteen accumulators of one start value.
    fn lanes(&self, name: &str, dtype: DType, start: &str) -> String;
    /// `for (int i = 0; i < extent; i++) {`.
    fn loop_head(&self, counter: &str, extent: usize) -> String;
    /// An element as a value of its type.
    fn load(&self, buffer: usize, index: &str, dtype: DType) -> String;
    /// A value as an element.
    fn store(&self, buffer: usize, index: &str, value: &str, dtype: DType) -> String;
    /// `condition ? then : otherwise` where both may be computed.
    fn choose(&self, condition: &str, then: &str, otherwise: &str) -> String;
    /// A scalar function of operands of a type.
    fn apply(&self, prim: Prim, operands: &[String], dtype: DType) -> String;
    /// To another type.
    fn cast(&self, value: &str, from: DType, to: DType) -> String;
    /// A uniform random number.
    fn random(&self, key: usize, stream: u64, index: &str) -> String;
}

/// An index as an expression of whole numbers. Quotients and remainders are of numbers that may be negative only where a guard then fails.
pub(super) fn index(of: &Index) -> String {
    match of {
        Index::Constant(n) => format!("{n}"),
        Index::Row(n) => format!("r{n}"),
        Index::Inner(n) => format!("i{n}"),
        Index::Value(v) => format!("v{}", v.0),
        Index::Add(a, b) => format!("({} + {})", index(a), index(b)),
        Index::Mul(a, n) => format!("({} * {n})", index(a)),
        Index::Div(a, n) => format!("floor_quotient({}, {n})", index(a)),
        Index::Mod(a, n) => format!("floor_remainder({}, {n})", index(a)),
    }
}

fn conditions(guards: &[Guard]) -> String {
    let all: Vec<String> = guards.iter().map(|g| format!("({0} >= 0 && {0} < {1})", index(&g.index), g.extent)).collect();
    if all.is_empty() { "true".into() } else { all.join(" && ") }
}

/// Text with indentation.
pub(super) struct Writer {
    pub text: String,
    depth: usize,
}

impl Writer {
    /// Text that starts at some depth.
    pub fn new(depth: usize) -> Writer {
        Writer { text: String::new(), depth }
    }
    /// One line.
    pub fn line(&mut self, what: &str) {
        let _ = writeln!(self.text, "{}{what}", "    ".repeat(self.depth));
    }
    fn open(&mut self, what: &str) {
        self.line(what);
        self.depth += 1;
    }
    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    /// Everything one row does. The counters `r0`, `r1` … are there.
    pub fn row(&mut self, kernel: &Kernel, spelling: &dyn Spelling) {
        for (n, dtype) in kernel.registers.iter().enumerate() {
            self.line(&spelling.variable(&format!("s{n}"), *dtype, &spelling.number(0.0, *dtype)));
        }
        for stage in &kernel.stages {
            self.stage(kernel, stage, spelling);
        }
    }

    fn stage(&mut self, kernel: &Kernel, stage: &Stage, spelling: &dyn Spelling) {
        self.open("{");
        for (n, reduction) in stage.reductions.iter().enumerate() {
            self.start(n, reduction, spelling);
        }
        for (n, extent) in stage.inner.iter().enumerate() {
            self.open(&spelling.loop_head(&format!("i{n}"), *extent));
        }
        for (n, (instruction, dtype)) in stage.instructions.iter().zip(&stage.dtypes).enumerate() {
            self.instruction(kernel, n, instruction, *dtype, spelling);
        }
        for (n, reduction) in stage.reductions.iter().enumerate() {
            self.combine(n, reduction, stage, spelling);
        }
        for (register, value) in &stage.definitions {
            self.line(&format!("s{} = v{};", register.0, value.0));
        }
        for store in &stage.stores {
            let dtype = kernel.buffers[store.buffer].dtype;
            self.line(&spelling.store(store.buffer, &index(&store.index), &format!("v{}", store.value.0), dtype));
        }
        for _ in &stage.inner {
            self.close();
        }
        for (n, reduction) in stage.reductions.iter().enumerate() {
            self.settle(n, reduction, spelling);
        }
        self.close();
    }

    fn instruction(&mut self, kernel: &Kernel, n: usize, instruction: &Instruction, dtype: DType, spelling: &dyn Spelling) {
        let name = format!("v{n}");
        let value = match instruction {
            Instruction::Load { buffer, index: at, guards, .. } if guards.is_empty() => {
                spelling.load(*buffer, &index(at), kernel.buffers[*buffer].dtype)
            }
            Instruction::Load { buffer, index: at, guards, otherwise } => {
                // Nothing may be read where a guard fails, so this is a branch and no choice.
                self.line(&spelling.variable(&name, dtype, &spelling.number(*otherwise, dtype)));
                let load = spelling.load(*buffer, &index(at), kernel.buffers[*buffer].dtype);
                self.line(&format!("if ({}) {{ {name} = {load}; }}", conditions(guards)));
                return;
            }
            Instruction::Register(register) => format!("s{}", register.0),
            Instruction::Constant(value, dtype) => spelling.number(*value, *dtype),
            Instruction::Position(at, dtype) => spelling.cast(&index(at), DType::I32, *dtype),
            Instruction::Inside(guards) => conditions(guards),
            Instruction::Apply(prim, operands, dtype) => {
                let operands: Vec<String> = operands.iter().map(|v| format!("v{}", v.0)).collect();
                spelling.apply(*prim, &operands, *dtype)
            }
            Instruction::Cast { value, from, to } => spelling.cast(&format!("v{}", value.0), *from, *to),
            Instruction::Random { key, stream, index: at } => spelling.random(*key, stream.0, &index(at)),
        };
        self.line(&spelling.constant(&name, dtype, &value));
    }

    fn start(&mut self, n: usize, reduction: &Reduction, spelling: &dyn Spelling) {
        let lowest = if reduction.dtype.is_float() { f64::NEG_INFINITY } else { f64::from(i32::MIN) };
        let start = spelling.number(if reduction.combine == Combine::Sum { 0.0 } else { lowest }, reduction.dtype);
        match (reduction.combine, reduction.order) {
            (Combine::ArgMax, _) => {
                self.line(&spelling.variable(&format!("best{n}"), reduction.dtype, &start));
                self.line(&spelling.variable(&format!("place{n}"), DType::I32, "-1"));
            }
            (_, Order::Sequential) => self.line(&spelling.variable(&format!("sum{n}"), reduction.dtype, &start)),
            (_, Order::Lanes16) => self.line(&spelling.lanes(&format!("sum{n}"), reduction.dtype, &start)),
        }
    }

    fn combine(&mut self, n: usize, reduction: &Reduction, stage: &Stage, spelling: &dyn Spelling) {
        let position = stage.inner.iter().enumerate().fold("0".to_string(), |sum, (axis, extent)| format!("({sum} * {extent} + i{axis})"));
        let value = format!("v{}", reduction.value.0);
        match (reduction.combine, reduction.order) {
            (Combine::ArgMax, _) => {
                let nan =
                    if reduction.dtype.is_float() { format!(" || ({value} != {value} && best{n} == best{n})") } else { String::new() };
                self.line(&format!("if (place{n} < 0 || {value} > best{n}{nan}) {{ best{n} = {value}; place{n} = {position}; }}"));
            }
            (combine, order) => {
                let sum = if order == Order::Sequential { format!("sum{n}") } else { format!("sum{n}[{position} % 16]") };
                self.line(&format!("{sum} = {};", joined(combine, &sum, &value, reduction.dtype, spelling)));
            }
        }
    }

    fn settle(&mut self, n: usize, reduction: &Reduction, spelling: &dyn Spelling) {
        let result = match (reduction.combine, reduction.order) {
            (Combine::ArgMax, _) => format!("place{n}"),
            (_, Order::Sequential) => format!("sum{n}"),
            (combine, Order::Lanes16) => {
                for half in [8, 4, 2, 1] {
                    self.open(&spelling.loop_head("lane", half));
                    let (a, b) = (format!("sum{n}[lane]"), format!("sum{n}[lane + {half}]"));
                    self.line(&format!("{a} = {};", joined(combine, &a, &b, reduction.dtype, spelling)));
                    self.close();
                }
                format!("sum{n}[0]")
            }
        };
        self.line(&format!("s{} = {result};", reduction.into.0));
    }
}

fn joined(combine: Combine, a: &str, b: &str, dtype: DType, spelling: &dyn Spelling) -> String {
    let prim = if combine == Combine::Sum { Prim::Add } else { Prim::Maximum };
    spelling.apply(prim, &[a.to_string(), b.to_string()], dtype)
}
