//! Groups of nodes that one kernel computes: a space of rows and inner positions, and the members' places in it.
use super::emit::{Emitter, Parameters, Refusal, Storage, sizes};
use super::roots::{Role, is_reduction};
use crate::index::{Affine, Extents};
use crate::{Order, Unsupported};
use esper_ir::{Graph, NodeId, Op};
use std::collections::{BTreeMap, BTreeSet};

/// A kernel with fewer rows than this runs on few threads: too few to carry along maps over many elements.
const FEW_ROWS: usize = 32;
/// … more elements than this.
const MANY_ELEMENTS: usize = 1 << 15;
/// Buffers of one kernel; WebGPU devices commonly allow no more.
const MOST_BUFFERS: usize = 24;

/// How often a member is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// At every inner position of every row.
    Full,
    /// Once a row, from reductions and what does not change along the row.
    Row,
    /// Once a row, from all inner positions.
    Reduce,
}

/// A root in a group.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// How often it is computed.
    pub level: Level,
    /// Its coordinates in the counters of the group.
    pub at: Vec<Affine>,
    /// Of a reduction: the operand's coordinates.
    pub operand_at: Vec<Affine>,
    /// Which stage computes it: even ranks run over inner positions, odd ones once a row.
    pub rank: usize,
    /// Its row scalar, unless `Full`.
    pub register: u32,
    /// Whether a later stage of the group reads it from memory.
    pub read_later: bool,
}

/// The nodes that one kernel computes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// Extents of rows and inner axes.
    pub extents: Extents,
    /// Members; ascending ids are a topological order.
    pub members: BTreeMap<NodeId, Member>,
    /// Whether it changes what training keeps, so that it runs behind everything else.
    pub commits: bool,
    /// Everything in memory that members read.
    pub reads: BTreeSet<Storage>,
    /// Tensors that the space has the elements of, with their coordinates.
    full: Vec<(Vec<usize>, Vec<Affine>)>,
}

