//! Operators whose positions are data: looking up, and its inverse, adding at places.
use super::spec::{Arity::Exactly, Derivative, Domain, Operand, around, below, between, example, foreign, listed, number, product, tensor};
use super::{Lowering::Indexed, Op, OpSpec, Refusal, Tolerance};
use crate::{DType, Dim, Graph, NodeId, OpError, Tensor, TensorType};
use smallvec::smallvec;

fn refused(op: &Op, what: &str, types: &[&TensorType]) -> OpError {
    OpError::new(format!("`{}` {what}: {}", op.spec().name, listed(types)))
}

fn check_indices(op: &Op, indices: &TensorType, types: &[&TensorType]) -> Result<(), OpError> {
    if indices.dtype == DType::I32 { Ok(()) } else { Err(refused(op, "needs indices of i32", types)) }
}

fn check_updates(op: &Op, updates: &TensorType, types: &[&TensorType]) -> Result<(), OpError> {
    if updates.dtype == DType::Bool { Err(refused(op, "adds numbers, not conditions", types)) } else { Ok(()) }
}

/// The axis where an index points, if it points inside.
fn place(index: f64, places: usize) -> Option<usize> {
    (index >= 0.0 && index < places as f64).then_some(index as usize)
}

fn outside(x: &Tensor) -> f64 {
    if x.dtype.is_float() { f64::NAN } else { 0.0 }
}

/// Zero where an index (of the shape of `value`) lies outside `0 .. size`: what was added nowhere has no gradient.
fn only_inside(graph: &mut Graph, indices: NodeId, size: &Dim, value: NodeId) -> NodeId {
    let ty = TensorType::new(DType::I32, graph.ty(value).shape.clone());
    let span = graph.span(value);
    let zero = graph.constant(0.0, ty.clone());
    let scalar = graph.leaf(Op::Size(size.clone()), TensorType::scalar(DType::I32), span);
    let size = match size.as_const() {
        Some(n) => graph.constant(n as f64, ty),
        None => graph.broadcast_to(scalar, ty.shape, []),
    };
    let above = graph.binary(Op::LessEqual, zero, indices);
    let under = graph.binary(Op::Less, indices, size);
    let inside = graph.binary(Op::And, above, under);
    let nothing = graph.full_like(0.0, value);
    graph.select(inside, value, nothing)
}

fn indices(n: u32, sizes: &[usize]) -> Operand {
    below(n, DType::I32, sizes)
}

pub(super) static GATHER: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::Gather { axis } = op else { foreign(op) };
        let (table, indices) = (types[0], types[1]);
        check_indices(op, indices, types)?;
        if *axis >= table.rank() {
            return Err(refused(op, &format!("along axis {axis} finds no such axis"), types));
        }
        let mut shape = table.shape.clone();
        shape.splice(*axis..=*axis, indices.shape.iter().cloned());
        Ok(TensorType::new(table.dtype, shape))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::Gather { axis } = *graph.op(node) else { foreign(graph.op(node)) };
        let (table, indices) = (graph.args(node)[0], graph.args(node)[1]);
        let size = graph.ty(table).shape[axis].clone();
        Ok(smallvec![Some(graph.binary(Op::ScatterAdd { axis, size }, indices, cotangent)), None])
    }),
    evaluate: Some(|op, args, _| {
        let Op::Gather { axis } = op else { foreign(op) };
        let (outer, places, inner) = around(&args[0].shape, *axis);
        let mut data = Vec::with_capacity(outer * args[1].data.len() * inner);
        for o in 0..outer {
            for index in &args[1].data {
                match place(*index, places) {
                    Some(at) => data.extend_from_slice(&args[0].data[(o * places + at) * inner..][..inner]),
                    None => data.extend(std::iter::repeat_n(outside(args[0]), inner)),
                }
            }
        }
        data
    }),
    examples: || {
        vec![
            example(Op::Gather { axis: 0 }, [between(-1.0, 1.0, &[4, 3]), indices(4, &[2, 3])]),
            example(Op::Gather { axis: 1 }, [between(-1.0, 1.0, &[2, 4, 2]), indices(4, &[3])]),
            example(Op::Gather { axis: 1 }, [between(-1.0, 1.0, &[2, 4]), indices(4, &[])]),
        ]
    },
    refusals: || {
        let of = |axis, ty| Refusal { op: Op::Gather { axis }, operands: vec![tensor(DType::F32, &[4, 3]), ty], because: "gather" };
        vec![of(0, tensor(DType::F32, &[2])), of(2, tensor(DType::I32, &[2]))]
    },
    ..OpSpec::new(
        "gather",
        Exactly(2),
        Indexed,
        "`gather(table, indices)`: one axis of the table is looked up at the indices, whose axes replace it. An index outside the table gives nan \
         (0 in a table of integers). The gradient of an entry is the sum over all places where it was looked up.",
    )
};

