//! What one position of a stage computes, in one lane or in four: indices, loads, stores and the operations between them.
use super::affine::{Affine, Atom, Axis};
use super::lanes::{LANES, Lanes, Term, little};
use super::nest::{Bound, NestStage, Operation};
use crate::{Access, BufferParameter, Value as StageValue};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use esper_ir::DType;

/// Where a loop stands: a register plus a number known here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    pub value: Option<Value>,
    pub constant: i64,
}

impl Counter {
    /// A number.
    pub fn at(constant: i64) -> Counter {
        Counter { value: None, constant }
    }
    /// A register.
    pub fn of(value: Value) -> Counter {
        Counter { value: Some(value), constant: 0 }
    }
    /// Some positions further.
    pub fn ahead(self, by: i64) -> Counter {
        Counter { value: self.value, constant: self.constant + by }
    }
}

/// Where all loops stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    pub rows: Vec<Counter>,
    pub inner: Vec<Counter>,
}

impl Counters {
    fn get(&self, axis: Axis) -> Counter {
        match axis {
            Axis::Row(n) => self.rows[n],
            Axis::Inner(n) => self.inner[n],
        }
    }
}

/// A value that is the same in all lanes, or a vector, or both.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub single: Option<Term>,
    pub vector: Option<Term>,
}

/// What the whole kernel shares.
pub(super) struct Context<'a, 'b> {
    pub builder: &'a mut FunctionBuilder<'b>,
    pub fma: bool,
    pub parameters: &'a [BufferParameter],
    /// Their addresses.
    pub buffers: Vec<Value>,
}

impl<'b> Context<'_, 'b> {
    /// A builder of instructions of one width.
    pub fn lanes(&mut self, wide: bool) -> Lanes<'_, 'b> {
        Lanes { builder: self.builder, wide, fma: self.fma }
    }
    /// A 64-bit number.
    pub fn long(&mut self, value: i64) -> Value {
        self.builder.ins().iconst(types::I64, value)
    }
    /// A product with a number.
    pub fn scaled(&mut self, value: Value, factor: i64) -> Value {
        if factor == 1 {
            value
        } else if factor > 0 && factor & (factor - 1) == 0 {
            self.builder.ins().ishl_imm_u(value, i64::from(factor.trailing_zeros()))
        } else {
            let factor = self.long(factor);
            self.builder.ins().imul(value, factor)
        }
    }
}

/// One position of a stage.
pub(super) struct Body<'s> {
    pub stage: &'s NestStage,
    /// Which values differ between lanes.
    pub varies: &'s [bool],
    /// The axis whose neighbours lie in the lanes.
    pub lane: Axis,
    pub wide: bool,
    pub counters: Counters,
    /// Row scalars.
    pub registers: &'s [Slot],
    terms: Vec<Slot>,
}