impl Group {
    /// A member.
    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.get(&node)
    }
    /// Whether it reduces.
    pub fn reduces(&self) -> bool {
        self.members.values().any(|m| m.level == Level::Reduce)
    }
    fn rows(&self) -> usize {
        self.extents.rows.iter().product()
    }
    fn inner(&self) -> usize {
        self.extents.inner.iter().product()
    }

    /// A group of one root.
    pub fn of(graph: &Graph, roles: &[Role], root: NodeId, commits: bool) -> Result<Group, Refusal> {
        let group = Group { extents: natural(graph, root), commits, ..Group::default() };
        group.with(graph, roles, root)
    }

    /// The group with one more root, in a space that fits both.
    pub fn joined(&self, graph: &Graph, roles: &[Role], root: NodeId) -> Result<Group, Refusal> {
        if is_reduction(graph.op(root)) && !self.reduces() {
            // A group of maps takes the reduction's space.
            let space = natural(graph, root);
            if space.rows.iter().chain(&space.inner).product::<usize>() != self.rows() || self.inner() != 1 {
                return Err(Refusal::Place);
            }
            let start = Group { extents: space, commits: self.commits, ..Group::default() };
            let operand = sizes(graph, graph.args(root)[0]);
            let at = reduced(graph, root, &start.extents).1;
            let mut group = Group { full: vec![(operand, at)], ..start };
            for &member in self.members.keys() {
                group = group.with(graph, roles, member)?;
            }
            return group.with(graph, roles, root);
        }
        self.with(graph, roles, root)
    }

    fn with(&self, graph: &Graph, roles: &[Role], root: NodeId) -> Result<Group, Refusal> {
        let mut refusal = Refusal::Place;
        for mut member in self.places(graph, root) {
            let mut parameters = Parameters::default();
            let mut trial = Emitter::new(graph, roles, self, None, &mut parameters, self.extents.inner.clone());
            let result = match member.level {
                Level::Reduce => trial.value(graph.args(root)[0], &member.operand_at, &[]),
                Level::Full | Level::Row => trial.expression(root, &member.at, &[]),
            };
            let reads = std::mem::take(&mut trial.reads);
            if let Err(reason) = result {
                refusal = reason;
                continue;
            }
            let odd = usize::from(member.level == Level::Row);
            let least = reads.iter().map(|r| {
                let read = &self.members[r];
                match (read.level, member.level) {
                    (Level::Row, Level::Row) => read.rank,
                    (Level::Full, Level::Full | Level::Reduce) => read.rank,
                    _ => read.rank + 1,
                }
            });
            let least = least.max().unwrap_or(0);
            member.rank = least + (least + odd) % 2;
            let mut group = self.clone();
            for r in &reads {
                let read = group.members.get_mut(r).expect("what was read is a member");
                read.read_later |= read.level == Level::Full && read.rank < member.rank;
            }
            let outside = parameters.0.iter().map(|(s, _)| *s);
            group.reads.extend(outside.filter(|s| !matches!(s, Storage::Node(n) if self.members.contains_key(n))));
            if group.reads.len() + group.members.len() > MOST_BUFFERS && !self.members.is_empty() {
                return Err(Refusal::Place);
            }
            if member.level == Level::Reduce {
                group.full.push((sizes(graph, graph.args(root)[0]), member.operand_at.clone()));
            }
            group.members.insert(root, member);
            return Ok(group);
        }
        Err(refusal)
    }

    /// The places that a root could have in the group's space, the likeliest first.
    fn places(&self, graph: &Graph, root: NodeId) -> Vec<Member> {
        let register = self.members.len() as u32;
        let member = |level, at, operand_at| Member { level, at, operand_at, rank: 0, register, read_later: false };
        let space = natural(graph, root);
        if is_reduction(graph.op(root)) {
            let fits = space.rows.iter().product::<usize>() == self.rows() && space.inner.iter().product::<usize>() == self.inner();
            let (at, operand_at) = reduced(graph, root, &self.extents);
            return if fits { vec![member(Level::Reduce, at, operand_at)] } else { vec![] };
        }
        let own = sizes(graph, root);
        let (elements, rows) = (own.iter().product::<usize>(), self.rows());
        let row = Affine::linear(&self.extents.rows, &self.extents.row_counters()).coordinates(&own, &self.extents);
        let mut places: Vec<Member> = vec![];
        if self.full.is_empty() {
            if elements == rows {
                places.push(member(Level::Full, row, vec![]));
            }
            return places;
        }
        if elements == rows * self.inner() && (rows >= FEW_ROWS || elements <= MANY_ELEMENTS) {
            for (tensor, at) in &self.full {
                let at = if *tensor == own { at.clone() } else { Affine::linear(tensor, at).coordinates(&own, &self.extents) };
                if places.iter().all(|m| m.at != at) {
                    places.push(member(Level::Full, at, vec![]));
                }
            }
        }
        if elements == rows {
            places.push(member(Level::Row, row, vec![]));
        }
        places
    }
}

/// The space that a root has on its own: of a reduction the kept axes and the reduced ones, otherwise its own axes.
fn natural(graph: &Graph, root: NodeId) -> Extents {
    if !is_reduction(graph.op(root)) {
        return Extents { rows: sizes(graph, root), inner: vec![] };
    }
    let operand = sizes(graph, graph.args(root)[0]);
    let axes = reduced_axes(graph.op(root));
    let (inner, rows): (Vec<usize>, Vec<usize>) = (0..operand.len()).partition(|axis| axes.contains(axis));
    let of = |axes: Vec<usize>| axes.into_iter().map(|a| operand[a]).collect();
    Extents { rows: of(rows), inner: of(inner) }
}

