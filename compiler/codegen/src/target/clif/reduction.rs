//! Row scalars that a stage gathers: where partial results are kept, and the one order in which they are combined.
use super::affine::{Affine, Atom, Axis};
use super::body::{Body, Context, Slot, zero};
use super::lanes::{LANES, Lanes, Term};
use super::nest::NestStage;
use crate::{Combine, Order, Reduction};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Type, Value, types};
use cranelift_frontend::Variable;
use esper_ir::DType;

/// Accumulators of [`Order::Lanes16`].
const ACCUMULATORS: usize = 16;

/// Where a reduction's partial results are.
enum Place {
    /// Neighbouring positions lie in lanes: accumulators 0-3, 4-7, 8-11 and 12-15.
    Vectors([Variable; 4]),
    /// 16 accumulators in memory, each one element or (rows in lanes) one vector.
    Memory(StackSlot),
    /// One accumulator, and for the first largest its position.
    One(Variable, Option<Variable>),
}

/// A reduction under way.
pub(super) struct Partial {
    reduction: Reduction,
    place: Place,
    /// The type of the accumulated elements.
    float: bool,
    /// Whether every lane is a row of its own.
    rows_in_lanes: bool,
    /// The position among all inner positions.
    position: Affine,
    /// Whether four neighbours never straddle a multiple of four.
    aligned: bool,
}

impl Partial {
    /// Sets up the accumulators. `rows_in_lanes`: every lane is a row; `vectors`: the number of each position modulo 16 is known where it is accumulated.
    pub fn begin(context: &mut Context, stage: &NestStage, reduction: &Reduction, rows_in_lanes: bool, vectors: bool) -> Partial {
        let float = stage.dtypes[reduction.value.0 as usize] == DType::F32;
        let element = match (float, rows_in_lanes) {
            (true, true) => types::F32X4,
            (true, false) => types::F32,
            (false, true) => types::I32X4,
            (false, false) => types::I32,
        };
        let mut position = Affine::default();
        let mut stride = 1i64;
        for (axis, &extent) in stage.inner.iter().enumerate().rev() {
            position.terms.insert(0, (Atom::Inner(axis), stride));
            stride *= extent as i64;
        }
        let start = identity(context, reduction.combine, element);
        let place = if reduction.combine == Combine::ArgMax || reduction.order == Order::Sequential {
            let best = context.builder.declare_var(element);
            context.builder.def_var(best, start);
            let at = (reduction.combine == Combine::ArgMax).then(|| {
                let ty = if rows_in_lanes { types::I32X4 } else { types::I32 };
                let at = context.builder.declare_var(ty);
                let none = zero(context, ty);
                context.builder.def_var(at, none);
                at
            });
            Place::One(best, at)
        } else if vectors && !rows_in_lanes {
            let ty = if float { types::F32X4 } else { types::I32X4 };
            let start = identity(context, reduction.combine, ty);
            Place::Vectors(std::array::from_fn(|_| {
                let variable = context.builder.declare_var(ty);
                context.builder.def_var(variable, start);
                variable
            }))
        } else {
            let bytes = element.bytes() as usize;
            let data = StackSlotData::new(StackSlotKind::ExplicitSlot, (ACCUMULATORS * bytes) as u32, 4);
            let slot = context.builder.create_sized_stack_slot(data);
            for n in 0..ACCUMULATORS {
                context.builder.ins().stack_store(types::I64, start, slot, (n * bytes) as i32);
            }
            Place::Memory(slot)
        };
        let aligned = stage.inner.last().is_some_and(|n| n % LANES == 0) || stage.inner.len() == 1;
        Partial { reduction: reduction.clone(), place, float, rows_in_lanes, position, aligned }
    }

    /// Takes in the value of a body's position (or of its four positions). `known`: the position modulo 16, where accumulators are vectors.
    pub fn accumulate(&self, context: &mut Context, body: &Body, known: usize) {
        let neighbours = body.wide && !self.rows_in_lanes;
        match &self.place {
            Place::One(best, at) if neighbours => {
                for lane in 0..LANES {
                    let value = body.in_lane(context, self.reduction.value, lane);
                    let value = self.element(context, value, false);
                    self.take(context, body, *best, *at, value, lane);
                }
            }
            Place::One(best, at) => {
                let value = body.term(context, self.reduction.value, body.wide);
                let value = self.element(context, value, body.wide);
                self.take(context, body, *best, *at, value, 0);
            }
            Place::Vectors(vectors) => {
                let variable = vectors[known / LANES % vectors.len()];
                let sum = context.builder.use_var(variable);
                let value = body.term(context, self.reduction.value, body.wide);
                let value = self.element(context, value, body.wide);
                let sum = if body.wide {
                    self.combined(context, sum, value)
                } else {
                    let lane = (known % LANES) as u8;
                    let old = context.builder.ins().extractlane(sum, lane);
                    let new = self.combined(context, old, value);
                    context.builder.ins().insertlane(sum, new, lane)
                };
                context.builder.def_var(variable, sum);
            }
            Place::Memory(slot) if neighbours && !self.aligned => {
                for lane in 0..LANES {
                    let value = body.in_lane(context, self.reduction.value, lane);
                    let value = self.element(context, value, false);
                    self.into_memory(context, body, *slot, value, lane);
                }
            }
            Place::Memory(slot) => {
                let value = body.term(context, self.reduction.value, body.wide);
                let value = self.element(context, value, body.wide);
                self.into_memory(context, body, *slot, value, 0);
            }
        }
    }

    /// A term as the accumulators hold it.
    fn element(&self, context: &mut Context, term: Term, wide: bool) -> Value {
        let mut lanes = context.lanes(wide);
        if self.float { lanes.to_float(term) } else { lanes.to_int(term) }
    }