impl<'s> Body<'s> {
    /// Writes all operations of the stage.
    pub fn emit(
        context: &mut Context,
        stage: &'s NestStage,
        varies: &'s [bool],
        lane: Axis,
        wide: bool,
        counters: Counters,
        registers: &'s [Slot],
    ) -> Body<'s> {
        let mut body = Body { stage, varies, lane, wide, counters, registers, terms: Vec::with_capacity(stage.operations.len()) };
        for (at, operation) in stage.operations.iter().enumerate() {
            let slot = body.operation(context, operation, wide && varies[at], stage.dtypes[at]);
            body.terms.push(slot);
        }
        body
    }

    /// A value of the stage in the width asked for; a vector of a value that is the same in all lanes is that value four times.
    pub fn term(&self, context: &mut Context, value: StageValue, wide: bool) -> Term {
        let slot = self.terms[value.0 as usize];
        Body::of_slot(context, slot, wide)
    }

    /// A slot in the width asked for.
    pub fn of_slot(context: &mut Context, slot: Slot, wide: bool) -> Term {
        match (slot.single, slot.vector) {
            (_, Some(vector)) if wide => vector,
            (Some(single), _) if wide => context.lanes(true).splat(single),
            (Some(single), _) => single,
            (None, Some(vector)) => context.lanes(true).lane(vector, 0),
            (None, None) => context.lanes(wide).constant(0.0, DType::F32),
        }
    }

    /// A value of one lane.
    pub fn in_lane(&self, context: &mut Context, value: StageValue, lane: usize) -> Term {
        match self.terms[value.0 as usize] {
            Slot { vector: Some(vector), .. } => context.lanes(true).lane(vector, lane),
            slot => Body::of_slot(context, slot, false),
        }
    }

    fn varying(&self) -> impl Fn(StageValue) -> bool + '_ {
        |v| self.wide && self.varies[v.0 as usize]
    }

    /// Whether an index is a plain multiple of the lane's counter.
    fn regular(&self, index: &Affine) -> bool {
        !index.hides(self.lane) && !index.reads(&self.varying())
    }

    /// An index in lane `lane` as a register (if any) plus a number, its parts added from the outermost loop inwards so that
    /// what does not change in an inner loop is computed outside of it. Every part is multiplied by `factor`; `base` starts the sum.
    fn sum(&self, context: &mut Context, index: &Affine, lane: usize, factor: i64, base: Option<Value>) -> (Option<Value>, i64) {
        let mut constant = index.constant * factor;
        let mut sum = base;
        let mut terms: Vec<&(Atom, i64)> = index.terms.iter().collect();
        terms.sort_by_key(|(atom, _)| depth(atom));
        for (atom, coefficient) in terms {
            let coefficient = coefficient * factor;
            let part = match atom {
                Atom::Row(_) | Atom::Inner(_) => {
                    let axis = if let Atom::Row(n) = atom { Axis::Row(*n) } else { Axis::Inner(axis_number(atom)) };
                    let counter = self.counters.get(axis);
                    let ahead = if self.wide && axis == self.lane { lane as i64 } else { 0 };
                    constant += (counter.constant + ahead) * coefficient;
                    counter.value
                }
                Atom::Value(v) => {
                    let term = self.in_lane(context, *v, lane);
                    let value = context.lanes(false).to_int(term);
                    Some(context.builder.ins().sextend(types::I64, value))
                }
                Atom::Div(of, divisor) | Atom::Mod(of, divisor) => {
                    let remainder = matches!(atom, Atom::Mod(..));
                    let (value, number) = self.sum(context, of, lane, 1, None);
                    match value {
                        None => {
                            let n = if remainder { number.rem_euclid(*divisor) } else { number.div_euclid(*divisor) };
                            constant += n * coefficient;
                            None
                        }
                        Some(value) => {
                            let value = if number == 0 {
                                value
                            } else {
                                let number = context.long(number);
                                context.builder.ins().iadd(value, number)
                            };
                            Some(floor_divide(context, value, *divisor, remainder))
                        }
                    }
                }
            };
            if let Some(part) = part {
                let part = context.scaled(part, coefficient);
                sum = Some(match sum {
                    None => part,
                    Some(sum) => context.builder.ins().iadd(sum, part),
                });
            }
        }
        (sum, constant)
    }

    /// An index as one 64-bit number.
    pub fn index(&self, context: &mut Context, index: &Affine, lane: usize) -> Value {
        match self.sum(context, index, lane, 1, None) {
            (None, constant) => context.long(constant),
            (Some(value), 0) => value,
            (Some(value), constant) => {
                let constant = context.long(constant);
                context.builder.ins().iadd(value, constant)
            }
        }
    }

    /// An index in every lane as i32.
    pub fn index_term(&self, context: &mut Context, index: &Affine, wide: bool) -> Value {
        if !wide {
            let value = self.index(context, index, 0);
            return context.builder.ins().ireduce(types::I32, value);
        }
        if self.regular(index) {
            let base = self.index(context, index, 0);
            let base = context.builder.ins().ireduce(types::I32, base);
            let base = context.builder.ins().splat(types::I32X4, base);
            let stride = index.coefficient(self.lane);
            let bytes: Vec<u8> = (0..LANES as i64).flat_map(|l| ((l * stride) as i32).to_le_bytes()).collect();
            let ahead = context.builder.func.dfg.constants.insert(bytes.into());
            let ahead = context.builder.ins().vconst(types::I32X4, ahead);
            return context.builder.ins().iadd(base, ahead);
        }
        let parts = std::array::from_fn(|lane| {
            let value = self.index(context, index, lane);
            Term::Int(context.builder.ins().ireduce(types::I32, value))
        });
        let term = context.lanes(true).gather(parts);
        context.lanes(true).to_int(term)
    }

    /// The address of an element and a byte offset to add.
    fn address(&self, context: &mut Context, buffer: usize, index: &Affine, lane: usize) -> (Value, i32) {
        let bytes = context.parameters[buffer].dtype.bytes() as i64;
        let start = context.buffers[buffer];
        let (sum, constant) = self.sum(context, index, lane, bytes, Some(start));
        let sum = sum.unwrap_or(start);
        match i32::try_from(constant) {
            Ok(offset) => (sum, offset),
            Err(_) => {
                let constant = context.long(constant);
                (context.builder.ins().iadd(sum, constant), 0)
            }
        }
    }

    /// Whether all bounds hold in one lane; `None` where there are none.
    fn inside(&self, context: &mut Context, bounds: &[Bound], lane: usize) -> Option<Value> {
        let mut all = None;
        for bound in bounds {
            let index = self.index(context, &bound.index, lane);
            let extent = context.long(bound.extent);
            // As unsigned numbers the negative ones are large.
            let holds = context.builder.ins().icmp(IntCC::UnsignedLessThan, index, extent);
            all = Some(match all {
                None => holds,
                Some(all) => context.builder.ins().band(all, holds),
            });
        }
        all
    }

    /// One element of one lane.
    fn load_one(&self, context: &mut Context, buffer: usize, index: &Affine, bounds: &[Bound], otherwise: f64, lane: usize) -> Term {
        let dtype = context.parameters[buffer].dtype;
        if context.parameters[buffer].elements == 0 {
            return context.lanes(false).constant(otherwise, dtype);
        }
        let Some(inside) = self.inside(context, bounds, lane) else {
            let (address, offset) = self.address(context, buffer, index, lane);
            return read(context, buffer, address, offset, true);
        };
        // Outside the first element is read instead and not used: no branch.
        let (address, offset) = self.address(context, buffer, index, lane);
        let offset = context.long(i64::from(offset));
        let address = context.builder.ins().iadd(address, offset);
        let start = context.buffers[buffer];
        let address = context.builder.ins().select(inside, address, start);
        let loaded = read(context, buffer, address, 0, true);
        let mut one = context.lanes(false);
        match (loaded, one.constant(otherwise, dtype)) {
            (Term::Float(a), Term::Float(b)) => Term::Float(one.select(Term::Mask(inside), a, b)),
            (a, b) => {
                let (a, b) = (one.to_int(a), one.to_int(b));
                Term::Int(one.select(Term::Mask(inside), a, b))
            }
        }
    }

    fn load(&self, context: &mut Context, buffer: usize, index: &Affine, bounds: &[Bound], otherwise: f64, wide: bool) -> Term {
        if !wide {
            return self.load_one(context, buffer, index, bounds, otherwise, 0);
        }
        let parameter = &context.parameters[buffer];
        let (dtype, elements) = (parameter.dtype, parameter.elements);
        let contiguous = self.regular(index) && index.coefficient(self.lane) == 1 && dtype.bytes() == 4 && elements >= LANES;
        if !contiguous || !bounds.iter().all(|b| self.regular(&b.index)) {
            let parts = std::array::from_fn(|lane| self.load_one(context, buffer, index, bounds, otherwise, lane));
            return context.lanes(true).gather(parts);
        }
        let ty = if dtype == DType::F32 { types::F32X4 } else { types::I32X4 };
        let vector = |context: &mut Context, movable: bool| {
            let (address, offset) = self.address(context, buffer, index, 0);
            let flags = flags(context, buffer, movable);
            context.builder.ins().load(ty, flags, address, offset)
        };
        let as_term = |value| if ty == types::F32X4 { Term::Float(value) } else { Term::Int(value) };
        if bounds.is_empty() {
            return as_term(vector(context, true));
        }
        // A bound runs with the lanes or stands still: where it holds in the first and the last lane it holds in all.
        let (first, last) = (self.inside(context, bounds, 0), self.inside(context, bounds, LANES - 1));
        let all = match (first, last) {
            (Some(first), Some(last)) => context.builder.ins().band(first, last),
            _ => return as_term(vector(context, true)),
        };
        let (together, apart, after) = (context.builder.create_block(), context.builder.create_block(), context.builder.create_block());
        let result = context.builder.append_block_param(after, ty);
        context.builder.ins().brif(all, together, &[], apart, &[]);
        enter(context, together);
        let value = vector(context, false);
        context.builder.ins().jump(after, &[value.into()]);
        enter(context, apart);
        let parts = std::array::from_fn(|lane| self.load_one(context, buffer, index, bounds, otherwise, lane));
        let gathered = context.lanes(true).gather(parts);
        let (Term::Float(value) | Term::Int(value) | Term::Mask(value)) = gathered;
        context.builder.ins().jump(after, &[value.into()]);
        enter(context, after);
        as_term(result)
    }

    /// Writes a value to a buffer.
    pub fn store(&self, context: &mut Context, buffer: usize, index: &Affine, value: StageValue) {
        let dtype = context.parameters[buffer].dtype;
        let flags = MemFlagsData::new().with_notrap();
        let wide = self.wide && self.regular(index) && index.coefficient(self.lane) == 1 && dtype.bytes() == 4;
        if wide || !self.wide {
            let term = self.term(context, value, wide);
            let value = in_memory(context, term, dtype, wide);
            let (address, offset) = self.address(context, buffer, index, 0);
            context.builder.ins().store(flags, value, address, offset);
            return;
        }
        for lane in 0..LANES {
            let term = self.in_lane(context, value, lane);
            let value = in_memory(context, term, dtype, false);
            let (address, offset) = self.address(context, buffer, index, lane);
            context.builder.ins().store(flags, value, address, offset);
        }
    }

    fn bounds_term(&self, context: &mut Context, bounds: &[Bound], wide: bool) -> Term {
        if !wide {
            return match self.inside(context, bounds, 0) {
                Some(holds) => Term::Mask(holds),
                None => context.lanes(false).constant(1.0, DType::Bool),
            };
        }
        if bounds.iter().all(|b| self.regular(&b.index) && !b.index.reads(&|_| true) && b.extent <= i64::from(i32::MAX)) {
            let mut all: Option<Term> = None;
            for bound in bounds {
                let index = self.index_term(context, &bound.index, true);
                let mut lanes = context.lanes(true);
                let extent = lanes.int(bound.extent as i32);
                let zero = lanes.int(0);
                let (high, low) = (
                    lanes.compare_int(IntCC::SignedLessThan, index, extent),
                    lanes.compare_int(IntCC::SignedGreaterThanOrEqual, index, zero),
                );
                let holds = lanes.both(high, low);
                all = Some(match all {
                    None => holds,
                    Some(all) => lanes.both(all, holds),
                });
            }
            return all.unwrap_or_else(|| context.lanes(true).constant(1.0, DType::Bool));
        }
        let parts = std::array::from_fn(|lane| match self.inside(context, bounds, lane) {
            Some(holds) => Term::Mask(holds),
            None => Term::Mask(context.builder.ins().iconst(types::I8, 1)),
        });
        context.lanes(true).gather(parts)
    }

    fn operation(&mut self, context: &mut Context, operation: &Operation, wide: bool, dtype: DType) -> Slot {
        let term = match operation {
            Operation::Load { buffer, index, bounds, otherwise } => self.load(context, *buffer, index, bounds, *otherwise, wide),
            Operation::Register(register) => return self.registers[register.0 as usize],
            Operation::Constant(value, dtype) => context.lanes(wide).constant(*value, *dtype),
            Operation::Position(index, dtype) => {
                let position = Term::Int(self.index_term(context, index, wide));
                context.lanes(wide).convert(position, *dtype)
            }
            Operation::Inside(bounds) => self.bounds_term(context, bounds, wide),
            Operation::Apply(prim, arguments, dtype) => {
                let terms: Vec<Term> = arguments.iter().map(|&v| self.term(context, v, wide)).collect();
                let known: Vec<bool> = arguments
                    .iter()
                    .map(|v| matches!(self.stage.operations[v.0 as usize], Operation::Constant(c, _) if !c.is_nan()))
                    .collect();
                context.lanes(wide).apply(*prim, *dtype, &terms, &known)
            }
            Operation::Cast { value, to } => {
                let term = self.term(context, *value, wide);
                context.lanes(wide).convert(term, *to)
            }
            Operation::Random { key, stream, index } => {
                let start = context.buffers[*key];
                let words = [0, 4, 8].map(|offset| {
                    let flags = flags(context, *key, true);
                    let word = context.builder.ins().load(types::I32, flags, start, offset);
                    if wide { context.builder.ins().splat(types::I32X4, word) } else { word }
                });
                let position = self.index_term(context, index, wide);
                context.lanes(wide).uniform([words[0], words[1]], words[2], position, *stream)
            }
        };
        debug_assert!(!dtype.is_float() || matches!(term, Term::Float(_)), "a float operation that gives {term:?}");
        if wide { Slot { single: None, vector: Some(term) } } else { Slot { single: Some(term), vector: None } }
    }
}

