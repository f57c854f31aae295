//! The value of a node at a place, as instructions of one stage: movement becomes index arithmetic, everything inline is computed on the spot.
use super::group::{Group, Level};
use super::roots::Role;
use crate::index::{Affine, Atom};
use crate::{Access, Instruction, Register, Stage, Unsupported, Value};
use esper_ir::{DType, Graph, Lowering, NodeId, Op, Prim};
use std::collections::{BTreeSet, HashMap};

/// What a kernel reads or writes, before it has a place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Storage {
    /// The value of a node.
    Node(NodeId),
    /// Seed and step.
    Key,
}

/// Why a value cannot be computed in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It needs an element of another row, or one that is not there yet.
    Place,
    /// No target can.
    Unsupported(Unsupported),
}

impl From<Unsupported> for Refusal {
    fn from(reason: Unsupported) -> Refusal {
        Refusal::Unsupported(reason)
    }
}

/// A condition that a place lies in a tensor.
type Bound = (Affine, i64);

/// The parameters of a kernel, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(pub Vec<(Storage, Access)>);

impl Parameters {
    /// The position of a storage, added where it is new.
    pub fn position(&mut self, storage: Storage, access: Access) -> usize {
        match self.0.iter().position(|(s, _)| *s == storage) {
            Some(at) => {
                if self.0[at].1 != access {
                    self.0[at].1 = Access::ReadWrite;
                }
                at
            }
            None => {
                self.0.push((storage, access));
                self.0.len() - 1
            }
        }
    }
}

/// Writes the instructions of one stage.
pub(crate) struct Emitter<'a> {
    pub graph: &'a Graph,
    pub roles: &'a [Role],
    pub group: &'a Group,
    /// Which stage; `None` in a trial, where every member of the group is taken to be there.
    pub rank: Option<usize>,
    pub parameters: &'a mut Parameters,
    pub stage: Stage,
    /// Members of the group that were read.
    pub reads: BTreeSet<NodeId>,
    known: HashMap<(NodeId, Vec<Affine>, Vec<Bound>), Value>,
    same: HashMap<String, Value>,
}

