//! Reads the text form of graphs back.
use crate::op::{AttributeSource, from_attributes};
use crate::{DType, Dim, Graph, Input, NodeId, OutputKind, Rule, StreamId, TensorType, verify};
use esper_diagnostics::Span;
use std::collections::BTreeMap;

/// Gradient rules inside gradient rules; the language allows none, so few are plenty.
const MOST_NESTING: usize = 8;

/// The graph that a text says, verified. The message names the line.
pub fn parse(text: &str) -> Result<Graph, String> {
    let lines: Vec<(usize, &str)> =
        text.lines().enumerate().map(|(i, l)| (i + 1, l.trim())).filter(|(_, l)| !l.is_empty() && !l.starts_with("//")).collect();
    let mut position = 0;
    let graph = read_graph(&lines, &mut position, 0)?;
    if let Some((line, text)) = lines.get(position) {
        return Err(format!("line {line}: unexpected `{text}`"));
    }
    verify(&graph)?;
    Ok(graph)
}

/// Reads up to the end or a closing brace, which is left.
fn read_graph(lines: &[(usize, &str)], position: &mut usize, nesting: usize) -> Result<Graph, String> {
    if nesting > MOST_NESTING {
        return Err("gradient rules are nested too deeply".into());
    }
    let mut graph = Graph::new();
    let mut nodes: BTreeMap<u32, NodeId> = BTreeMap::new();
    while let Some((line, text)) = lines.get(*position).copied() {
        let at = |message: String| format!("line {line}: {message}");
        if text == "}" {
            break;
        }
        *position += 1;
        if let Some(head) = text.strip_prefix("rule ") {
            let head = head.strip_suffix('{').and_then(|h| h.trim().split_once(" of "));
            let (number, inputs) = head.ok_or_else(|| at("a rule begins with `rule NUMBER of INPUTS {`".into()))?;
            let (number, inputs) = (count(number).map_err(at)?, count(inputs).map_err(at)?);
            let rule = Rule { inputs, graph: read_graph(lines, position, nesting + 1)? };
            if lines.get(*position).is_none_or(|(_, l)| *l != "}") {
                return Err(at("the rule does not end with `}`".into()));
            }
            *position += 1;
            if graph.add_rule(rule) != number {
                return Err(at(format!("rule {number} is out of order or there twice")));
            }
        } else if let Some(rest) = text.strip_prefix("output ") {
            let (kind, node) = rest.split_once('=').ok_or_else(|| at("an output is `output KIND = %NODE`".into()))?;
            let kind = output_kind(kind.trim()).map_err(at)?;
            if graph.output(&kind).is_some() {
                return Err(at(format!("output {kind:?} is there twice")));
            }
            graph.add_output(kind, known(&nodes, node.trim()).map_err(at)?);
        } else {
            let (name, id) = read_node(text, &mut graph, &nodes).map_err(at)?;
            if nodes.insert(name, id).is_some() {
                return Err(at(format!("%{name} is there twice")));
            }
        }
    }
    Ok(graph)
}

fn read_node(text: &str, graph: &mut Graph, nodes: &BTreeMap<u32, NodeId>) -> Result<(u32, NodeId), String> {
    let form = || "a node is `%N = OPERATOR(%ARG, …) {ATTRIBUTE = VALUE, …} : TYPE`".to_string();
    let (name, rest) = text.split_once('=').ok_or_else(form)?;
    let name: u32 = name.trim().strip_prefix('%').and_then(|n| n.parse().ok()).ok_or_else(form)?;
    let (operator, rest) = rest.split_once('(').ok_or_else(form)?;
    let (args, rest) = rest.split_once(')').ok_or_else(form)?;
    let args = args.split(',').map(str::trim).filter(|a| !a.is_empty()).map(|a| known(nodes, a)).collect::<Result<Vec<_>, _>>()?;
    let rest = rest.trim();
    let mut attributes = Attributes(vec![]);
    let mut rest = match rest.strip_prefix('{') {
        Some(inner) => {
            let end = end_of(inner, '}').ok_or_else(form)?;
            for item in split_list(&inner[..end]) {
                let (name, value) = item.split_once('=').ok_or_else(form)?;
                attributes.0.push((name.trim(), value.trim()));
            }
            inner[end + 1..].trim()
        }
        None => rest,
    };
    rest = rest.strip_prefix(':').ok_or_else(form)?;
    let ty = tensor_type(rest.trim())?;
    let op = from_attributes(operator.trim(), &attributes)?;
    if op.is_leaf() {
        if !args.is_empty() {
            return Err(format!("`{}` takes no arguments", op.spec().name));
        }
        return Ok((name, graph.leaf(op, ty, Span::default())));
    }
    let id = graph.apply(op, &args, Span::default()).map_err(|e| e.message)?;
    if *graph.ty(id) != ty {
        return Err(format!("typed `{ty}` where the shape rule gives `{}`", graph.ty(id)));
    }
    Ok((name, id))
}

fn known(nodes: &BTreeMap<u32, NodeId>, text: &str) -> Result<NodeId, String> {
    let number = text.strip_prefix('%').and_then(|n| n.parse().ok());
    number.and_then(|n: u32| nodes.get(&n).copied()).ok_or_else(|| format!("`{text}` is no node above"))
}

/// Where `close` stands outside of brackets and quotes.
fn end_of(text: &str, close: char) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            _ if c == close && depth == 0 => return Some(i),
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The items between commas outside of brackets and quotes.
fn split_list(text: &str) -> Vec<&str> {
    let mut items = vec![];
    let mut rest = text;
    while let Some(end) = end_of(rest, ',') {
        items.push(rest[..end].trim());
        rest = &rest[end + 1..];
    }
    items.push(rest.trim());
    items.retain(|i| !i.is_empty());
    items
}