pub(super) static SCATTER_ADD: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::ScatterAdd { axis, size } = op else { foreign(op) };
        let (indices, updates) = (types[0], types[1]);
        check_indices(op, indices, types)?;
        check_updates(op, updates, types)?;
        let end = axis.saturating_add(indices.rank());
        if end > updates.rank() || updates.shape[*axis..end] != indices.shape[..] {
            return Err(refused(op, &format!("needs updates that have the indices' axes at axis {axis}"), types));
        }
        let mut shape = updates.shape.clone();
        shape.splice(*axis..end, [size.clone()]);
        Ok(TensorType::new(updates.dtype, shape))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::ScatterAdd { axis, size } = graph.op(node).clone() else { foreign(graph.op(node)) };
        let indices = graph.args(node)[0];
        let gathered = graph.binary(Op::Gather { axis }, cotangent, indices);
        let axes: Vec<usize> = (axis..axis + graph.ty(indices).rank()).collect();
        let shape = graph.ty(gathered).shape.clone();
        let everywhere = graph.broadcast_to(indices, shape, axes);
        Ok(smallvec![None, Some(only_inside(graph, everywhere, &size, gathered))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::ScatterAdd { axis, size } = op else { foreign(op) };
        let (outer, places, inner) = around(shape, *axis);
        debug_assert_eq!(places, number(size));
        let mut data = vec![0.0; outer * places * inner];
        for o in 0..outer {
            for (j, index) in args[0].data.iter().enumerate() {
                let Some(at) = place(*index, places) else { continue };
                for i in 0..inner {
                    data[(o * places + at) * inner + i] += args[1].data[(o * args[0].data.len() + j) * inner + i];
                }
            }
        }
        data
    }),
    work: |_, operands, _| product(&operands.get(1)?.shape).ok(),
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        let size = Dim::constant(4);
        vec![
            example(Op::ScatterAdd { axis: 0, size: size.clone() }, [indices(4, &[5]), between(-1.0, 1.0, &[5, 2])]),
            example(Op::ScatterAdd { axis: 1, size: size.clone() }, [indices(6, &[2, 2]), between(-1.0, 1.0, &[3, 2, 2, 2])]),
            example(Op::ScatterAdd { axis: 0, size }, [indices(4, &[]), between(-1.0, 1.0, &[3])]),
        ]
    },
    refusals: || {
        let operands = vec![tensor(DType::I32, &[3]), tensor(DType::F32, &[2, 3])];
        vec![Refusal { op: Op::ScatterAdd { axis: 0, size: Dim::constant(4) }, operands, because: "the indices' axes at axis 0" }]
    },
    ..OpSpec::new(
        "scatter_add",
        Exactly(2),
        Indexed,
        "`scatter_add(indices, updates)`: zeros to which every update is added at the place that its index says; several for one place add up, \
         and an index outside adds nothing.",
    )
};

fn same_but(axis: usize, left: &TensorType, right: &TensorType) -> bool {
    left.rank() == right.rank() && axis < left.rank() && (0..left.rank()).all(|i| i == axis || left.shape[i] == right.shape[i])
}

