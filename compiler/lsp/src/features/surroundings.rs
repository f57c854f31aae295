//! What a place of the entry stands in: its item, its bodies, the names that can be seen there, the call whose argument it is.
use crate::snapshot::Snapshot;
use esper_check::names::{Definition, DefinitionId, DefinitionKind, LocalKind};
use esper_diagnostics::Span;
use esper_grammar::ast::{self, Expr, ExprKind, Item, ItemKind, LineKind, Method, Param};
use esper_grammar::{Node, TokenKind, tokens, visit_file, visit_item};
use std::ops::Range;

/// The item that a byte stands in, with its position in the file; the last one before it where an unfinished text left it outside.
pub fn item_at(snapshot: &Snapshot, offset: usize) -> Option<(usize, &Item)> {
    let items = &snapshot.tree(snapshot.entry())?.items;
    let position = items.iter().rposition(|item| item.span.start as usize <= offset)?;
    let item = &items[position];
    let closed = snapshot.text_at(item.span).ends_with('}') && item.span.end as usize <= offset;
    (!closed).then_some((position, item))
}

/// The parts of the entry that cover a byte, outermost first.
pub fn nodes_at(snapshot: &Snapshot, offset: usize) -> Vec<Node<'_>> {
    let mut found = vec![];
    if let Some(tree) = snapshot.tree(snapshot.entry()) {
        visit_file(tree, &mut |node| {
            let span = node.span();
            let covers = span.start as usize <= offset && offset <= span.end as usize;
            if covers {
                found.push(node);
            }
            covers
        });
    }
    found
}

/// The names declared inside an item that can be seen at a byte.
pub fn visible<'s>(snapshot: &'s Snapshot, position: usize, item: &Item, offset: usize) -> Vec<(DefinitionId, &'s Definition)> {
    let mut bodies: Vec<Span> = vec![];
    let mut methods: Vec<Span> = vec![];
    visit_item(item, &mut |node| {
        match node {
            Node::Body(body) => bodies.push(body.span),
            Node::Method(method) => methods.push(method.word.to(method.body.span)),
            _ => {}
        }
        true
    });
    let holds = |span: &Span, at: u32| span.start <= at && at < span.end.max(span.start + 1);
    let reaches = |definition: &Definition| {
        let at = definition.span.start;
        let innermost = bodies.iter().filter(|b| holds(b, at)).min_by_key(|b| b.end - b.start);
        let in_sight =
            innermost.is_none_or(|b| b.start as usize <= offset && (offset <= b.end as usize || offset > item.span.end as usize));
        match definition.kind {
            DefinitionKind::Local(LocalKind::Let | LocalKind::Turn) => in_sight && (at as usize) < offset,
            DefinitionKind::Local(LocalKind::Input) => methods.iter().find(|m| holds(m, at)).is_none_or(|m| m.start as usize <= offset),
            _ => true,
        }
    };
    let entry = snapshot.entry();
    let of_item = |d: &Definition| matches!(d.kind, DefinitionKind::Local(_)) && d.span.file == entry && d.item == position;
    snapshot.index().definitions().filter(|(_, d)| of_item(d) && reaches(d)).collect()
}

/// A call that a byte stands in the brackets of.
#[derive(Clone, Debug)]
pub struct Call {
    /// The bytes of the name before the bracket.
    pub callee: Range<usize>,
    /// What stands before the name, where it is a member: `first` of `first.forward(`.
    pub base: Option<Range<usize>>,
    /// How many commas stand before the byte, outside of inner brackets.
    pub commas: usize,
    /// The name before `=` in the argument that the byte is in.
    pub named: Option<String>,
    /// All names before `=` in the arguments so far.
    pub given: Vec<String>,
    /// Whether a value is piped into the call, which takes the place of the first argument.
    pub is_piped: bool,
}