impl<'a> Emitter<'a> {
    /// An empty stage.
    pub fn new(
        graph: &'a Graph,
        roles: &'a [Role],
        group: &'a Group,
        rank: Option<usize>,
        parameters: &'a mut Parameters,
        inner: Vec<usize>,
    ) -> Emitter<'a> {
        let stage = Stage { inner, ..Stage::default() };
        Emitter { graph, roles, group, rank, parameters, stage, reads: BTreeSet::new(), known: HashMap::new(), same: HashMap::new() }
    }

    /// Adds an instruction, or finds the equal one.
    pub fn push(&mut self, instruction: Instruction, dtype: DType) -> Value {
        let key = format!("{instruction:?}");
        if let Some(value) = self.same.get(&key) {
            return *value;
        }
        self.stage.instructions.push(instruction);
        self.stage.dtypes.push(dtype);
        let value = Value(self.stage.instructions.len() as u32 - 1);
        self.same.insert(key, value);
        value
    }

    /// The value of a node at coordinates, read from where it is or computed. `bounds` are conditions outside of which nothing may be read and
    /// the result does not matter.
    pub fn value(&mut self, node: NodeId, at: &[Affine], bounds: &[Bound]) -> Result<Value, Refusal> {
        if let Some(member) = self.group.member(node) {
            if member.at != at {
                return Err(Refusal::Place);
            }
            self.reads.insert(node);
            let here = match self.rank {
                None => true,
                Some(rank) => member.rank == rank && member.level != Level::Reduce,
            };
            if !here {
                let register = member.register;
                return match member.level {
                    Level::Full => Ok(self.load(node, at, bounds, 0.0)),
                    Level::Row | Level::Reduce => Ok(self.push(Instruction::Register(Register(register)), self.dtype(node))),
                };
            }
            if member.level == Level::Reduce {
                return Ok(self.push(Instruction::Register(Register(member.register)), self.dtype(node)));
            }
            if self.rank.is_none() {
                return Ok(self.load(node, at, bounds, 0.0));
            }
            return self.expression(node, at, bounds);
        }
        match self.roles[node.index()] {
            Role::Inline => self.expression(node, at, bounds),
            Role::Root | Role::Template | Role::Outside => Ok(self.load(node, at, bounds, 0.0)),
        }
    }

    fn dtype(&self, node: NodeId) -> DType {
        self.graph.ty(node).dtype
    }
    /// The sizes of a node.
    pub fn sizes(&self, node: NodeId) -> Vec<usize> {
        sizes(self.graph, node)
    }

    /// An element of a tensor in memory.
    fn load(&mut self, node: NodeId, at: &[Affine], bounds: &[Bound], otherwise: f64) -> Value {
        let index = Affine::linear(&self.sizes(node), at).index();
        let buffer = self.parameters.position(Storage::Node(node), Access::Read);
        let guards = bounds.iter().map(|(i, n)| i.guard(*n)).collect();
        self.push(Instruction::Load { buffer, index, guards, otherwise }, self.dtype(node))
    }

    /// The value of a node computed from its arguments.
    pub fn expression(&mut self, node: NodeId, at: &[Affine], bounds: &[Bound]) -> Result<Value, Refusal> {
        let key = (node, at.to_vec(), bounds.to_vec());
        if let Some(value) = self.known.get(&key) {
            return Ok(*value);
        }
        let value = self.fresh(node, at, bounds)?;
        self.known.insert(key, value);
        Ok(value)
    }

    fn fresh(&mut self, node: NodeId, at: &[Affine], bounds: &[Bound]) -> Result<Value, Refusal> {
        let (graph, dtype) = (self.graph, self.dtype(node));
        let args = graph.args(node);
        if let Some(prim) = primitive(graph.op(node)) {
            let operand = self.dtype(args[args.len() - 1]);
            let values = args.iter().map(|a| self.value(*a, at, bounds)).collect::<Result<Vec<_>, _>>()?;
            return Ok(self.push(Instruction::Apply(prim, values, operand), dtype));
        }
        match graph.op(node) {
            Op::Constant(value) => Ok(self.push(Instruction::Constant(*value, dtype), dtype)),
            Op::Size(dim) => {
                let (numerator, denominator) = dim.as_rational().ok_or_else(|| Unsupported::new(format!("the size {dim} is not known")))?;
                Ok(self.push(Instruction::Constant(numerator as f64 / denominator as f64, dtype), dtype))
            }
            Op::Iota { axis } => Ok(self.push(Instruction::Position(at[*axis].index(), dtype), dtype)),
            Op::Random { stream } => {
                let index = Affine::linear(&self.sizes(node), at).index();
                let key = self.parameters.position(Storage::Key, Access::Read);
                let uniform = self.push(Instruction::Random { key, stream: *stream, index }, DType::F32);
                Ok(if dtype == DType::F32 {
                    uniform
                } else {
                    self.push(Instruction::Cast { value: uniform, from: DType::F32, to: dtype }, dtype)
                })
            }
            Op::Cast { to } => {
                let from = self.dtype(args[0]);
                let value = self.value(args[0], at, bounds)?;
                Ok(if from == *to { value } else { self.push(Instruction::Cast { value, from, to: *to }, *to) })
            }
            Op::StopGradient | Op::WithGradient { .. } | Op::Slot { .. } | Op::Sum { .. } | Op::Max { .. }
                if !super::roots::is_reduction(graph.op(node)) =>
            {
                self.value(args[0], at, bounds)
            }
            Op::Broadcast { axes, .. } => {
                let operand = self.sizes(args[0]);
                let place: Vec<Affine> =
                    axes.iter().zip(&operand).map(|(&axis, &n)| if n == 1 { Affine::default() } else { at[axis].clone() }).collect();
                self.value(args[0], &place, bounds)
            }
            Op::Reshape { .. } => {
                let place = Affine::linear(&self.sizes(node), at).coordinates(&self.sizes(args[0]), &self.group.extents);
                self.value(args[0], &place, bounds)
            }
            Op::Transpose { order } => {
                let mut place = vec![Affine::default(); order.len()];
                for (i, &o) in order.iter().enumerate() {
                    place[o] = at[i].clone();
                }
                self.value(args[0], &place, bounds)
            }
            Op::Slice { start, .. } => {
                let place: Vec<Affine> = at.iter().zip(start).map(|(i, s)| i.offset(number(s))).collect();
                self.value(args[0], &place, bounds)
            }
            Op::Flip { axes } => {
                let place: Vec<Affine> = at
                    .iter()
                    .zip(self.sizes(node))
                    .enumerate()
                    .map(|(axis, (i, n))| if axes.contains(&axis) { i.times(-1).offset(n as i64 - 1) } else { i.clone() })
                    .collect();
                self.value(args[0], &place, bounds)
            }
            Op::Pad { low, value, .. } => {
                let place: Vec<Affine> = at.iter().zip(low).map(|(i, l)| i.offset(-number(l))).collect();
                let inside = self.outside_of(&place, &self.sizes(args[0]));
                self.guarded(args[0], &place, bounds, inside, *value)
            }
            Op::Concat { axis } => self.concatenated(node, *axis, at, bounds),
            Op::Gather { axis } => {
                let rank = self.graph.ty(args[1]).rank();
                let index = self.value(args[1], &at[*axis..axis + rank], bounds)?;
                let mut place = at[..*axis].to_vec();
                place.push(self.gathered(index, args[1]));
                place.extend_from_slice(&at[axis + rank..]);
                self.looked_up(args[0], *axis, &place, bounds)
            }
            Op::TakeAlong { axis } => {
                let index = self.value(args[1], at, bounds)?;
                let mut place = at.to_vec();
                place[*axis] = self.gathered(index, args[1]);
                self.looked_up(args[0], *axis, &place, bounds)
            }
            op => Err(Refusal::Unsupported(Unsupported::new(format!("{} has no scalar form", op.spec().name)))),
        }
    }

    fn gathered(&mut self, index: Value, node: NodeId) -> Affine {
        let from = self.dtype(node);
        let index =
            if from == DType::I32 { index } else { self.push(Instruction::Cast { value: index, from, to: DType::I32 }, DType::I32) };
        Affine::atom(Atom::Value(index))
    }
    fn looked_up(&mut self, table: NodeId, axis: usize, place: &[Affine], bounds: &[Bound]) -> Result<Value, Refusal> {
        let extent = self.sizes(table)[axis] as i64;
        let otherwise = if self.dtype(table).is_float() { f64::NAN } else { 0.0 };
        self.guarded(table, place, bounds, vec![(place[axis].clone(), extent)], otherwise)
    }

    /// Those of the conditions that a place lies in a tensor which can fail.
    fn outside_of(&self, place: &[Affine], sizes: &[usize]) -> Vec<Bound> {
        let all = place.iter().zip(sizes).map(|(i, &n)| (i.clone(), n as i64));
        all.filter(|(i, n)| !i.within(*n, &self.group.extents)).collect()
    }

    /// The value of a node where conditions hold, a number elsewhere.
    fn guarded(&mut self, node: NodeId, at: &[Affine], bounds: &[Bound], inside: Vec<Bound>, otherwise: f64) -> Result<Value, Refusal> {
        if inside.is_empty() {
            return self.value(node, at, bounds);
        }
        let mut all = bounds.to_vec();
        for bound in &inside {
            if !all.contains(bound) {
                all.push(bound.clone());
            }
        }
        let in_memory = self.roles[node.index()] != Role::Inline && self.group.member(node).is_none();
        if in_memory {
            return Ok(self.load(node, at, &all, otherwise));
        }
        let dtype = self.dtype(node);
        let value = self.value(node, at, &all)?;
        let rest = self.push(Instruction::Constant(otherwise, dtype), dtype);
        Ok(self.select(&inside, value, rest, dtype))
    }
    fn select(&mut self, inside: &[Bound], then: Value, otherwise: Value, dtype: DType) -> Value {
        let condition = self.push(Instruction::Inside(inside.iter().map(|(i, n)| i.guard(*n)).collect()), DType::Bool);
        self.push(Instruction::Apply(Prim::Select, vec![condition, then, otherwise], dtype), dtype)
    }

    fn concatenated(&mut self, node: NodeId, axis: usize, at: &[Affine], bounds: &[Bound]) -> Result<Value, Refusal> {
        let dtype = self.dtype(node);
        let (mut start, mut result): (i64, Option<Value>) = (0, None);
        let (low, high) = at[axis].range(&self.group.extents);
        for &piece in self.graph.args(node) {
            let extent = self.sizes(piece)[axis] as i64;
            if high < start || low >= start + extent {
                start += extent;
                continue;
            }
            let mut place = at.to_vec();
            place[axis] = at[axis].offset(-start);
            let inside: Vec<Bound> =
                if place[axis].within(extent, &self.group.extents) { vec![] } else { vec![(place[axis].clone(), extent)] };
            let mut all = bounds.to_vec();
            all.extend(inside.iter().cloned());
            let value = self.value(piece, &place, &all)?;
            result = Some(match result {
                None => value,
                Some(rest) => self.select(&inside, value, rest, dtype),
            });
            start += extent;
        }
        result.ok_or_else(|| Refusal::Unsupported(Unsupported::new("a concatenation of nothing")))
    }
}

/// The sizes of a node as numbers.
pub(crate) fn sizes(graph: &Graph, node: NodeId) -> Vec<usize> {
    graph.ty(node).sizes().expect("sizes are bound before code is generated")
}

fn number(dim: &esper_ir::Dim) -> i64 {
    dim.as_const().expect("sizes are bound before code is generated")
}

/// The scalar function that an elementwise operator is at every place.
pub(crate) fn primitive(op: &Op) -> Option<Prim> {
    match op.spec().lowering {
        Lowering::Map(prim) => Some(prim),
        _ => None,
    }
}
