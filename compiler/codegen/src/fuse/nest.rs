//! A group as a kernel: its stages in order, then axes that move together made one.
use super::emit::{Emitter, Parameters, Refusal, Storage};
use super::group::{Group, Level, order};
use super::roots::Role;
use crate::index::{Affine, Atom, Extents};
use crate::{Access, Combine, Guard, Index, Instruction, Kernel, Reduction, Register, Stage, Store, Unsupported, Value, VectorAxis};
use esper_ir::{DType, Graph, NodeId, Op};
use std::collections::BTreeSet;

/// The kernel of a group, with what its parameters stand for. The parameters' records are left to whoever knows where they lie.
pub(crate) fn kernel(graph: &Graph, roles: &[Role], group: &Group, stored: &BTreeSet<NodeId>) -> Result<(Kernel, Parameters), Unsupported> {
    let mut parameters = Parameters::default();
    let mut registers = vec![DType::F32; group.members.len()];
    for (node, member) in &group.members {
        registers[member.register as usize] = graph.ty(*node).dtype;
    }
    // A stored reduction is written once a row, behind the loop that computes it.
    let mut ranks: BTreeSet<usize> = BTreeSet::new();
    for (node, member) in &group.members {
        match member.level {
            Level::Full if stored.contains(node) => ranks.extend([member.rank]),
            Level::Full => {}
            Level::Row => ranks.extend([member.rank]),
            Level::Reduce if stored.contains(node) => ranks.extend([member.rank, member.rank + 1]),
            Level::Reduce => ranks.extend([member.rank]),
        }
    }
    let mut stages = vec![];
    for rank in ranks {
        let inner = if rank % 2 == 0 { group.extents.inner.clone() } else { vec![] };
        let mut emitter = Emitter::new(graph, roles, group, Some(rank), &mut parameters, inner);
        write_stage(&mut emitter, rank, stored).map_err(|refusal| match refusal {
            Refusal::Unsupported(reason) => reason,
            Refusal::Place => Unsupported::new("a bug of the fuser: a member is not where its trial found it"),
        })?;
        stages.push(emitter.stage);
    }
    let down_columns = group.members.iter().any(|(node, m)| {
        m.level == Level::Reduce && order(graph.op(*node), graph.ty(graph.args(*node)[0]).rank()) == crate::Order::Sequential
    });
    let vector = if down_columns || group.extents.inner.is_empty() { VectorAxis::Rows } else { VectorAxis::Inner };
    let mut names: Vec<&str> = group.members.keys().map(|n| graph.op(*n).spec().name).collect();
    names.dedup();
    let origin = names.iter().map(|n| n.to_string()).collect();
    names.truncate(3);
    let mut kernel = Kernel { name: names.join("_"), buffers: vec![], rows: group.extents.rows.clone(), stages, registers, vector, origin };
    compact_registers(&mut kernel);
    collapse(&mut kernel);
    Ok((kernel, parameters))
}

