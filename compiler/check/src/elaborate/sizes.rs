//! Sizes while a program is evaluated: every name of a size is a symbol, and what it stands for is kept beside it.
//!
//! A call of a function or layer gets symbols of its own for the sizes that its signature names, `c@17`, each defined as the size
//! that the caller passed. So an axis keeps its name even where two sizes happen to be the same number, and one substitution gives
//! what the caller calls it. A left-out `dim` parameter is a symbol without definition until the first equation that has it alone.
use esper_diagnostics::Span;
use esper_ir::{Dim, TensorType};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// A left-out parameter that waits for an equation.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// The parameter's name.
    pub name: String,
    /// The recipe or call that leaves it out.
    pub span: Span,
    /// The blueprint or function whose parameter it is.
    pub owner: String,
    /// The layer's name where there is one.
    pub layer: Option<String>,
}

/// The table of what size names stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    definitions: FxHashMap<String, Dim>,
    /// Symbols that wait for an equation.
    pub open: BTreeMap<String, Open>,
    /// Equations that hold in the branch that is being checked.
    facts: Vec<(String, Dim)>,
}

impl Sizes {
    /// Says what a symbol stands for.
    pub fn define(&mut self, symbol: &str, size: Dim) {
        let size = self.settle(&size);
        self.definitions.insert(symbol.to_string(), size);
        self.open.remove(symbol);
    }
    /// The size in names that stand for nothing else: rigid names, the batch, and what still waits.
    pub fn settle(&self, size: &Dim) -> Dim {
        let mut size = size.clone();
        // Definitions are settled when they are made, so a second round is only needed where an open symbol was solved later.
        for _ in 0..64 {
            if size.as_const().is_some() {
                break;
            }
            match size.substitute(&|name| self.definitions.get(name).cloned().or_else(|| self.fact(name))) {
                Ok(next) if next != size => size = next,
                _ => break,
            }
        }
        size
    }
    fn fact(&self, name: &str) -> Option<Dim> {
        self.facts.iter().find(|(n, _)| n == name).map(|(_, d)| d.clone())
    }
    /// The type with settled sizes.
    pub fn settle_type(&self, ty: &TensorType) -> TensorType {
        TensorType::new(ty.dtype, ty.shape.iter().map(|d| self.settle(d)).collect())
    }
    /// Whether two sizes are the same.
    pub fn same(&self, a: &Dim, b: &Dim) -> bool {
        a == b || self.settle(a) == self.settle(b)
    }
    /// Whether they are the same, where a size that waits may be settled by it.
    pub fn unify(&mut self, a: &Dim, b: &Dim) -> bool {
        let (a, b) = (self.settle(a), self.settle(b));
        if a == b {
            return true;
        }
        self.solve(&a, &b) || self.solve(&b, &a)
    }
    fn solve(&mut self, a: &Dim, b: &Dim) -> bool {
        let symbols = a.symbols();
        let mut waiting = symbols.iter().filter(|s| self.open.contains_key(*s));
        let (Some(name), None) = (waiting.next(), waiting.next()) else { return false };
        let Some(solution) = a.solve(name, b) else { return false };
        if solution.is_whole() == Some(false) || solution.as_const().is_some_and(|n| n < 0) {
            return false;
        }
        let name = name.clone();
        self.define(&name, solution);
        true
    }
    /// Whether an open symbol is still part of the size.
    pub fn waits(&self, size: &Dim) -> bool {
        self.settle(size).any_symbol(&|name| self.open.contains_key(name))
    }
    /// Adds an equation for the branch that begins; gives the number of facts before it.
    pub fn assume(&mut self, a: &Dim, b: &Dim) {
        let (a, b) = (self.settle(a), self.settle(b));
        let lone = |d: &Dim| d.as_symbol().map(str::to_string);
        if a == b {
        } else if let Some(name) = lone(&a).filter(|n| !b.symbols().contains(n)) {
            self.facts.push((name, b));
        } else if let Some(name) = lone(&b).filter(|n| !a.symbols().contains(n)) {
            self.facts.push((name, a));
        } else if let Some((name, solution)) =
            a.symbols().into_iter().find_map(|n| a.solve(&n, &b).filter(|s| s.is_whole() == Some(true)).map(|s| (n, s)))
        {
            self.facts.push((name, solution));
        }
    }
    /// How many equations hold.
    pub fn facts(&self) -> usize {
        self.facts.len()
    }
    /// Forgets the equations after the first `count`.
    pub fn forget(&mut self, count: usize) {
        self.facts.truncate(count);
    }
}

/// The size with a frame's symbols replaced by what its caller calls them.
pub(crate) fn exported(size: &Dim, export: &BTreeMap<String, Dim>) -> Dim {
    if size.as_const().is_some() || export.is_empty() {
        return size.clone();
    }
    size.substitute(&|name| export.get(name).cloned()).unwrap_or_else(|_| size.clone())
}

/// How a message writes a size: without the numbers of frames.
pub(crate) fn written(size: &Dim) -> String {
    plain(&size.to_string())
}

/// A text without the `@17` behind names.
pub(crate) fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        if c == '@' {
            while letters.peek().is_some_and(|c| c.is_ascii_digit()) {
                letters.next();
            }
        } else {
            result.push(c);
        }
    }
    result
}

/// How a message writes a type: the axes behind one `..space` as `..space`.
pub(crate) fn written_type(ty: &TensorType) -> String {
    if ty.shape.is_empty() {
        return ty.dtype.name().to_string();
    }
    let mut parts: Vec<String> = vec![];
    let mut i = 0;
    while i < ty.shape.len() {
        let text = written(&ty.shape[i]);
        if let Some(name) = text.strip_suffix(".0").filter(|t| t.starts_with("..")) {
            let run = ty.shape[i..].iter().enumerate().take_while(|(k, d)| written(d) == format!("{name}.{k}")).count();
            if run == REST_AXES {
                parts.push(name.to_string());
                i += run;
                continue;
            }
        }
        parts.push(text);
        i += 1;
    }
    format!("{}[{}]", ty.dtype.name(), parts.join(", "))
}

/// How many axes stand for `..` in a generic check.
pub(crate) const REST_AXES: usize = 2;

/// Whether axes of unknown number are part of the shape: what its rank decides is then not known.
pub(crate) fn has_rest(shape: &[Dim]) -> bool {
    shape.iter().any(|d| d.any_symbol(&|name| name.starts_with("..")))
}
