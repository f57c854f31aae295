//! The text of a grown network: which items it needs, under which names, and the edits that put what grew into them.
use super::joined::{Axes, Part, body};
use super::{ExportError, ExportOptions, Member};
use crate::build::Elaborated;
use crate::overrides::fields_of;
use esper_check::experiment::FIELDS;
use esper_check::hir;
use esper_check::names::{DefinitionKind, Index, ItemId, ProgramNames, Resolution, resolve};
use esper_diagnostics::{Diagnostic, FileId, Sources, Span};
use esper_grammar::ast::{Arg, Definition, Expr, ExprKind, Item, ItemKind, LineKind, TypeKind};
use esper_grammar::{Node, visit_expr, visit_item};
use esper_ir::{DataSource, Model};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What the last line of the file's documentation begins with; a text that is exported again has it once.
const LEFT: &str = "As a run left it:";

/// Places of the sources with the text that comes there.
pub(super) type Edits = Vec<(Span, String)>;

/// The text (not laid out yet), and where each seed went.
pub(super) fn write(
    elaborated: &Elaborated,
    model: &Model,
    members: &[&Member],
    options: &ExportOptions,
) -> Result<(String, Vec<(String, String)>), ExportError> {
    let loaded = &elaborated.checked.loaded;
    let inputs = loaded.inputs();
    let resolution = resolve(&inputs);
    let index = Index::of(&ProgramNames::of(resolution.clone()), &inputs);
    let train = resolution.lookup(FileId(0), &model.name).ok_or_else(|| ExportError::Bug("the experiment is gone".into()))?;
    let fields = fields_of(train, &resolution, 0);
    let mut writer = Writer {
        sources: &loaded.sources,
        resolution: &resolution,
        index,
        experiment: &elaborated.experiment,
        model,
        members,
        taken: BTreeSet::from([model.name.clone()]),
        names: BTreeMap::new(),
        imports: BTreeMap::new(),
        written: vec![],
        waiting: vec![],
        grown: vec![],
        joined: vec![],
    };
    let experiment = writer.experiment(train, &fields, options)?;
    while let Some(item) = writer.waiting.pop() {
        writer.copy(item)?;
    }
    writer.written.sort_by_key(|w| w.place);
    let mut text = String::new();
    for line in inputs[0].file.docs.text.lines().filter(|l| !l.trim_start().starts_with(LEFT)) {
        text.push_str(&format!("//!{}{line}\n", if line.is_empty() { "" } else { " " }));
    }
    text.push_str(&format!("//! {LEFT} {}. Its weights are in {}.\n", told(members.len()), options.weights));
    for (module, names) in &writer.imports {
        text.push_str(&format!("use {module}.{{{}}}\n", names.iter().cloned().collect::<Vec<_>>().join(", ")));
    }
    for written in &writer.written {
        text.push_str(&format!("\n{}\n", written.text.trim_end()));
    }
    text.push_str(&format!("\n{experiment}"));
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    let mut seed = |member: &&Member| {
        let (slot, number) = (member.planting.slot, count.entry(member.planting.slot).or_default());
        *number += 1;
        let path = &model.slots[slot].path;
        (format!("{path}#{}", member.planting.id), format!("{path}.seed{number}"))
    };
    let seeds = members.iter().map(&mut seed).collect();
    Ok((text, seeds))
}

fn told(seeds: usize) -> String {
    match seeds {
        0 => "nothing grew".to_string(),
        1 => "one seed is part of it".to_string(),
        n => format!("{n} seeds are part of it"),
    }
}

/// An item of the text.
struct Written {
    /// Files that others use stand first; in a file the order stays.
    place: (Reverse<u32>, u32, usize),
    text: String,
}

