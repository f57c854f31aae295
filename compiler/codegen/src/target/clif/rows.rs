//! The loops of a kernel: over rows, over the inner axes of each stage, and how many positions one turn takes.
use super::affine::Axis;
use super::body::{Body, Context, Counter, Counters, Slot, enter};
use super::lanes::LANES;
use super::nest::{Nest, NestStage};
use super::reduction::{Partial, innermost, neighbours_keep_place};
use crate::VectorAxis;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

/// Writes the whole kernel for rows `start .. end`, and leaves the builder in the last block.
pub(super) fn write(context: &mut Context, nest: &Nest, registers: usize, start: Value, end: Value) {
    let last = nest.rows.len() - 1;
    if nest.rows.len() == 1 {
        return run(context, nest, registers, &[], start, end);
    }
    // A run: rows that differ in the last axis only, so that the counters of the others are found once.
    let (header, turn, exit) = (context.builder.create_block(), context.builder.create_block(), context.builder.create_block());
    let row = context.builder.append_block_param(header, types::I64);
    context.builder.ins().jump(header, &[start.into()]);
    context.builder.switch_to_block(header);
    let more = context.builder.ins().icmp(IntCC::UnsignedLessThan, row, end);
    context.builder.ins().brif(more, turn, &[], exit, &[]);
    enter(context, turn);
    let mut counters = vec![];
    let mut rest = row;
    for axis in (0..=last).rev() {
        let extent = context.long(nest.rows[axis] as i64);
        let quotient = context.builder.ins().udiv(rest, extent);
        let product = context.builder.ins().imul(quotient, extent);
        let counter = context.builder.ins().isub(rest, product);
        counters.push(if axis == 0 { rest } else { counter });
        rest = quotient;
    }
    counters.reverse();
    let from = counters[last];
    let left = context.builder.ins().isub(end, row);
    let reach = context.builder.ins().iadd(from, left);
    let extent = context.long(nest.rows[last] as i64);
    let to = context.builder.ins().umin(reach, extent);
    let outer: Vec<Counter> = counters[..last].iter().map(|&c| Counter::of(c)).collect();
    run(context, nest, registers, &outer, from, to);
    let done = context.builder.ins().isub(to, from);
    let next = context.builder.ins().iadd(row, done);
    context.builder.ins().jump(header, &[next.into()]);
    context.builder.seal_block(header);
    enter(context, exit);
}

/// Rows `from .. to` of the last axis.
fn run(context: &mut Context, nest: &Nest, registers: usize, outer: &[Counter], from: Value, to: Value) {
    let extent = nest.rows[nest.rows.len() - 1];
    let mut at = from;
    if nest.vector == VectorAxis::Rows && extent >= LANES {
        let groups = groups(nest).min(extent / LANES).max(1);
        let mut widths = vec![groups];
        if groups > 1 {
            widths.push(1);
        }
        for groups in widths {
            at = stepped(context, at, to, groups * LANES, &mut |context, row| {
                block_of_rows(context, nest, registers, outer, row, groups, true);
            });
        }
    }
    stepped(context, at, to, 1, &mut |context, row| block_of_rows(context, nest, registers, outer, row, 1, false));
}

/// How many vectors of rows run side by side: many for light bodies, whose latency they hide, few where registers run out.
fn groups(nest: &Nest) -> usize {
    match nest.stages.iter().map(NestStage::weight).max().unwrap_or(0) {
        0..=14 => 4,
        15..=40 => 2,
        _ => 1,
    }
}

/// `while at + step <= to { body(at); at += step }`; gives where it stopped.
fn stepped(context: &mut Context, from: Value, to: Value, step: usize, body: &mut dyn FnMut(&mut Context, Value)) -> Value {
    let (header, turn, exit) = (context.builder.create_block(), context.builder.create_block(), context.builder.create_block());
    let at = context.builder.append_block_param(header, types::I64);
    context.builder.ins().jump(header, &[from.into()]);
    context.builder.switch_to_block(header);
    let step = context.long(step as i64);
    let next = context.builder.ins().iadd(at, step);
    let fits = context.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, next, to);
    context.builder.ins().brif(fits, turn, &[], exit, &[]);
    enter(context, turn);
    body(context, at);
    context.builder.ins().jump(header, &[next.into()]);
    context.builder.seal_block(header);
    enter(context, exit);
    at
}

/// `for at in (0 .. turns·step).step_by(step)`, with at least one turn.
fn counted(context: &mut Context, turns: usize, step: usize, body: &mut dyn FnMut(&mut Context, Counter)) {
    if turns == 1 {
        return body(context, Counter::at(0));
    }
    let (turn, exit) = (context.builder.create_block(), context.builder.create_block());
    let at = context.builder.append_block_param(turn, types::I64);
    let zero = context.long(0);
    context.builder.ins().jump(turn, &[zero.into()]);
    context.builder.switch_to_block(turn);
    body(context, Counter::of(at));
    let (step, end) = (context.long(step as i64), context.long((turns * step) as i64));
    let next = context.builder.ins().iadd(at, step);
    let more = context.builder.ins().icmp(IntCC::UnsignedLessThan, next, end);
    context.builder.ins().brif(more, turn, &[next.into()], exit, &[]);
    context.builder.seal_block(turn);
    enter(context, exit);
}