    fn combined(&self, context: &mut Context, sum: Value, value: Value) -> Value {
        combine(context, self.reduction.combine, sum, value)
    }

    fn into_memory(&self, context: &mut Context, body: &Body, slot: StackSlot, value: Value, lane: usize) {
        let bytes = if self.rows_in_lanes { context.builder.func.dfg.value_type(value).bytes() } else { 4 };
        let position = body.index(context, &self.position, lane);
        let mask = context.long(ACCUMULATORS as i64 - 1);
        let number = context.builder.ins().band(position, mask);
        let offset = context.scaled(number, i64::from(bytes));
        let start = context.builder.ins().stack_addr(types::I64, slot, 0);
        let address = context.builder.ins().iadd(start, offset);
        let ty = context.builder.func.dfg.value_type(value);
        let flags = MemFlagsData::new().with_notrap();
        let old = context.builder.ins().load(ty, flags, address, 0);
        let new = self.combined(context, old, value);
        context.builder.ins().store(flags, new, address, 0);
    }

    fn take(&self, context: &mut Context, body: &Body, best: Variable, at: Option<Variable>, value: Value, lane: usize) {
        let old = context.builder.use_var(best);
        let Some(at) = at else {
            let new = self.combined(context, old, value);
            return context.builder.def_var(best, new);
        };
        let wide = body.wide && self.rows_in_lanes;
        let position = body.index(context, &self.position, lane);
        let position = context.builder.ins().ireduce(types::I32, position);
        let position = if wide { context.builder.ins().splat(types::I32X4, position) } else { position };
        let old_position = context.builder.use_var(at);
        let mut lanes = context.lanes(wide);
        let better = if self.float {
            // The first NaN is larger than everything.
            let larger = lanes.compare(FloatCC::GreaterThan, value, old);
            let nan = lanes.compare(FloatCC::Unordered, value, value);
            let was_number = lanes.compare(FloatCC::Ordered, old, old);
            let first_nan = lanes.both(nan, was_number);
            lanes.either(larger, first_nan)
        } else {
            lanes.compare_int(IntCC::SignedGreaterThan, value, old)
        };
        let new = lanes.select(better, value, old);
        let new_position = lanes.select(better, position, old_position);
        context.builder.def_var(best, new);
        context.builder.def_var(at, new_position);
    }

    /// The result, one element or one for every row in the lanes.
    pub fn finish(&self, context: &mut Context) -> Slot {
        let value = match &self.place {
            Place::One(best, at) => context.builder.use_var(at.unwrap_or(*best)),
            Place::Vectors(vectors) => {
                let parts = vectors.map(|v| context.builder.use_var(v));
                let low = self.combined(context, parts[0], parts[2]);
                let high = self.combined(context, parts[1], parts[3]);
                let four = self.combined(context, low, high);
                let lane: [Value; 4] = std::array::from_fn(|l| context.builder.ins().extractlane(four, l as u8));
                self.tree(context, lane.to_vec())
            }
            Place::Memory(slot) => {
                let ty = match (self.float, self.rows_in_lanes) {
                    (true, true) => types::F32X4,
                    (true, false) => types::F32,
                    (false, true) => types::I32X4,
                    (false, false) => types::I32,
                };
                let bytes = ty.bytes() as i32;
                let parts = (0..ACCUMULATORS as i32).map(|n| context.builder.ins().stack_load(types::I64, ty, *slot, n * bytes)).collect();
                self.tree(context, parts)
            }
        };
        let result_is_float = self.float && self.reduction.combine != Combine::ArgMax;
        let term = if result_is_float { Term::Float(value) } else { Term::Int(value) };
        if self.rows_in_lanes { Slot { single: None, vector: Some(term) } } else { Slot { single: Some(term), vector: None } }
    }

    /// Number i with number i + half, until one is left.
    fn tree(&self, context: &mut Context, mut parts: Vec<Value>) -> Value {
        while parts.len() > 1 {
            let half = parts.len() / 2;
            parts = (0..half).map(|i| self.combined(context, parts[i], parts[i + half])).collect();
        }
        parts[0]
    }
}

/// What changes nothing.
fn identity(context: &mut Context, how: Combine, ty: Type) -> Value {
    let mut lanes = context.lanes(ty.is_vector());
    match (how, ty.lane_type()) {
        (Combine::Sum, _) => zero(context, ty),
        (_, types::F32) => lanes.float(f32::NEG_INFINITY),
        (_, _) => lanes.int(i32::MIN),
    }
}

fn combine(context: &mut Context, how: Combine, sum: Value, value: Value) -> Value {
    let ty = context.builder.func.dfg.value_type(sum);
    let float = ty.lane_type() == types::F32;
    let mut lanes: Lanes = context.lanes(ty.is_vector());
    match (how, float) {
        (Combine::Sum, true) => lanes.add(sum, value),
        (Combine::Sum, false) => lanes.builder.ins().iadd(sum, value),
        (_, true) => lanes.maximum(sum, value),
        (_, false) => lanes.builder.ins().smax(sum, value),
    }
}

/// Whether the stage's accumulators can be vectors of neighbouring positions: the position modulo 16 does not depend on outer axes.
pub(super) fn neighbours_keep_place(stage: &NestStage) -> bool {
    stage.inner.len() <= 1 || stage.inner.last().is_some_and(|n| n % ACCUMULATORS == 0)
}

/// The innermost axis of a stage.
pub(super) fn innermost(stage: &NestStage) -> Axis {
    Axis::Inner(stage.inner.len().saturating_sub(1))
}
