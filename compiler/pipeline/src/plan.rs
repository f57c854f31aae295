//! What all programs of a model share: where its tensors lie, and how the update runs over them.
use esper_codegen::{Layout, Unsupported, UpdateGroup};
use esper_diagnostics::Span;
use esper_ir::{DType, Dim, Graph, Input, Model, Op, Parameter, TensorType, UpdateRule, print};
use esper_passes::run;

/// Why there is no program.
#[derive(Clone, Debug)]
pub enum Error {
    /// The target cannot do what the model asks; says what.
    Unsupported(Unsupported),
    /// It needs more than any machine has; says how much.
    TooLarge(String),
    /// A pass broke its promise.
    Bug(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Unsupported(what) => write!(f, "{what}"),
            Error::TooLarge(what) => write!(f, "{what}"),
            Error::Bug(what) => write!(f, "bug in the compiler: {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// What all programs of one model share.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where parameters, states and their optimizer states lie.
    pub layout: Layout,
    /// How parameters are updated.
    pub updates: Vec<UpdateGroup>,
}

/// Lays a model's tensors out: parameters that one elementwise rule serves lie side by side, so that one kernel updates them all.
pub fn plan(model: &Model) -> Result<Plan, Error> {
    let types: Vec<TensorType> = model.parameters.iter().map(|p| p.ty.clone()).collect();
    let states: Vec<TensorType> = model.states.iter().map(|s| s.ty.clone()).collect();
    for (ty, path) in
        types.iter().zip(model.parameters.iter().map(|p| &p.path)).chain(states.iter().zip(model.states.iter().map(|s| &s.path)))
    {
        let fits = ty.elements().and_then(|n| n.checked_mul(ty.dtype.bytes())).is_some_and(|bytes| bytes < 1 << 46);
        if !fits {
            return Err(Error::TooLarge(format!("`{path}` is {ty}, which no machine can hold")));
        }
    }
    let mut groups: Vec<(String, bool, Vec<usize>, UpdateRule)> = Vec::new();
    for (i, ty) in types.iter().enumerate() {
        let rule = rule_of(model, i)?.ok_or_else(|| Error::Bug(format!("no update rule for {ty}")))?;
        let text = print(&rule.graph);
        match groups.iter_mut().find(|(t, elementwise, ..)| *elementwise && rule.elementwise && *t == text) {
            Some((_, _, members, _)) => members.push(i),
            None => groups.push((text, rule.elementwise, vec![i], rule)),
        }
    }
    let members: Vec<Vec<usize>> = groups.iter().map(|(_, _, members, _)| members.clone()).collect();
    let layout = Layout::new(&types, &members, &states, model.optimizer.states.len()).with_optimizer_scalars(model.optimizer.scalars.len());
    let updates = groups
        .iter()
        .enumerate()
        .map(|(g, (_, elementwise, members, rule))| {
            let sizes: Vec<i64> = if *elementwise {
                vec![layout.group_elements(g) as i64]
            } else {
                types[members[0]].shape.iter().filter_map(Dim::as_const).collect()
            };
            Ok(UpdateGroup { parameters: members.clone(), elementwise: *elementwise, graph: bound(&rule.graph, *elementwise, &sizes)? })
        })
        .collect::<Result<_, Error>>()?;
    Ok(Plan { layout, updates })
}

/// The update rule of a parameter. One that grew counts its own updates; one of a live seed also has its own factor on the learning rate.
fn rule_of(model: &Model, parameter: usize) -> Result<Option<UpdateRule>, Error> {
    let Parameter { ty, born, .. } = &model.parameters[parameter];
    let Some(rule) = model.optimizer.rules.get(ty.rank()).and_then(Option::as_ref) else { return Ok(None) };
    let live = model.live.iter().position(|l| l.parameters.contains(&parameter));
    if live.is_none() && *born == 0 {
        return Ok(Some(rule.clone()));
    }
    let mut graph = Graph::new();
    let scalar = TensorType::scalar(DType::F32);
    let step = match live {
        Some(j) => graph.input(Input::Age(j), scalar.clone(), Span::default()),
        None => {
            let step = graph.input(Input::Step, scalar.clone(), Span::default());
            let before = graph.constant(*born as f64, scalar.clone());
            graph.binary(Op::Sub, step, before)
        }
    };
    let rate = live.zip(model.optimizer.learning_rate()).map(|(j, k)| {
        let rate = graph.input(Input::OptimizerScalar(k), scalar.clone(), Span::default());
        let boost = graph.input(Input::Boost(j), scalar.clone(), Span::default());
        (k, graph.binary(Op::Mul, rate, boost))
    });
    let outputs = graph.inline(&rule.graph, &|input| match input {
        Input::Step => Some(step),
        Input::OptimizerScalar(k) => rate.filter(|(rate, _)| rate == k).map(|(_, node)| node),
        _ => None,
    });
    for (kind, node) in outputs.map_err(|e| Error::Bug(e.to_string()))? {
        graph.add_output(kind, node);
    }
    Ok(Some(UpdateRule { graph: graph.prune(), elementwise: rule.elementwise }))
}

/// A rule's graph for tensors of these sizes: `n` of a flat rule, `d0, d1 …` otherwise.
fn bound(graph: &Graph, flat: bool, sizes: &[i64]) -> Result<Graph, Error> {
    let bound = graph
        .bind(&|name| {
            if flat {
                (name == "n").then(|| sizes[0])
            } else {
                name.strip_prefix('d')?.parse::<usize>().ok().and_then(|i| sizes.get(i).copied())
            }
        })
        .map_err(|e| Error::Bug(e.to_string()))?;
    run(&bound).map_err(Error::Bug)
}