pub(super) static TAKE_ALONG: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::TakeAlong { axis } = op else { foreign(op) };
        check_indices(op, types[1], types)?;
        if !same_but(*axis, types[0], types[1]) {
            return Err(refused(op, &format!("needs tensors whose axes agree except axis {axis}"), types));
        }
        Ok(TensorType::new(types[0].dtype, types[1].shape.clone()))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::TakeAlong { axis } = *graph.op(node) else { foreign(graph.op(node)) };
        let (x, indices) = (graph.args(node)[0], graph.args(node)[1]);
        let size = graph.ty(x).shape[axis].clone();
        Ok(smallvec![Some(graph.binary(Op::TakeAlongAdd { axis, size }, indices, cotangent)), None])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::TakeAlong { axis } = op else { foreign(op) };
        let (outer, count, inner) = around(shape, *axis);
        let places = args[0].shape[*axis];
        let mut data = Vec::with_capacity(args[1].data.len());
        for o in 0..outer {
            for j in 0..count {
                for i in 0..inner {
                    let at = place(args[1].data[(o * count + j) * inner + i], places);
                    data.push(at.map_or_else(|| outside(args[0]), |at| args[0].data[(o * places + at) * inner + i]));
                }
            }
        }
        data
    }),
    examples: || {
        vec![
            example(Op::TakeAlong { axis: 1 }, [between(-1.0, 1.0, &[3, 4]), indices(4, &[3, 1])]),
            example(Op::TakeAlong { axis: 0 }, [between(-1.0, 1.0, &[2, 3]), indices(2, &[4, 3])]),
        ]
    },
    refusals: || {
        let operands = vec![tensor(DType::F32, &[3, 4]), tensor(DType::I32, &[2, 1])];
        vec![Refusal { op: Op::TakeAlong { axis: 1 }, operands, because: "`f32[3, 4]` and `i32[2, 1]`" }]
    },
    ..OpSpec::new(
        "take_along",
        Exactly(2),
        Indexed,
        "`take_along(x, indices, axis)`: along one axis the elements that the indices say, each row with its own indices. An index outside gives nan.",
    )
};

pub(super) static TAKE_ALONG_ADD: OpSpec = OpSpec {
    infer: |op, types| {
        let Op::TakeAlongAdd { axis, size } = op else { foreign(op) };
        check_indices(op, types[0], types)?;
        check_updates(op, types[1], types)?;
        if types[0].shape != types[1].shape || *axis >= types[0].rank() {
            return Err(refused(op, &format!("needs indices and updates of one shape that has axis {axis}"), types));
        }
        let mut shape = types[1].shape.clone();
        shape[*axis] = size.clone();
        Ok(TensorType::new(types[1].dtype, shape))
    },
    derivative: Derivative::Reverse(|graph, node, cotangent| {
        let Op::TakeAlongAdd { axis, size } = graph.op(node).clone() else { foreign(graph.op(node)) };
        let indices = graph.args(node)[0];
        let taken = graph.binary(Op::TakeAlong { axis }, cotangent, indices);
        Ok(smallvec![None, Some(only_inside(graph, indices, &size, taken))])
    }),
    evaluate: Some(|op, args, shape| {
        let Op::TakeAlongAdd { axis, .. } = op else { foreign(op) };
        let (outer, places, inner) = around(shape, *axis);
        let count = args[0].shape[*axis];
        let mut data = vec![0.0; outer * places * inner];
        for o in 0..outer {
            for j in 0..count {
                for i in 0..inner {
                    let from = (o * count + j) * inner + i;
                    if let Some(at) = place(args[0].data[from], places) {
                        data[(o * places + at) * inner + i] += args[1].data[from];
                    }
                }
            }
        }
        data
    }),
    work: |_, operands, _| product(&operands.get(1)?.shape).ok(),
    tolerance: Tolerance::ACCUMULATION,
    examples: || {
        let size = Dim::constant(4);
        let floats = |sizes: &[usize]| Operand { ty: tensor(DType::F32, sizes), domain: Domain::Between(-1.0, 1.0) };
        vec![
            example(Op::TakeAlongAdd { axis: 1, size: size.clone() }, [indices(5, &[3, 2]), floats(&[3, 2])]),
            example(Op::TakeAlongAdd { axis: 0, size }, [indices(4, &[6, 2]), floats(&[6, 2])]),
        ]
    },
    refusals: || {
        let operands = vec![tensor(DType::I32, &[3, 1]), tensor(DType::F32, &[3, 2])];
        vec![Refusal { op: Op::TakeAlongAdd { axis: 1, size: Dim::constant(4) }, operands, because: "of one shape" }]
    },
    ..OpSpec::new(
        "take_along_add",
        Exactly(2),
        Indexed,
        "`take_along_add(indices, updates)`: zeros to which every update is added along one axis at the place that its own index says. The inverse of `take_along`.",
    )
};