fn bracketed(text: &str) -> Result<Vec<&str>, String> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inner.map(split_list).ok_or_else(|| format!("`{text}` is no list in brackets"))
}

fn tensor_type(text: &str) -> Result<TensorType, String> {
    let (dtype, sizes) = match text.find('[') {
        Some(i) => (&text[..i], bracketed(&text[i..])?),
        None => (text, vec![]),
    };
    let dtype = DType::from_name(dtype.trim()).ok_or_else(|| format!("`{dtype}` is no element type"))?;
    Ok(TensorType::new(dtype, sizes.into_iter().map(Dim::parse).collect::<Result<_, _>>()?))
}

fn count(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no count"))
}

/// A kind's word and its numbers: `optimizer_state 0 1`.
fn words(text: &str) -> Result<(&str, Vec<usize>), String> {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    Ok((first, words.map(count).collect::<Result<_, _>>()?))
}

fn input(text: &str) -> Result<Input, String> {
    let (word, numbers) = words(text)?;
    Ok(match (word, &numbers[..]) {
        ("parameter", [i]) => Input::Parameter(*i),
        ("state", [i]) => Input::State(*i),
        ("feature", [i]) => Input::Feature(*i),
        ("target", []) => Input::Target,
        ("step", []) => Input::Step,
        ("total_steps", []) => Input::TotalSteps,
        ("epoch_steps", []) => Input::EpochSteps,
        ("updated", []) => Input::Updated,
        ("gradient", []) => Input::Gradient,
        ("optimizer_state", [i]) => Input::OptimizerState(*i),
        ("optimizer_scalar", [i]) => Input::OptimizerScalar(*i),
        ("alpha", [i]) => Input::Alpha(*i),
        ("age", [i]) => Input::Age(*i),
        ("boost", [i]) => Input::Boost(*i),
        ("argument", [i]) => Input::Argument(*i),
        _ => return Err(format!("`{text}` is no input")),
    })
}

fn output_kind(text: &str) -> Result<OutputKind, String> {
    let (word, numbers) = words(text)?;
    Ok(match (word, &numbers[..]) {
        ("prediction", []) => OutputKind::Prediction,
        ("loss", []) => OutputKind::Loss,
        ("metric", [i]) => OutputKind::Metric(*i),
        ("state", [i]) => OutputKind::State(*i),
        ("parameter", [i]) => OutputKind::Parameter(*i),
        ("optimizer_state", [k, i]) => OutputKind::OptimizerState(*k, *i),
        ("optimizer_scalar", [k]) => OutputKind::OptimizerScalar(*k),
        ("gradient", [i]) => OutputKind::Gradient(*i),
        ("updated", []) => OutputKind::Updated,
        ("gradient_norm", []) => OutputKind::GradientNorm,
        ("value", [i]) => OutputKind::Value(*i),
        ("shadow_loss", [i]) => OutputKind::ShadowLoss(*i),
        ("seed_norm", [i]) => OutputKind::SeedNorm(*i),
        _ => return Err(format!("`{text}` is no output")),
    })
}

struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| *v).ok_or_else(|| format!("the attribute `{name}` is missing"))
    }
}

impl AttributeSource for Attributes<'_> {
    fn number(&self, name: &str) -> Result<f64, String> {
        let text = self.text(name)?;
        text.parse().map_err(|_| format!("`{text}` is no number"))
    }
    fn count(&self, name: &str) -> Result<usize, String> {
        count(self.text(name)?)
    }
    fn counts(&self, name: &str) -> Result<Vec<usize>, String> {
        bracketed(self.text(name)?)?.into_iter().map(count).collect()
    }
    fn size(&self, name: &str) -> Result<Dim, String> {
        Dim::parse(self.text(name)?)
    }
    fn sizes(&self, name: &str) -> Result<Vec<Dim>, String> {
        bracketed(self.text(name)?)?.into_iter().map(Dim::parse).collect()
    }
    fn dtype(&self, name: &str) -> Result<DType, String> {
        let text = self.text(name)?;
        DType::from_name(text).ok_or_else(|| format!("`{text}` is no element type"))
    }
    fn input(&self, name: &str) -> Result<Input, String> {
        input(self.text(name)?)
    }
    fn stream(&self, name: &str) -> Result<StreamId, String> {
        let text = self.text(name)?;
        u64::from_str_radix(text, 16).map(StreamId).map_err(|_| format!("`{text}` is no stream"))
    }
}

/// A string as Rust's `{:?}` writes it, at the start of a text: its value, and how many bytes it takes.
pub(crate) fn unquote(text: &str) -> Result<(String, usize), String> {
    let wrong = || format!("`{text}` is no quoted name");
    let mut characters = text.char_indices();
    if characters.next().map(|(_, c)| c) != Some('"') {
        return Err(wrong());
    }
    let mut value = String::new();
    while let Some((i, c)) = characters.next() {
        match c {
            '"' => return Ok((value, i + 1)),
            '\\' => match characters.next().ok_or_else(wrong)?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                '0' => value.push('\0'),
                'u' => {
                    let digits: String = characters.by_ref().map(|(_, c)| c).skip_while(|c| *c == '{').take_while(|c| *c != '}').collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    value.push(code.ok_or_else(wrong)?);
                }
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    Err(wrong())
}