/// The innermost call whose brackets are open at a byte.
pub fn call_at(text: &str, offset: usize) -> Option<Call> {
    let all = tokens(text);
    let before: Vec<&(Range<usize>, TokenKind)> =
        all.iter().filter(|(range, kind)| range.end <= offset && !range.is_empty() && *kind != TokenKind::Comment).collect();
    let sign = |at: usize| &text[before[at].0.clone()];
    let (mut depth, mut commas, mut given, mut named) = (0usize, 0, vec![], None);
    let mut at = before.len();
    while at > 0 {
        at -= 1;
        match (before[at].1, sign(at)) {
            (TokenKind::Sign, ")" | "]" | "}") => depth += 1,
            (TokenKind::Sign, "(") if depth == 0 => {
                let name = at.checked_sub(1).filter(|i| matches!(before[*i].1, TokenKind::Name | TokenKind::Word))?;
                let is_word = before[name].1 == TokenKind::Word
                    && !["in", "from", "by", "as", "when", "optimizer", "policy", "train", "grad"].contains(&sign(name));
                if is_word {
                    return None;
                }
                let dotted = name.checked_sub(2).filter(|i| sign(*i + 1) == "." && before[*i].1 == TokenKind::Name);
                let first = dotted.unwrap_or(name);
                let is_piped = first.checked_sub(1).is_some_and(|i| sign(i) == "|>");
                let declares = first
                    .checked_sub(1)
                    .is_some_and(|i| before[i].1 == TokenKind::Word && ["fn", "grad", "blueprint", "optimizer"].contains(&sign(i)));
                return (!declares).then(|| Call {
                    callee: before[name].0.clone(),
                    base: dotted.map(|i| before[i].0.clone()),
                    commas,
                    named,
                    given,
                    is_piped,
                });
            }
            // Inside a list or an index the arguments are those of the call around it, and this is one of them.
            (TokenKind::Sign, "[") if depth == 0 => {
                commas = 0;
                named = None;
                given.clear();
            }
            (TokenKind::Sign, "{") if depth == 0 => return None,
            (TokenKind::Sign, "(" | "[" | "{") => depth -= 1,
            (TokenKind::Sign, ",") if depth == 0 => commas += 1,
            (TokenKind::Sign, "=") if depth == 0 => {
                if let Some(name) = at.checked_sub(1).filter(|i| matches!(before[*i].1, TokenKind::Name | TokenKind::Word)) {
                    given.push(sign(name).to_string());
                    if commas == 0 {
                        named = Some(sign(name).to_string());
                    }
                }
            }
            (TokenKind::Newline | TokenKind::NextItem, _) if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// What can be called under a name at a place: its parameters and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Callable<'s> {
    /// The parameters.
    pub params: &'s [Param],
    /// The documentation of the item.
    pub docs: &'s str,
    /// Its name: the function, blueprint or optimizer.
    pub name: &'s str,
    /// Whether it is a layer that is called: the parameters are those of its `forward`.
    pub is_layer: bool,
}

/// The function, blueprint or optimizer that a definition is, or the blueprint of a layer.
pub fn callable<'s>(snapshot: &'s Snapshot, definition: &Definition) -> Option<Callable<'s>> {
    let item = super::navigation::item_of(snapshot, definition)?;
    let docs = item.docs.text.as_str();
    match (definition.kind, &item.kind) {
        (DefinitionKind::Item(_), ItemKind::Fn { params, name, .. }) => Some(Callable { params, docs, name: &name.text, is_layer: false }),
        (DefinitionKind::Item(_), ItemKind::Blueprint(d) | ItemKind::Optimizer(d)) => {
            Some(Callable { params: &d.params, docs, name: &d.name.text, is_layer: false })
        }
        (DefinitionKind::Local(LocalKind::Layer), _) => {
            let (owner, blueprint) = blueprint_of_layer(snapshot, definition)?;
            let forward = forward(blueprint)?;
            let item = super::navigation::item_of(snapshot, owner)?;
            Some(Callable { params: &forward.params, docs: &item.docs.text, name: &blueprint.name.text, is_layer: true })
        }
        _ => None,
    }
}

/// The blueprint of a layer, with its definition.
pub fn blueprint_of_layer<'s>(snapshot: &'s Snapshot, layer: &Definition) -> Option<(&'s Definition, &'s ast::Definition)> {
    let ItemKind::Blueprint(owner) = &super::navigation::item_of(snapshot, layer)?.kind else { return None };
    let recipe = owner.body.lines.iter().find_map(|line| match &line.kind {
        LineKind::Layer { name, recipe, .. } if name.span == layer.span => Some(recipe),
        _ => None,
    })?;
    let name = recipe_name(recipe)?;
    let definition = snapshot.index().definition(snapshot.index().meaning(name)?);
    match &super::navigation::item_of(snapshot, definition)?.kind {
        ItemKind::Blueprint(blueprint) => Some((definition, blueprint)),
        _ => None,
    }
}

/// Where the blueprint of a recipe is named.
fn recipe_name(recipe: &Expr) -> Option<Span> {
    match &recipe.kind {
        ExprKind::Name(_) => Some(recipe.span),
        ExprKind::Paren(inner) => recipe_name(inner),
        ExprKind::Call { callee, .. } => recipe_name(callee),
        ExprKind::Repeat { value, .. } | ExprKind::Each { value, .. } => recipe_name(value),
        ExprKind::List(elems) => elems.iter().find_map(|e| if let ast::Elem::Expr(e) = e { recipe_name(e) } else { None }),
        _ => None,
    }
}

/// The `forward` of a blueprint.
pub fn forward(blueprint: &ast::Definition) -> Option<&Method> {
    blueprint.body.lines.iter().find_map(|line| if let LineKind::Forward(method) = &line.kind { Some(method) } else { None })
}

/// The definition that a name means at a byte: something visible there, or an item of the file.
pub fn lookup<'s>(snapshot: &'s Snapshot, offset: usize, name: &str) -> Option<&'s Definition> {
    let local = item_at(snapshot, offset).and_then(|(position, item)| {
        let seen = visible(snapshot, position, item, offset);
        seen.into_iter().rev().find(|(_, d)| d.name == name).map(|(_, d)| d)
    });
    local.or_else(|| items_in_sight(snapshot).into_iter().find(|(written, _)| written == name).map(|(_, d)| d))
}

/// Items of the entry and what it imports, under the names they have there.
pub fn items_in_sight(snapshot: &Snapshot) -> Vec<(String, &Definition)> {
    let (entry, index) = (snapshot.entry(), snapshot.index());
    let own = index.definitions().filter(|(_, d)| d.span.file == entry && matches!(d.kind, DefinitionKind::Item(_)));
    let mut found: Vec<(String, &Definition)> = own.map(|(_, d)| (d.name.clone(), d)).collect();
    for item in snapshot.tree(entry).into_iter().flat_map(|tree| &tree.items) {
        let ItemKind::Use { path, alias, imports } = &item.kind else { continue };
        let names: Vec<(&ast::Name, Option<&ast::Name>)> = match imports {
            Some(imports) => imports.iter().map(|i| (&i.name, i.alias.as_ref())).collect(),
            None => path.names.last().map(|n| (n, alias.as_ref())).into_iter().collect(),
        };
        for (name, alias) in names {
            let written = alias.unwrap_or(name);
            let meaning = index.meaning(name.span).or_else(|| index.meaning(written.span));
            found.extend(meaning.map(|id| (written.text.clone(), index.definition(id))));
        }
    }
    found
}