/// Everything that is known while the text is written.
pub(super) struct Writer<'a> {
    pub sources: &'a Sources,
    pub resolution: &'a Resolution<'a>,
    index: Index,
    experiment: &'a hir::Experiment,
    model: &'a Model,
    members: &'a [&'a Member],
    taken: BTreeSet<String>,
    /// Items that stay as they are, under their names in the text.
    names: BTreeMap<ItemId, String>,
    /// By module: `Linear`, `Mlp as Mlp2`.
    imports: BTreeMap<String, BTreeSet<String>>,
    written: Vec<Written>,
    /// Items that are named and not copied yet.
    waiting: Vec<ItemId>,
    /// Blueprints written anew: the item, what grew in it by the slots' paths within it, and the name.
    grown: Vec<(ItemId, Vec<(String, String)>, String)>,
    /// The blueprints of slots: owner and slot, body, name.
    joined: Vec<(String, String, String)>,
}

impl<'a> Writer<'a> {
    /// The text at a place of the sources.
    pub fn source(&self, span: Span) -> &'a str {
        self.sources.text(span)
    }

    /// The item that the name at exactly this place means.
    pub fn item_at(&self, span: Span) -> Option<ItemId> {
        let id = self.index.meaning(span)?;
        matches!(self.index.definition(id).kind, DefinitionKind::Item(_)).then_some(ItemId(id.0))
    }

    /// An error that names the first slot at or below a path in which something grew.
    pub fn refuse(&self, path: &str, why: &str) -> ExportError {
        let slots = self.members.iter().map(|m| &self.model.slots[m.planting.slot]);
        let slot = slots.into_iter().find(|s| within(&s.path, path).is_some() || s.path == path);
        let (name, span) = slot.map_or((path, self.model.span), |s| (s.path.as_str(), s.span));
        let message = format!("what grew in `{name}` cannot be written as source");
        Diagnostic::error("E0098", message, span, why).into()
    }

    /// Whether something grew in the instance (or array) at a path.
    pub fn grew_in(&self, path: &str) -> bool {
        self.members.iter().any(|m| within(&self.model.slots[m.planting.slot].path, path).is_some())
    }

    /// How many elements the array at a path has.
    pub fn count(&self, path: &str) -> usize {
        let number = |p: &str| p.strip_prefix(path)?.strip_prefix('[')?.split(']').next()?.parse::<usize>().ok();
        self.experiment.layers.iter().filter_map(|l| number(&l.path)).max().map_or(0, |last| last + 1)
    }

    /// An expression's text with the names that items have in the new text, and further edits.
    pub fn text_with(&mut self, expr: &Expr, edits: &Edits) -> Result<String, ExportError> {
        let mut whole = true;
        visit_expr(expr, &mut |node| {
            let span = node.span();
            whole &= span.file == expr.span.file && span.start >= expr.span.start && span.end <= expr.span.end;
            true
        });
        if whole {
            return self.edited(expr.span, edits);
        }
        // An argument from the command line in a call of the file.
        match &expr.kind {
            ExprKind::Paren(inner) => Ok(format!("({})", self.text_with(inner, edits)?)),
            ExprKind::Call { callee, args } => {
                let callee = self.text_with(callee, edits)?;
                let mut written = vec![];
                for Arg { name, value } in args {
                    let value = self.text_with(value, edits)?;
                    written.push(name.as_ref().map_or(value.clone(), |name| format!("{} = {value}", name.text)));
                }
                Ok(format!("{callee}({})", written.join(", ")))
            }
            _ => Err(ExportError::Bug(format!("an expression from two texts: {expr:?}"))),
        }
    }

    /// A part of the sources with edits, and with the names that items have in the new text. Where edits overlap the first counts.
    fn edited(&mut self, span: Span, edits: &Edits) -> Result<String, ExportError> {
        let inside = |s: &Span| s.file == span.file && s.start >= span.start && s.end <= span.end;
        let mut all: Edits = vec![];
        let overlaps = |all: &Edits, s: &Span| all.iter().any(|(o, _)| o.start < s.end && s.start < o.end);
        for (place, text) in edits.iter().filter(|(s, _)| inside(s)) {
            if !overlaps(&all, place) {
                all.push((*place, text.clone()));
            }
        }
        let named: Vec<Span> = self.index.occurrences(span.file).iter().map(|o| o.span).filter(|s| inside(s)).collect();
        for place in named {
            // What an edit replaces names nothing any more.
            if overlaps(&all, &place) {
                continue;
            }
            if let Some(item) = self.item_at(place) {
                let name = self.name(item);
                if name != self.source(place) {
                    all.push((place, name));
                }
            }
        }
        all.sort_by_key(|(s, _)| Reverse(s.start));
        let mut text = self.source(span).to_string();
        for (place, new) in all {
            text.replace_range((place.start - span.start) as usize..(place.end - span.start) as usize, &new);
        }
        Ok(text)
    }

    /// A name that nothing in the text has yet.
    fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_string();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}{number}");
        }
        name
    }

    /// The name of an item that stays as it is: imported from the library, or copied.
    fn name(&mut self, id: ItemId) -> String {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let info = self.resolution.item(id);
        let (own, module) = (info.name.clone(), info.module.clone());
        let name = self.fresh(&own);
        if module.starts_with("std.") && !own.starts_with('_') {
            let import = if name == own { own } else { format!("{own} as {name}") };
            self.imports.entry(module).or_default().insert(import);
        } else {
            self.waiting.push(id);
        }
        self.names.insert(id, name.clone());
        name
    }

    /// Copies an item, and the derivative that belongs to it.
    fn copy(&mut self, id: ItemId) -> Result<(), ExportError> {
        let info = self.resolution.item(id);
        let (item, gradient) = (info.item, info.gradient);
        let name = self.name(id);
        let edits = vec![(info.name_span, name.clone())];
        self.write_item(item, &edits)?;
        if let Some(gradient) = gradient
            && let ItemKind::Grad { name: of, .. } = &gradient.kind
        {
            self.write_item(gradient, &vec![(of.span, name)])?;
        }
        Ok(())
    }

    fn write_item(&mut self, item: &Item, edits: &Edits) -> Result<(), ExportError> {
        let whole = item.docs.span.map_or(item.span, |docs| docs.to(item.span));
        let text = self.edited(whole, edits)?;
        self.written.push(Written { place: (Reverse(item.span.file.0), item.span.start, self.written.len()), text });
        Ok(())
    }

    /// The name of a blueprint with what grew in its instance at a path; written once for each way it grew.
    pub fn grown(&mut self, id: ItemId, path: &str) -> Result<String, ExportError> {
        let info = self.resolution.item(id);
        let ItemKind::Blueprint(definition) = &info.item.kind else { return Err(ExportError::Bug("a layer of no blueprint".into())) };
        let definition: &'a Definition = definition;
        // What grew in its own slots first, so that two instances can be compared.
        let mut key: Vec<(String, String)> = vec![];
        for slot in self.slots() {
            if let Some(inner) = within(&self.model.slots[slot].path, path) {
                key.push((inner.to_string(), self.slot_body(slot)?));
            }
        }
        if let Some((.., name)) = self.grown.iter().find(|(of, how, _)| *of == id && *how == key) {
            return Ok(name.clone());
        }
        let name = self.fresh(&format!("Grown{}", info.name));
        self.grown.push((id, key, name.clone()));
        let mut edits: Edits = vec![(info.name_span, name.clone())];
        for line in &definition.body.lines {
            match &line.kind {
                LineKind::Slot { name: slot, .. } => {
                    let own = joined_path(path, &slot.text);
                    let Some(number) = self.slots().into_iter().find(|s| self.model.slots[*s].path == own) else { continue };
                    let blueprint = self.slot_blueprint(number, &info.name, &slot.text, (info.file, info.item.span.start))?;
                    edits.push((line.span, format!("layer {} = {blueprint}()", slot.text)));
                }
                LineKind::Layer { name: layer, recipe, .. } => {
                    let own = joined_path(path, &layer.text);
                    if self.grew_in(&own) {
                        edits.push((recipe.span, self.recipe(recipe, &own, &vec![])?));
                    }
                }
                _ => {}
            }
        }
        self.write_item(info.item, &edits)?;
        Ok(name)
    }

    /// The slots in which something grew, each once.
    fn slots(&self) -> Vec<usize> {
        self.members.iter().map(|m| m.planting.slot).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The name of the blueprint that stands in a slot's place.
    fn slot_blueprint(&mut self, slot: usize, owner: &str, name: &str, place: (FileId, u32)) -> Result<String, ExportError> {
        let body = self.slot_body(slot)?;
        let of = format!("{owner}.{name}");
        if let Some((.., known)) = self.joined.iter().find(|(slot, how, _)| *slot == of && *how == body) {
            return Ok(known.clone());
        }
        let mut letters = name.chars();
        let upper: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let blueprint = self.fresh(&format!("{owner}{}", upper.replace('_', "")));
        self.joined.push((of, body.clone(), blueprint.clone()));
        let text = format!("/// What grew in the slot `{name}` of {owner}.\nblueprint {blueprint} {body}");
        let (file, start) = place;
        self.written.push(Written { place: (Reverse(file.0), start, self.written.len()), text });
        Ok(blueprint)
    }

    fn slot_body(&mut self, slot: usize) -> Result<String, ExportError> {
        let model = self.model;
        let of_slot: Vec<&Member> = self.members.iter().copied().filter(|m| m.planting.slot == slot).collect();
        let (place, spanning) = (&model.slots[slot], self.is_spanning(slot));
        let (mut parts, mut recipes) = (vec![], vec![]);
        for member in &of_slot {
            let seed = &self.experiment.seeds[member.planting.seed];
            let recipe =
                self.expression(seed.recipe).ok_or_else(|| self.refuse(&place.path, "the recipe of its seed is not in the sources"))?;
            let callee = if let ExprKind::Call { callee, .. } = &recipe.kind { callee } else { recipe };
            let item = self.item_at(callee.span).map(|id| self.resolution.item(id).item);
            let Some(Item { kind: ItemKind::Blueprint(definition), .. }) = item else {
                return Err(self.refuse(&place.path, &format!("the recipe `{}` names its blueprint indirectly", seed.text)));
            };
            let (birth, join) = (seed.birth, member.planting.join);
            parts.push(Part { birth, join, alpha: member.alpha, fossil: member.fossil, definition });
            recipes.push((recipe, definition));
        }
        let axes = Axes::of(place.source.shape.len(), place.target.shape.len(), spanning, &parts);
        let mut written = vec![];
        for (recipe, definition) in recipes {
            written.push(self.seed_recipe(recipe, definition, &axes, &place.path)?);
        }
        Ok(body(&parts, &written, &axes, (place.source.dtype, place.target.dtype), spanning))
    }

    /// A seed's recipe; what its slot told it is said, because a layer is told nothing.
    fn seed_recipe(&mut self, recipe: &'a Expr, definition: &Definition, axes: &Axes, slot: &str) -> Result<String, ExportError> {
        let mut local = None;
        visit_expr(recipe, &mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::Name(name), span }) = node
                && let Some(id) = self.index.meaning(*span)
                && !matches!(self.index.definition(id).kind, DefinitionKind::Item(_))
            {
                local = Some(name.clone());
            }
            true
        });
        if let Some(name) = local {
            let why = format!("the recipe `{}` names `{name}`, which means something in that list only", self.source(recipe.span));
            return Err(self.refuse(slot, &why));
        }
        let args: &[Arg] = if let ExprKind::Call { args, .. } = &recipe.kind { args } else { &[] };
        let by_position = args.iter().filter(|a| a.name.is_none()).count();
        let mut said = vec![];
        for param in definition.params.iter().skip(by_position) {
            let is_dim = matches!(&param.ty.kind, TypeKind::Named { name, dims: None } if name.text == "dim");
            let given = args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == param.name.text));
            if is_dim && param.default.is_none() && !given {
                let axis = axes.parameter(definition, &param.name.text).ok_or_else(|| {
                    self.refuse(
                        slot,
                        &format!("`{}` of its seed `{}` follows from no axis of the slot", param.name.text, definition.name.text),
                    )
                })?;
                said.push(format!("{} = {axis}", param.name.text));
            }
        }
        let text = self.text_with(recipe, &vec![])?;
        if said.is_empty() {
            return Ok(text);
        }
        Ok(match (text.strip_suffix(')'), args.is_empty()) {
            (Some(open), false) => format!("{open}, {})", said.join(", ")),
            (Some(open), true) => format!("{open}{})", said.join(", ")),
            (None, _) => format!("{text}({})", said.join(", ")),
        })
    }

    /// Whether a slot is called with `from`.
    fn is_spanning(&self, slot: usize) -> bool {
        let place = &self.model.slots[slot];
        let name = place.path.rsplit('.').next().unwrap_or_default();
        let mut spanning = false;
        let Some(owner) = self.resolution.items.iter().find(|i| i.item.span.file == place.span.file && covers(i.item.span, place.span))
        else {
            return false;
        };
        visit_item(owner.item, &mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::Call { callee, args }, .. }) = node
                && matches!(&callee.kind, ExprKind::Name(n) if n == name)
            {
                spanning |= args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == "from"));
            }
            true
        });
        spanning
    }

    /// The expression at exactly a place.
    fn expression(&self, span: Span) -> Option<&'a Expr> {
        let mut found = None;
        for info in self.resolution.items.iter().filter(|i| i.file == span.file) {
            visit_item(info.item, &mut |node| {
                if let Node::Expr(expr) = node
                    && expr.span == span
                    && found.is_none()
                {
                    found = Some(expr);
                }
                true
            });
        }
        found
    }

    /// The experiment with all its fields, the model as it grew, and the weights it starts from.
    fn experiment(&mut self, train: ItemId, fields: &'a BTreeMap<String, Expr>, options: &ExportOptions) -> Result<String, ExportError> {
        let mut text = String::new();
        for line in self.resolution.item(train).docs.lines() {
            text.push_str(&format!("/// {line}\n"));
        }
        text.push_str(&format!("train {} {{\n", self.model.name));
        let (now, written) = (&self.model.settings, &self.experiment.settings);
        for info in FIELDS {
            // What was changed in the artifact, or by `--seeds`, stands in no text.
            let changed = match info.name {
                "batch" => (now.batch != written.batch).then(|| now.batch.to_string()),
                "epochs" => (now.epochs != written.epochs).then(|| now.epochs.to_string()),
                "seed" => (now.seed != written.seed).then(|| now.seed.to_string()),
                "save_every" => (now.save_every != written.save_every).then(|| now.save_every.to_string()),
                "clip" if now.clip != written.clip => now.clip.map(|c| c.to_string()),
                "start" => Some(format!("safetensors({})", quoted(options.weights))),
                _ => None,
            };
            // Nothing grows any more, so there is nothing to compare.
            if info.name == "controls" {
                continue;
            }
            let value = match (changed, fields.get(info.name)) {
                (Some(changed), _) => changed,
                (None, None) => continue,
                (None, Some(model)) if info.name == "model" => self.recipe(model, "", &vec![])?,
                (None, Some(data)) if info.name == "data" => self.data(data, options)?,
                (None, Some(value)) => self.text_with(value, &vec![])?,
            };
            text.push_str(&format!("    {} = {value}\n", info.name));
        }
        text.push_str("}\n");
        Ok(text)
    }

    /// Where the data comes from, seen from the folder of the new text.
    fn data(&mut self, data: &Expr, options: &ExportOptions) -> Result<String, ExportError> {
        let paths: Vec<&String> = match &self.model.data.source {
            DataSource::Csv { path, .. } => vec![path],
            DataSource::Idx { images, labels } => vec![images, labels],
            DataSource::Unsupported { .. } => vec![],
        };
        let mut edits: Edits = vec![];
        visit_expr(data, &mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::Str(path), span }) = node
                && paths.contains(&path)
            {
                edits.push((*span, quoted(&(options.data_path)(path))));
            }
            true
        });
        if edits.len() != paths.len() {
            let problem = Diagnostic::error("E0098", "this experiment cannot be written as source", data.span, "its data");
            return Err(problem.note("the paths of its files are not written in `data` itself").into());
        }
        self.text_with(data, &edits)
    }
}

/// The rest of a path below another: `mid` of `blocks[0].mid` below `blocks[0]`, `[0].mid` below `blocks`. Everything is below the empty one.
fn within<'p>(path: &'p str, above: &str) -> Option<&'p str> {
    if above.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(above)?;
    rest.strip_prefix('.').or_else(|| rest.starts_with('[').then_some(rest))
}

fn joined_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// A string as the language writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
