//! Matrix products and einsum to the one contraction operator.
use crate::function::Lowering;
use esper_ir::{Dim, DotAxes, NodeId, Op, Shape};

/// `x @ y` by NumPy's rule: the last axis of `x` meets the last but one of `y`; leading axes broadcast.
pub(crate) fn matmul(l: &mut Lowering, mut x: NodeId, mut y: NodeId) -> Result<NodeId, String> {
    let (rank_x, rank_y) = (l.graph.ty(x).rank(), l.graph.ty(y).rank());
    if rank_y <= 2 || rank_x == 1 {
        // No batch: every leading axis of either side is free, in order.
        let axes = DotAxes { left_contract: vec![rank_x - 1], right_contract: vec![rank_y.saturating_sub(2)], ..DotAxes::default() };
        return l.apply(Op::DotGeneral(axes), &[x, y]);
    }
    let leading: Shape = l.shape()[..l.shape().len() - 2].to_vec();
    let widen = |l: &mut Lowering, x: NodeId| -> Result<NodeId, String> {
        let own = l.graph.ty(x).shape.clone();
        let shape = leading.iter().cloned().chain(own[own.len() - 2..].iter().cloned()).collect();
        l.broadcast(x, &shape)
    };
    x = widen(l, x)?;
    y = widen(l, y)?;
    let n = leading.len();
    let batch: Vec<usize> = (0..n).collect();
    let axes = DotAxes { left_batch: batch.clone(), right_batch: batch, left_contract: vec![n + 1], right_contract: vec![n] };
    l.apply(Op::DotGeneral(axes), &[x, y])
}

/// Any number of operands, folded from the left; a letter is summed as soon as nothing later needs it.
pub(crate) fn einsum(l: &mut Lowering, operands: &[Vec<String>], result: &[String], args: &[NodeId]) -> Result<NodeId, String> {
    let (mut letters, mut node) = (operands[0].clone(), args[0]);
    for (i, arg) in args.iter().enumerate().skip(1) {
        let needed = |letter: &String| result.contains(letter) || operands[i + 1..].iter().any(|o| o.contains(letter));
        (letters, node) = pair(l, (letters, node), (operands[i].clone(), *arg), &needed)?;
    }
    (letters, node) = sum_unneeded(l, letters, node, &|letter| result.contains(letter))?;
    let order = result.iter().map(|r| position(&letters, r)).collect::<Result<Vec<_>, _>>()?;
    l.transpose(node, order)
}

type Lettered = (Vec<String>, NodeId);

fn pair(l: &mut Lowering, x: Lettered, y: Lettered, needed: &dyn Fn(&String) -> bool) -> Result<Lettered, String> {
    // what only one side has and nobody needs is summed before the product
    let (x_letters, x) = sum_unneeded(l, x.0, x.1, &|c| needed(c) || y.0.contains(c))?;
    let (y_letters, y) = sum_unneeded(l, y.0, y.1, &|c| needed(c) || x_letters.contains(c))?;
    let mut axes = DotAxes::default();
    let mut letters = Vec::new();
    for (i, letter) in x_letters.iter().enumerate() {
        let Some(j) = y_letters.iter().position(|c| c == letter) else { continue };
        if needed(letter) {
            axes.left_batch.push(i);
            axes.right_batch.push(j);
            letters.push(letter.clone());
        } else {
            axes.left_contract.push(i);
            axes.right_contract.push(j);
        }
    }
    letters.extend(x_letters.iter().filter(|c| !y_letters.contains(c)).cloned());
    letters.extend(y_letters.iter().filter(|c| !x_letters.contains(c)).cloned());
    Ok((letters, l.apply(Op::DotGeneral(axes), &[x, y])?))
}

fn sum_unneeded(l: &mut Lowering, letters: Vec<String>, x: NodeId, needed: &dyn Fn(&String) -> bool) -> Result<Lettered, String> {
    let axes: Vec<usize> = (0..letters.len()).filter(|i| !needed(&letters[*i])).collect();
    if axes.is_empty() {
        return Ok((letters, x));
    }
    let sum = l.apply(Op::Sum { axes }, &[x])?;
    Ok((letters.into_iter().filter(|c| needed(c)).collect(), sum))
}

fn position(letters: &[String], letter: &String) -> Result<usize, String> {
    letters.iter().position(|c| c == letter).ok_or_else(|| format!("einsum result `{letter}` is in no operand"))
}

/// The product of sizes.
pub(crate) fn product<'a>(sizes: impl Iterator<Item = &'a Dim>) -> Result<Dim, String> {
    let mut product = Dim::constant(1);
    for size in sizes {
        product = product.mul(size).map_err(|e| e.to_string())?;
    }
    Ok(product)
}
