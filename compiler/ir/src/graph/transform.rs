//! Whole graphs copied: into another, with sizes bound, or without what nobody reads.
use super::{Graph, Node, NodeId, OpError, Rule};
use crate::{Dim, DimError, Input, Op, OutputKind, TensorType};

impl Graph {
    /// Copies another graph's nodes in and gives its outputs as nodes of this graph. An input for which `inputs` gives a node is that node, of the
    /// same type; the others are copied as inputs.
    pub fn inline(&mut self, other: &Graph, inputs: &dyn Fn(&Input) -> Option<NodeId>) -> Result<Vec<(OutputKind, NodeId)>, OpError> {
        let rules: Vec<usize> = other.rules.iter().map(|r| self.add_rule(r.clone())).collect();
        let mut copies: Vec<NodeId> = Vec::with_capacity(other.len());
        for id in other.ids() {
            let node = other.node(id);
            let given = match &node.op {
                Op::Input(input) => inputs(input),
                _ => None,
            };
            let copy = match given {
                Some(copy) if *self.ty(copy) == node.ty => copy,
                Some(copy) => {
                    return Err(OpError::new(format!("a graph whose input is `{}` is given a `{}`", node.ty, self.ty(copy))));
                }
                None => {
                    let args: Vec<NodeId> = node.args.iter().map(|a| copies[a.index()]).collect();
                    self.copy(node, &args, &rules)?
                }
            };
            copies.push(copy);
        }
        Ok(other.outputs.iter().map(|o| (o.kind.clone(), copies[o.node.index()])).collect())
    }

    fn copy(&mut self, node: &Node, args: &[NodeId], rules: &[usize]) -> Result<NodeId, OpError> {
        match &node.op {
            op if op.is_leaf() => Ok(self.leaf(op.clone(), node.ty.clone(), node.span)),
            Op::WithGradient { rule } => self.apply(Op::WithGradient { rule: rules[*rule] }, args, node.span),
            op => self.apply(op.clone(), args, node.span),
        }
    }

    /// The graph with names of sizes replaced by numbers, in types, attributes and gradient rules; those for which none is given stay.
    /// Fails where an operator then does not fit, or an axis is no whole number of at least 1.
    pub fn bind(&self, value: &dyn Fn(&str) -> Option<i64>) -> Result<Graph, OpError> {
        self.substitute(&|name| value(name).map(Dim::constant))
    }

    /// The graph with names of sizes replaced by other sizes: see [`Graph::bind`].
    pub fn substitute(&self, replacement: &dyn Fn(&str) -> Option<Dim>) -> Result<Graph, OpError> {
        let mut bound = Graph::new();
        let mut rules = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let rule = Rule { inputs: rule.inputs, graph: rule.graph.substitute(replacement)? };
            rules.push(bound.add_rule(rule));
        }
        let substitute = |d: &Dim| -> Result<Dim, DimError> { d.substitute(replacement) };
        let mut copies: Vec<NodeId> = Vec::with_capacity(self.len());
        for id in self.ids() {
            let node = self.node(id);
            let args: Vec<NodeId> = node.args.iter().map(|a| copies[a.index()]).collect();
            let op = node.op.map_dims(&substitute)?;
            let copy = if op.is_leaf() {
                let shape = node.ty.shape.iter().map(substitute).collect::<Result<_, _>>()?;
                let ty = TensorType::new(node.ty.dtype, shape);
                crate::op::check_axes(&ty)?;
                let op = match op {
                    Op::Size(dim) => match dim.as_rational() {
                        Some((numerator, denominator)) => Op::Constant(numerator as f64 / denominator as f64),
                        None => Op::Size(dim),
                    },
                    op => op,
                };
                bound.leaf(op, ty, node.span)
            } else {
                bound.copy(&Node { op, args: args.as_slice().into(), ty: node.ty.clone(), span: node.span }, &args, &rules)?
            };
            copies.push(copy);
        }
        for output in &self.outputs {
            bound.add_output(output.kind.clone(), copies[output.node.index()]);
        }
        Ok(bound)
    }

    /// Which nodes the outputs need, by position.
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.len()];
        for output in &self.outputs {
            live[output.node.index()] = true;
        }
        // Users have larger ids, so one walk from the end reaches every argument after all of its users.
        for id in self.ids().rev() {
            if live[id.index()] {
                for a in self.args(id) {
                    live[a.index()] = true;
                }
            }
        }
        live
    }

    /// The graph without the nodes and rules that no output needs.
    pub fn prune(&self) -> Graph {
        let live = self.live();
        let mut kept = Graph::new();
        let mut copies: Vec<Option<NodeId>> = vec![None; self.len()];
        for id in self.ids().filter(|id| live[id.index()]) {
            let mut node = self.node(id).clone();
            if let Op::WithGradient { rule } = &mut node.op {
                *rule = kept.add_rule(self.rules[*rule].clone());
            }
            for a in &mut node.args {
                *a = copies[a.index()].expect("arguments of live nodes are live");
            }
            copies[id.index()] = Some(kept.insert(node));
        }
        for output in &self.outputs {
            kept.add_output(output.kind.clone(), copies[output.node.index()].expect("outputs are live"));
        }
        kept
    }
}