/// The coordinates of a reduction's result and of its operand in a space of as many rows and inner positions.
fn reduced(graph: &Graph, root: NodeId, extents: &Extents) -> (Vec<Affine>, Vec<Affine>) {
    let own = natural(graph, root);
    let rows = Affine::linear(&extents.rows, &extents.row_counters()).coordinates(&own.rows, extents);
    let inner = Affine::linear(&extents.inner, &extents.inner_counters()).coordinates(&own.inner, extents);
    let axes = reduced_axes(graph.op(root));
    let (mut row, mut position) = (rows.iter(), inner.iter());
    let rank = graph.ty(graph.args(root)[0]).rank();
    let mut next = |axis: usize| if axes.contains(&axis) { position.next() } else { row.next() };
    let operand = (0..rank).map(|axis| next(axis).expect("one coordinate an axis").clone()).collect();
    (rows, operand)
}

/// The axes of a reduction.
pub(crate) fn reduced_axes(op: &Op) -> Vec<usize> {
    match op {
        Op::Sum { axes } | Op::Max { axes } => axes.clone(),
        Op::ArgMax { axis } => vec![*axis],
        _ => vec![],
    }
}

/// The order of a reduction: a function of the operator's operand and axes only.
pub(crate) fn order(op: &Op, operand_rank: usize) -> Order {
    if operand_rank > 0 && reduced_axes(op).contains(&(operand_rank - 1)) { Order::Lanes16 } else { Order::Sequential }
}

/// What a step of the program computes.
#[derive(Clone, Debug)]
pub(crate) enum Unit {
    /// One kernel.
    Kernel(Group),
    /// A step of its own.
    Template(NodeId),
}

/// What computes every root, and in which order.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Units in an order in which every read value is there.
    pub units: Vec<Unit>,
    /// Roots and templates that somebody other than their own kernel reads.
    pub stored: BTreeSet<NodeId>,
}

/// What a root or template reads: roots, templates and tensors from outside, reached through inline nodes.
pub(crate) fn reads_of(graph: &Graph, roles: &[Role], operands: &[NodeId]) -> BTreeSet<NodeId> {
    let (mut reads, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), operands.to_vec());
    while let Some(node) = open.pop() {
        if roles[node.index()] != Role::Inline {
            reads.insert(node);
        } else if seen.insert(node) {
            match graph.op(node) {
                Op::WithGradient { .. } => open.push(graph.args(node)[0]),
                _ => open.extend(graph.args(node)),
            }
        }
    }
    reads
}