fn write_stage(emitter: &mut Emitter, rank: usize, stored: &BTreeSet<NodeId>) -> Result<(), Refusal> {
    let (graph, group) = (emitter.graph, emitter.group);
    for (&node, member) in &group.members {
        let dtype = graph.ty(node).dtype;
        let store = |emitter: &mut Emitter, value: Value| {
            let index = Affine::linear(&emitter.sizes(node), &member.at).index();
            let buffer = emitter.parameters.position(Storage::Node(node), Access::Write);
            emitter.stage.stores.push(Store { buffer, index, value });
        };
        match member.level {
            Level::Full if member.rank == rank && stored.contains(&node) => {
                let value = emitter.expression(node, &member.at, &[])?;
                store(emitter, value);
            }
            Level::Row if member.rank == rank => {
                let value = emitter.expression(node, &member.at, &[])?;
                emitter.stage.definitions.push((Register(member.register), value));
                if stored.contains(&node) {
                    store(emitter, value);
                }
            }
            Level::Reduce if member.rank == rank => {
                let operand = graph.args(node)[0];
                let value = emitter.value(operand, &member.operand_at, &[])?;
                let combine = match graph.op(node) {
                    Op::Sum { .. } => Combine::Sum,
                    Op::Max { .. } => Combine::Max,
                    _ => Combine::ArgMax,
                };
                let order = order(graph.op(node), graph.ty(operand).rank());
                let dtype = graph.ty(operand).dtype;
                emitter.stage.reductions.push(Reduction { value, combine, order, dtype, into: Register(member.register) });
            }
            Level::Reduce if member.rank + 1 == rank && stored.contains(&node) => {
                let value = emitter.push(Instruction::Register(Register(member.register)), dtype);
                store(emitter, value);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Numbers the row scalars that are in use.
fn compact_registers(kernel: &mut Kernel) {
    let mut used: BTreeSet<u32> = BTreeSet::new();
    for stage in &kernel.stages {
        used.extend(stage.reductions.iter().map(|r| r.into.0));
        used.extend(stage.definitions.iter().map(|(r, _)| r.0));
    }
    let number = |r: Register| Register(used.iter().position(|u| *u == r.0).expect("a register is written before it is read") as u32);
    for stage in &mut kernel.stages {
        stage.reductions.iter_mut().for_each(|r| r.into = number(r.into));
        stage.definitions.iter_mut().for_each(|(r, _)| *r = number(*r));
        for instruction in &mut stage.instructions {
            if let Instruction::Register(register) = instruction {
                *register = number(*register);
            }
        }
    }
    kernel.registers = used.iter().map(|u| kernel.registers[*u as usize]).collect();
}

/// Every index of a stage, guards included.
fn indices(stage: &mut Stage) -> Vec<&mut Index> {
    fn of(guards: &mut [Guard]) -> impl Iterator<Item = &mut Index> {
        guards.iter_mut().map(|g| &mut g.index)
    }
    let mut all: Vec<&mut Index> = vec![];
    for instruction in &mut stage.instructions {
        match instruction {
            Instruction::Load { index, guards, .. } => {
                all.push(index);
                all.extend(of(guards));
            }
            Instruction::Inside(guards) => all.extend(of(guards)),
            Instruction::Position(index, _) | Instruction::Random { index, .. } => all.push(index),
            Instruction::Register(_) | Instruction::Constant(..) | Instruction::Apply(..) | Instruction::Cast { .. } => {}
        }
    }
    all.extend(stage.stores.iter_mut().map(|s| &mut s.index));
    all
}

/// Whether the counters `outer` and the one behind it, of `extent` places, move as one in all indices.
fn moves_as_one(places: &[Affine], outer: &Atom, inner: &Atom, extent: usize) -> bool {
    places.iter().all(|p| !p.hides(outer) && !p.hides(inner) && p.coefficient(outer) == p.coefficient(inner) * extent as i64)
}

/// Joins neighbouring axes that move as one counter in every index, and drops axes of one place.
pub(crate) fn collapse(kernel: &mut Kernel) {
    loop {
        let rows = kernel.rows.clone();
        let mut places = vec![];
        for stage in &mut kernel.stages {
            let extents = Extents { rows: rows.clone(), inner: stage.inner.clone() };
            places.extend(indices(stage).into_iter().map(|i| Affine::of(i, &extents)));
        }
        let axis = (0..rows.len()).find(|&axis| {
            rows[axis] == 1 || (axis + 1 < rows.len() && moves_as_one(&places, &Atom::Row(axis), &Atom::Row(axis + 1), rows[axis + 1]))
        });
        let Some(axis) = axis else { break };
        let rename = move |atom: &Atom| match atom {
            Atom::Row(n) if *n == axis => None,
            Atom::Row(n) if *n > axis => Some(Atom::Row(n - 1)),
            other => Some(other.clone()),
        };
        for stage in &mut kernel.stages {
            let extents = Extents { rows: rows.clone(), inner: stage.inner.clone() };
            for index in indices(stage) {
                *index = Affine::of(index, &extents).renamed(&rename).index();
            }
        }
        if rows[axis] != 1 {
            kernel.rows[axis + 1] *= rows[axis];
        }
        kernel.rows.remove(axis);
    }
    let rows = kernel.rows.clone();
    for stage in &mut kernel.stages {
        loop {
            let inner = stage.inner.clone();
            let extents = Extents { rows: rows.clone(), inner: inner.clone() };
            let places: Vec<Affine> = indices(stage).into_iter().map(|i| Affine::of(i, &extents)).collect();
            let axis = (0..inner.len()).find(|&axis| {
                (inner[axis] == 1 && inner.len() > 1)
                    || (axis + 1 < inner.len() && moves_as_one(&places, &Atom::Inner(axis), &Atom::Inner(axis + 1), inner[axis + 1]))
            });
            let Some(axis) = axis else { break };
            let rename = move |atom: &Atom| match atom {
                Atom::Inner(n) if *n == axis => None,
                Atom::Inner(n) if *n > axis => Some(Atom::Inner(n - 1)),
                other => Some(other.clone()),
            };
            for index in indices(stage) {
                *index = Affine::of(index, &extents).renamed(&rename).index();
            }
            if inner[axis] != 1 {
                stage.inner[axis + 1] *= inner[axis];
            }
            stage.inner.remove(axis);
        }
    }
}