/// All stages of `groups` neighbouring rows, or of `groups` vectors of neighbouring rows.
fn block_of_rows(context: &mut Context, nest: &Nest, registers: usize, outer: &[Counter], row: Value, groups: usize, wide: bool) {
    let rows_lane = Axis::Row(nest.rows.len() - 1);
    let mut values = vec![vec![Slot::default(); registers]; groups];
    let mut register_varies = vec![false; registers];
    let rows: Vec<Vec<Counter>> =
        (0..groups).map(|group| outer.iter().copied().chain([Counter::of(row).ahead((group * LANES) as i64)]).collect()).collect();
    for stage in &nest.stages {
        let inner_in_lanes = nest.vector == VectorAxis::Inner && !stage.inner.is_empty();
        let lane = if inner_in_lanes { innermost(stage) } else { rows_lane };
        let varies = stage.varying(lane, &register_varies);
        let mut writer = StageWriter { stage, varies: &varies, lane, values: &values, partials: vec![] };
        let results = writer.write(context, &rows, wide, inner_in_lanes);
        for (group, results) in results.into_iter().enumerate() {
            for (register, slot) in results {
                values[group][register] = slot;
                register_varies[register] = wide && slot.vector.is_some();
            }
        }
    }
}

/// One stage of a block of rows.
struct StageWriter<'s> {
    stage: &'s NestStage,
    varies: &'s [bool],
    lane: Axis,
    /// Row scalars of every group.
    values: &'s [Vec<Slot>],
    /// Reductions of every group.
    partials: Vec<Vec<Partial>>,
}

impl StageWriter<'_> {
    /// Writes the loops; gives each group's new row scalars.
    fn write(&mut self, context: &mut Context, rows: &[Vec<Counter>], wide: bool, inner_in_lanes: bool) -> Vec<Vec<(usize, Slot)>> {
        let vectors = inner_in_lanes && neighbours_keep_place(self.stage);
        for _ in rows {
            let partials = self.stage.reductions.iter().map(|r| Partial::begin(context, self.stage, r, wide, vectors)).collect();
            self.partials.push(partials);
        }
        let mut definitions = vec![vec![]; rows.len()];
        if self.stage.positions() > 0 {
            let counters: Vec<Counters> = rows.iter().map(|rows| Counters { rows: rows.clone(), inner: vec![] }).collect();
            self.axis(context, &counters, wide, inner_in_lanes, &mut definitions);
        }
        for (group, partials) in self.partials.iter().enumerate() {
            for (partial, reduction) in partials.iter().zip(&self.stage.reductions) {
                let slot = partial.finish(context);
                definitions[group].push((reduction.into.0 as usize, slot));
            }
        }
        definitions
    }

    fn axis(&self, context: &mut Context, counters: &[Counters], wide: bool, inner_in_lanes: bool, definitions: &mut [Vec<(usize, Slot)>]) {
        let axis = counters[0].inner.len();
        let Some(&extent) = self.stage.inner.get(axis) else {
            for (group, counters) in counters.iter().enumerate() {
                let body = self.position(context, group, counters.clone(), wide, 0);
                for (register, value) in &self.stage.definitions {
                    let vector = wide && self.varies[value.0 as usize];
                    let term = body.term(context, *value, vector);
                    let term = context.lanes(vector).settled(term);
                    let slot = if vector { Slot { single: None, vector: Some(term) } } else { Slot { single: Some(term), vector: None } };
                    definitions[group].push((register.0 as usize, slot));
                }
            }
            return;
        };
        let deeper = |counter: Counter| -> Vec<Counters> {
            let with = |c: &Counters| Counters { rows: c.rows.clone(), inner: c.inner.iter().copied().chain([counter]).collect() };
            counters.iter().map(with).collect()
        };
        if axis + 1 < self.stage.inner.len() || !inner_in_lanes {
            let light = self.stage.weight() * counters.len() <= 16;
            if axis + 1 == self.stage.inner.len() && extent <= LANES && light {
                for at in 0..extent {
                    self.axis(context, &deeper(Counter::at(at as i64)), wide, inner_in_lanes, definitions);
                }
                return;
            }
            return counted(context, extent, 1, &mut |context, counter| {
                self.axis(context, &deeper(counter), wide, inner_in_lanes, definitions);
            });
        }
        self.neighbours(context, &counters[0], extent);
    }

    /// The innermost axis with neighbouring positions in the lanes.
    fn neighbours(&self, context: &mut Context, counters: &Counters, extent: usize) {
        let with =
            |counter: Counter| Counters { rows: counters.rows.clone(), inner: counters.inner.iter().copied().chain([counter]).collect() };
        let unroll = match self.stage.weight() {
            _ if !self.stage.reductions.is_empty() => 4,
            0..=20 => 4,
            21..=60 => 2,
            _ => 1,
        };
        let block = unroll * LANES;
        let turns = extent / block;
        if turns > 0 {
            counted(context, turns, block, &mut |context, counter| {
                for part in 0..unroll {
                    let counter = counter.ahead((part * LANES) as i64);
                    self.position(context, 0, with(counter), true, part * LANES);
                }
            });
        }
        let mut at = turns * block;
        while at + LANES <= extent {
            self.position(context, 0, with(Counter::at(at as i64)), true, at);
            at += LANES;
        }
        while at < extent {
            self.position(context, 0, with(Counter::at(at as i64)), false, at);
            at += 1;
        }
    }

    /// One position, or four: operations, stores, reductions. `known`: the position on the innermost axis modulo 16.
    fn position(&self, context: &mut Context, group: usize, counters: Counters, wide: bool, known: usize) -> Body<'_> {
        let body = Body::emit(context, self.stage, self.varies, self.lane, wide, counters, &self.values[group]);
        for (buffer, index, value) in &self.stage.stores {
            body.store(context, *buffer, index, *value);
        }
        for partial in &self.partials[group] {
            partial.accumulate(context, &body, known);
        }
        body
    }
}
