//! What grew in one slot as a blueprint of its own: the seeds as layers, and a `forward` that puts what they give together.
use esper_grammar::ast::{Definition, Elem, Expr, ExprKind, LineKind, TypeKind};
use esper_ir::{Birth, DType, Join};

/// A seed of a slot, ready to be written.
pub(super) struct Part<'a> {
    pub birth: Birth,
    pub join: Join,
    pub alpha: f64,
    pub fossil: bool,
    /// Its blueprint.
    pub definition: &'a Definition,
}

/// The names of the axes of what a slot reads and of what it gives. Two axes have one name where a seed says that they are the same.
pub(super) struct Axes {
    pub source: Vec<String>,
    pub target: Vec<String>,
}

impl Axes {
    /// `spanning`: the slot reads one tensor and adds to another.
    pub fn of(source: usize, target: usize, spanning: bool, parts: &[Part]) -> Axes {
        let (reads, mut gives) = (names(source), names(target));
        if spanning {
            let sides: Vec<_> = parts.iter().map(|p| (sides(p.definition, source).0, sides(p.definition, target).1)).collect();
            for (k, name) in gives.iter_mut().enumerate() {
                let same = |(input, output): &(Vec<Option<String>>, Vec<Option<String>>)| {
                    let key = output.get(k)?.as_ref()?;
                    input.iter().position(|other| other.as_ref() == Some(key))
                };
                *name = match sides.iter().find_map(same) {
                    Some(axis) => reads[axis].clone(),
                    None => format!("{name}_out"),
                };
            }
        }
        Axes { source: reads, target: gives }
    }

    /// What a parameter of a seed's blueprint is in the slot, where it names one axis of what the seed gives or reads.
    pub fn parameter(&self, definition: &Definition, name: &str) -> Option<&str> {
        let at = |side: &[Option<String>]| side.iter().position(|key| key.as_deref() == Some(name));
        let gives = at(&sides(definition, self.target.len()).1).map(|k| self.target[k].as_str());
        gives.or_else(|| at(&sides(definition, self.source.len()).0).map(|k| self.source[k].as_str()))
    }
}

/// Names for the axes of a tensor as papers have them.
fn names(rank: usize) -> Vec<String> {
    let usual: &[&str] = match rank {
        0..=2 => &["b", "d"],
        3 => &["b", "t", "d"],
        4 => &["b", "c", "h", "w"],
        _ => return (0..rank).map(|k| if k == 0 { "b".to_string() } else { format!("n{k}") }).collect(),
    };
    usual[..rank].iter().map(|name| name.to_string()).collect()
}

/// What stands on each axis of a blueprint's first input and of its result, for tensors of a rank: a name, a part of `..`, or something else.
fn sides(definition: &Definition, rank: usize) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let forward = definition.body.lines.iter().find_map(|l| if let LineKind::Forward(method) = &l.kind { Some(method) } else { None });
    let Some(method) = forward else { return (vec![], vec![]) };
    let dims = |kind: &TypeKind| match kind {
        TypeKind::Named { dims: Some(elems), .. } => spread(elems, rank),
        _ => vec![],
    };
    (method.params.first().map_or(vec![], |p| dims(&p.ty.kind)), dims(&method.result.kind))
}

/// The elements of a type axis by axis.
fn spread(elems: &[Elem], rank: usize) -> Vec<Option<String>> {
    let rest = (rank + 1).saturating_sub(elems.len());
    let mut axes = vec![];
    for elem in elems {
        match elem {
            Elem::Expr(Expr { kind: ExprKind::Name(name), .. }) => axes.push(Some(name.clone())),
            Elem::Rest(..) => axes.extend((0..rest).map(|k| Some(format!("..{k}")))),
            _ => axes.push(None),
        }
    }
    axes
}

/// The blueprint's body. `recipes` are those of the parts, in their order.
pub(super) fn body(parts: &[Part], recipes: &[String], axes: &Axes, dtypes: (DType, DType), spanning: bool) -> String {
    let ty = |dtype: DType, axes: &[String]| format!("{}[{}]", dtype.name(), axes.join(", "));
    let (reads, gives) = (ty(dtypes.0, &axes.source), ty(dtypes.1, &axes.target));
    let mut text = String::from("{\n");
    for (number, recipe) in recipes.iter().enumerate() {
        text.push_str(&format!("    layer seed{} = {recipe}\n", number + 1));
    }
    let (inputs, source, mut value) = match spanning {
        true => (format!("y: {gives}, from: {reads}"), "from", "y".to_string()),
        false => (format!("x: {gives}"), "x", "x".to_string()),
    };
    text.push_str(&format!("\n    forward({inputs}) -> {gives} {{\n"));
    // What lives is joined together, to what stands in the slot with its fossils.
    let mut base = value.clone();
    for (number, part) in parts.iter().enumerate() {
        if part.fossil || number == 0 || parts[number - 1].fossil {
            base = value.clone();
        }
        let joined = join(part, &value, &base, source, &format!("seed{}({source})", number + 1));
        if number + 1 == parts.len() {
            text.push_str(&format!("        {joined}\n"));
        } else {
            value = format!("h{}", number + 1);
            text.push_str(&format!("        let {value} = {joined}\n"));
        }
    }
    text.push_str("    }\n}\n");
    text
}

/// What stands in a slot after a seed: the rules of grafting, without what a factor of one leaves unchanged.
fn join(part: &Part, value: &str, base: &str, source: &str, seed: &str) -> String {
    let scaled = |what: &str| if part.alpha == 1.0 { what.to_string() } else { format!("{} * {what}", part.alpha) };
    let contribution = if part.birth == Birth::Same { format!("({seed} - {source})") } else { seed.to_string() };
    match part.join {
        // h + (f(h) − h), and the same with what already stands there.
        Join::Add if part.birth == Birth::Same && value == source && part.alpha == 1.0 => seed.to_string(),
        Join::Lerp if value == base && part.alpha == 1.0 => seed.to_string(),
        Join::Add => format!("{value} + {}", scaled(&contribution)),
        Join::Lerp => format!("{value} + {}", scaled(&format!("({seed} - {base})"))),
        Join::Multiply => format!("{value} * (1 + {})", scaled(&format!("tanh({contribution})"))),
    }
}