/// Forms groups, greedily in topological order. `wanted`: what must be in memory. `commits`: roots that may only be written at the end.
/// `operands`: what a template reads.
pub(crate) fn schedule(
    graph: &Graph,
    roles: &[Role],
    wanted: &BTreeSet<NodeId>,
    commits: &BTreeSet<NodeId>,
    operands: &dyn Fn(NodeId) -> Vec<NodeId>,
) -> Result<Schedule, Unsupported> {
    let mut reads: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    let mut open: Vec<NodeId> = wanted.iter().copied().collect();
    while let Some(node) = open.pop() {
        if reads.contains_key(&node) || roles[node.index()] == Role::Outside {
            continue;
        }
        let of = match roles[node.index()] {
            Role::Template => reads_of(graph, roles, &operands(node)),
            _ => match graph.op(node) {
                Op::WithGradient { .. } => reads_of(graph, roles, &graph.args(node)[..1]),
                _ => reads_of(graph, roles, graph.args(node)),
            },
        };
        open.extend(of.iter().copied());
        reads.insert(node, of);
    }
    let mut units: Vec<Unit> = vec![];
    let mut needs: Vec<BTreeSet<usize>> = vec![];
    let mut unit_of: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (&root, of) in &reads {
        let sources: BTreeSet<usize> = of.iter().filter_map(|d| unit_of.get(d).copied()).collect();
        let mut found = None;
        if roles[root.index()] != Role::Template {
            for candidate in candidates(&units, &sources, of, commits.contains(&root)) {
                let cyclic = sources.iter().any(|&s| s != candidate && reaches(&needs, s, candidate));
                let Unit::Kernel(group) = &units[candidate] else { continue };
                if cyclic {
                    continue;
                }
                match group.joined(graph, roles, root) {
                    Ok(group) => {
                        found = Some((candidate, group));
                        break;
                    }
                    Err(Refusal::Place) => {}
                    Err(Refusal::Unsupported(reason)) => return Err(reason),
                }
            }
        }
        let unit = match found {
            Some((at, group)) => {
                units[at] = Unit::Kernel(group);
                at
            }
            None if roles[root.index()] == Role::Template => {
                units.push(Unit::Template(root));
                needs.push(BTreeSet::new());
                units.len() - 1
            }
            None => {
                let group = Group::of(graph, roles, root, commits.contains(&root)).map_err(|refusal| match refusal {
                    Refusal::Unsupported(reason) => reason,
                    Refusal::Place => Unsupported::new(format!("{} cannot be computed on its own", graph.op(root).spec().name)),
                })?;
                units.push(Unit::Kernel(group));
                needs.push(BTreeSet::new());
                units.len() - 1
            }
        };
        unit_of.insert(root, unit);
        needs[unit].extend(sources.into_iter().filter(|&s| s != unit));
    }
    let mut stored = wanted.clone();
    for (root, of) in &reads {
        stored.extend(of.iter().filter(|d| unit_of.get(d).is_some_and(|u| *u != unit_of[root])));
    }
    for unit in &units {
        if let Unit::Kernel(group) = unit {
            stored.extend(group.members.iter().filter(|(_, m)| m.read_later).map(|(n, _)| *n));
        }
    }
    let order = topological(&needs, &|unit| matches!(&units[unit], Unit::Kernel(group) if group.commits));
    Ok(Schedule { units: order.into_iter().map(|u| units[u].clone()).collect(), stored })
}

/// Groups that a root could join: those it reads from, the latest first, then those that read the same tensors.
fn candidates(units: &[Unit], sources: &BTreeSet<usize>, reads: &BTreeSet<NodeId>, commits: bool) -> Vec<usize> {
    let kernel = |&unit: &usize| matches!(&units[unit], Unit::Kernel(group) if group.commits == commits);
    let mut found: Vec<usize> = sources.iter().rev().copied().filter(kernel).collect();
    let shares = |unit: &usize| match &units[*unit] {
        Unit::Kernel(group) => reads.iter().any(|r| group.reads.contains(&Storage::Node(*r)) || group.members.contains_key(r)),
        Unit::Template(_) => false,
    };
    found.extend((0..units.len()).rev().filter(|u| !sources.contains(u) && kernel(u) && shares(u)).take(12));
    found
}

/// Whether `from` needs `to`, directly or not.
fn reaches(needs: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(unit) = open.pop() {
        if unit == to {
            return true;
        }
        if seen.insert(unit) {
            open.extend(needs[unit].iter().copied());
        }
    }
    false
}

/// Units in an order that respects needs, the earliest made first; those that come `last` behind all others.
fn topological(needs: &[BTreeSet<usize>], last: &dyn Fn(usize) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(needs.len());
    let mut done = vec![false; needs.len()];
    let mut users: Vec<Vec<usize>> = vec![vec![]; needs.len()];
    let mut missing: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    for (unit, of) in needs.iter().enumerate() {
        of.iter().for_each(|&need| users[need].push(unit));
    }
    let mut ready: BTreeSet<(bool, usize)> = (0..needs.len()).filter(|&u| missing[u] == 0).map(|u| (last(u), u)).collect();
    while let Some((_, unit)) = ready.pop_first() {
        done[unit] = true;
        order.push(unit);
        for &user in &users[unit] {
            missing[user] -= 1;
            if missing[user] == 0 {
                ready.insert((last(user), user));
            }
        }
    }
    debug_assert!(done.iter().all(|d| *d), "groups need each other");
    order
}