/// Continues in a block whose predecessors are all known.
pub(super) fn enter(context: &mut Context, block: Block) {
    context.builder.switch_to_block(block);
    context.builder.seal_block(block);
}

fn axis_number(atom: &Atom) -> usize {
    match atom {
        Atom::Row(n) | Atom::Inner(n) => *n,
        _ => 0,
    }
}

/// How deep in the loops an atom changes.
fn depth(atom: &Atom) -> usize {
    match atom {
        Atom::Row(n) => *n,
        Atom::Inner(n) => 1_000 + n,
        Atom::Value(_) => 1_000_000,
        Atom::Div(of, _) | Atom::Mod(of, _) => of.terms.iter().map(|(a, _)| depth(a)).max().unwrap_or(0),
    }
}

/// Quotient rounded down, or the remainder that is never negative, by a positive number.
fn floor_divide(context: &mut Context, value: Value, divisor: i64, remainder: bool) -> Value {
    if divisor & (divisor - 1) == 0 {
        return if remainder {
            let mask = context.long(divisor - 1);
            context.builder.ins().band(value, mask)
        } else {
            context.builder.ins().sshr_imm_u(value, i64::from(divisor.trailing_zeros()))
        };
    }
    let by = context.long(divisor);
    // The dividend moved by a large multiple of the divisor is not negative, and an unsigned quotient by a number is a product.
    let lift = (1i64 << 40) / divisor;
    let moved = {
        let lift = context.long(lift * divisor);
        context.builder.ins().iadd(value, lift)
    };
    let quotient = context.builder.ins().udiv(moved, by);
    if remainder {
        let product = context.builder.ins().imul(quotient, by);
        context.builder.ins().isub(moved, product)
    } else {
        let lift = context.long(lift);
        context.builder.ins().isub(quotient, lift)
    }
}

/// How a buffer is read. `movable`: the address is good wherever the loop runs, so the load may leave it.
fn flags(context: &Context, buffer: usize, movable: bool) -> MemFlagsData {
    let flags = MemFlagsData::new().with_notrap();
    if movable && context.parameters[buffer].access == Access::Read { flags.with_readonly().with_can_move() } else { flags }
}

/// One element, as its type is held in registers.
fn read(context: &mut Context, buffer: usize, address: Value, offset: i32, movable: bool) -> Term {
    let dtype = context.parameters[buffer].dtype;
    let flags = flags(context, buffer, movable);
    match dtype {
        DType::U8 => Term::Int(context.builder.ins().uload8(types::I32, flags, address, offset)),
        _ => {
            let ty: Type = Lanes::memory_type(dtype);
            let value = context.builder.ins().load(ty, flags, address, offset);
            if dtype == DType::F32 { Term::Float(value) } else { Term::Int(value) }
        }
    }
}

/// A value as its type lies in memory.
fn in_memory(context: &mut Context, term: Term, dtype: DType, wide: bool) -> Value {
    let mut lanes = context.lanes(wide);
    match dtype {
        DType::F32 => lanes.to_float(term),
        DType::U8 => {
            let value = lanes.to_int(term);
            context.builder.ins().ireduce(types::I8, value)
        }
        _ => lanes.to_int(term),
    }
}

/// A vector of zeros, whose bits are the same for floats and integers.
pub(super) fn zero(context: &mut Context, ty: Type) -> Value {
    match ty {
        types::F32 => context.builder.ins().f32const(0.0),
        types::I32 => context.builder.ins().iconst(types::I32, 0),
        _ => {
            let bits = context.builder.func.dfg.constants.insert(vec![0u8; 16].into());
            let bits = context.builder.ins().vconst(types::I32X4, bits);
            if ty == types::I32X4 { bits } else { context.builder.ins().bitcast(ty, little(), bits) }
        }
    }
}
