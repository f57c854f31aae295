//! Completions: what may stand at a place, by context, with documentation and what else has to change.
use super::context::{Context, Writing, writing};
use super::describe;
use super::policy_words;
use super::surroundings::{blueprint_of_layer, call_at, callable, item_at, items_in_sight, lookup, visible};
use super::words::{self, Position, Word};
use crate::snapshot::Snapshot;
use esper_check::builtins::{BUILTINS, parameters};
use esper_check::names::{Definition, DefinitionKind, ItemClass, LocalKind};
use esper_diagnostics::Span;
use esper_grammar::ast::{ItemKind, LineKind};
use esper_ir::SIGNALS;
use std::collections::BTreeSet;

/// What a proposal is, for its symbol in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ProposalKind {
    Keyword,
    Function,
    Blueprint,
    Constant,
    Experiment,
    Variable,
    Property,
    Dim,
    Argument,
    Type,
    Module,
    Signal,
}

/// Something that may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What the list shows and is filtered by.
    pub label: String,
    /// What it is.
    pub kind: ProposalKind,
    /// Its type or signature.
    pub detail: String,
    /// Its documentation.
    pub docs: String,
    /// What is written; with placeholders `${1:…}`.
    pub insert: String,
    /// The nearer, the smaller: proposals of one nearness are sorted by name.
    pub nearness: u8,
    /// What else changes: the `use` that brings it in.
    pub also: Vec<(Span, String)>,
}

/// The proposals at a byte and the bytes that they replace. `library` is a program that uses every module of the standard library.
pub fn complete(snapshot: &Snapshot, library: &Snapshot, modules: &[String], offset: usize) -> (Span, Vec<Proposal>) {
    let Writing { context, word } = writing(snapshot, offset);
    let place = Span::new(snapshot.entry(), word.start, word.end);
    let mut list = List { snapshot, library, offset: word.start, found: vec![], names: BTreeSet::new() };
    match context {
        Context::Nothing => {}
        Context::Module(written) => list.modules(&written, modules),
        Context::Import(module) => list.imports(&module),
        Context::Member(base) => list.members(&base),
        Context::Origin(position) => list.origins(position),
        Context::Line(position) => list.line(position),
        Context::Type => list.words(&[Position::ElementType, Position::Kind], 0),
        Context::Size => list.sizes(),
        Context::Condition => {
            list.signals("");
            list.expression(false);
        }
        Context::Expression { is_piped } => list.expression(is_piped),
    }
    (place, list.found)
}

struct List<'s> {
    snapshot: &'s Snapshot,
    library: &'s Snapshot,
    offset: usize,
    found: Vec<Proposal>,
    names: BTreeSet<String>,
}

impl List<'_> {
    fn add(&mut self, proposal: Proposal) {
        if self.names.insert(proposal.label.clone()) {
            self.found.push(proposal);
        }
    }

    fn plain(&mut self, label: &str, kind: ProposalKind, detail: &str, docs: &str, nearness: u8) {
        let (label, detail, docs) = (label.to_string(), detail.to_string(), docs.to_string());
        self.add(Proposal { insert: label.clone(), label, kind, detail, docs, nearness, also: vec![] });
    }

    fn words(&mut self, positions: &[Position], nearness: u8) {
        for word in positions.iter().flat_map(|p| words::of(*p)) {
            self.word(word, nearness);
        }
    }

    fn word(&mut self, word: &Word, nearness: u8) {
        let kind = match word.position {
            Position::ElementType | Position::Kind => ProposalKind::Type,
            Position::Train => ProposalKind::Property,
            _ => ProposalKind::Keyword,
        };
        let insert = if word.template.is_empty() { word.text } else { &word.template };
        self.add(Proposal {
            label: word.text.to_string(),
            kind,
            detail: String::new(),
            docs: word.doc.to_string(),
            insert: insert.to_string(),
            nearness,
            also: vec![],
        });
    }

    fn modules(&mut self, written: &str, modules: &[String]) {
        let library: Vec<(&str, &str)> =
            self.library.loaded.files.iter().map(|f| (f.module.as_str(), f.parsed.file.docs.text.as_str())).collect();
        let known = library.into_iter().filter(|(m, _)| m.starts_with("std.")).chain(modules.iter().map(|m| (m.as_str(), "")));
        let mut next: BTreeSet<(String, String)> = BTreeSet::new();
        for (module, docs) in known {
            let Some(rest) = module.strip_prefix(written) else { continue };
            match rest.split_once('.') {
                Some((first, _)) => next.insert((first.to_string(), String::new())),
                None => next.insert((rest.to_string(), docs.to_string())),
            };
        }
        for (name, docs) in next {
            self.plain(&name, ProposalKind::Module, "", describe::summary(&docs), 0);
        }
    }

    /// Items of a module that other files may name.
    fn imports(&mut self, module: &str) {
        for program in [self.snapshot, self.library] {
            let Some(file) = program.loaded.files.iter().find(|f| f.module == module) else { continue };
            for (_, definition) in
                program.index().definitions().filter(|(_, d)| d.span.file == file.id && is_item(d) && !d.name.starts_with('_'))
            {
                let docs = describe::docs(program, definition);
                self.plain(&definition.name, kind_of(definition), &detail(program, definition), &docs, 0);
            }
        }
    }

    fn members(&mut self, base: &str) {
        if matches!(item_at(self.snapshot, self.offset), Some((_, item)) if matches!(item.kind, ItemKind::Policy(_))) {
            return self.signals(&format!("{base}."));
        }
        let Some((owner, blueprint)) = lookup(self.snapshot, self.offset, base).and_then(|d| blueprint_of_layer(self.snapshot, d)) else {
            return;
        };
        for line in &blueprint.body.lines {
            let (name, kind) = match &line.kind {
                LineKind::Param(stored) | LineKind::State(stored) => (&stored.name, ProposalKind::Property),
                LineKind::Layer { name, .. } | LineKind::Slot { name, .. } => (name, ProposalKind::Property),
                _ => continue,
            };
            let declared = self.snapshot.text_at(line.span).trim().to_string();
            debug_assert_eq!(owner.span.file, line.span.file);
            self.plain(&name.text, kind, &declared, &line.docs.text, 0);
        }
    }

    /// Signals of rules; `before`: the part up to a dot that is written already.
    fn signals(&mut self, before: &str) {
        for record in SIGNALS {
            let Some(rest) = record.name.strip_prefix(before) else { continue };
            let unit = if record.unit == "1" { "" } else { record.unit };
            self.plain(rest, ProposalKind::Signal, unit, record.doc, 0);
        }
    }

    fn origins(&mut self, position: Position) {
        let class = if position == Position::Policy { ItemClass::Policy } else { ItemClass::Train };
        for (name, definition) in items_in_sight(self.snapshot) {
            if definition.kind == DefinitionKind::Item(class) {
                let docs = describe::docs(self.snapshot, definition);
                self.plain(&name, kind_of(definition), &detail(self.snapshot, definition), &docs, 0);
            }
        }
    }

    fn line(&mut self, position: Position) {
        match position {
            Position::Train => {
                let given = self.fields_given();
                for word in words::of(Position::Train).filter(|w| w.text == "grow" || !given.contains(w.text)) {
                    self.word(word, 0);
                }
            }
            Position::Code => {
                self.words(&[Position::Code], 1);
                self.expression(false);
            }
            Position::Policy => {
                self.words(&[Position::Policy], 0);
                let body = item_at(self.snapshot, self.offset).map_or("", |(_, item)| self.snapshot.text_at(item.span));
                for field in policy_words::fields_left(body) {
                    self.plain(field.name, ProposalKind::Property, field.example, field.doc, 0);
                }
            }
            position => self.words(&[position], 0),
        }
    }

    /// The fields that the experiment has already.
    fn fields_given(&self) -> BTreeSet<String> {
        let Some((_, item)) = item_at(self.snapshot, self.offset) else { return BTreeSet::new() };
        let ItemKind::Train(derived) = &item.kind else { return BTreeSet::new() };
        let name = |line: &esper_grammar::ast::Line| match &line.kind {
            LineKind::Set { target, .. } if (target.span.start as usize) != self.offset => {
                Some(self.snapshot.text_at(target.span).to_string())
            }
            _ => None,
        };
        derived.body.lines.iter().filter_map(name).collect()
    }

    fn locals(&mut self, wanted: impl Fn(LocalKind) -> bool) {
        let Some((position, item)) = item_at(self.snapshot, self.offset) else { return };
        for (_, definition) in visible(self.snapshot, position, item, self.offset).into_iter().rev() {
            let DefinitionKind::Local(kind) = definition.kind else { continue };
            if !wanted(kind) {
                continue;
            }
            let kind = match kind {
                LocalKind::Dim | LocalKind::Dims => ProposalKind::Dim,
                LocalKind::Trained | LocalKind::State | LocalKind::Layer | LocalKind::Slot => ProposalKind::Property,
                _ => ProposalKind::Variable,
            };
            let docs = describe::docs(self.snapshot, definition);
            self.plain(&definition.name, kind, &describe::declaration(self.snapshot, definition), &docs, 1);
        }
    }

    fn sizes(&mut self) {
        self.locals(|kind| matches!(kind, LocalKind::Dim | LocalKind::Dims | LocalKind::Parameter { .. } | LocalKind::Turn));
        for (name, definition) in items_in_sight(self.snapshot) {
            if definition.kind == DefinitionKind::Item(ItemClass::Const) {
                self.plain(&name, ProposalKind::Constant, &detail(self.snapshot, definition), "", 2);
            }
        }
        for name in ["size", "floor", "ceil", "min", "max"] {
            if let Some(builtin) = BUILTINS.iter().find(|b| b.name == name) {
                self.plain(name, ProposalKind::Function, builtin.signature, builtin.doc, 3);
            }
        }
    }

    fn expression(&mut self, is_piped: bool) {
        if matches!(item_at(self.snapshot, self.offset), Some((_, item)) if matches!(item.kind, ItemKind::Policy(_))) {
            self.policy_words();
        }
        if !is_piped {
            self.arguments();
        }
        self.locals(|_| true);
        for (name, definition) in items_in_sight(self.snapshot) {
            if !matches!(definition.kind, DefinitionKind::Item(ItemClass::Train)) {
                self.item(self.snapshot, &name, definition, is_piped, 2, vec![]);
            }
        }
        for builtin in BUILTINS {
            let names: Vec<&str> =
                parameters(builtin.signature).into_iter().filter(|(_, optional)| !optional).map(|(name, _)| name).collect();
            let insert = template(builtin.name, names.into_iter().skip(usize::from(is_piped)), is_piped);
            let (label, detail, docs) = (builtin.name.to_string(), builtin.signature.to_string(), builtin.doc.to_string());
            self.add(Proposal { label, kind: ProposalKind::Function, detail, docs, insert, nearness: 3, also: vec![] });
        }
        if !is_piped {
            for word in words::of(Position::Inside).filter(|w| ["if", "not", "true", "false", "training", "inf"].contains(&w.text)) {
                self.word(word, 3);
            }
        }
        self.not_imported(is_piped);
    }

    /// Words of the field that a line of a policy sets, and parameters of the word that is being written.
    fn policy_words(&mut self) {
        let text = self.snapshot.text(self.snapshot.entry());
        for word in policy_words::words_at(text, self.offset) {
            self.plain(word.name, ProposalKind::Keyword, &word.signature(), word.doc, 0);
        }
        for (name, default) in policy_words::parameters_at(text, self.offset) {
            let detail = if default.is_empty() { String::new() } else { format!("without it {default}") };
            self.add(Proposal {
                label: format!("{name} ="),
                kind: ProposalKind::Argument,
                detail,
                docs: String::new(),
                insert: format!("{name} = ${{1}}"),
                nearness: 0,
                also: vec![],
            });
        }
    }

    /// Names of parameters that the call around the place does not give yet.
    fn arguments(&mut self) {
        let Some(call) = call_at(self.snapshot.text(self.snapshot.entry()), self.offset).filter(|c| c.named.is_none() && c.base.is_none())
        else {
            return;
        };
        let name = self.snapshot.text(self.snapshot.entry())[call.callee.clone()].to_string();
        let definition = lookup(self.snapshot, self.offset, &name);
        let parameters: Vec<(String, String, String)> = match definition.and_then(|d| callable(self.snapshot, d)) {
            Some(callable) => {
                let shown =
                    |p: &esper_grammar::ast::Param| (p.name.text.clone(), describe::parameter(self.snapshot, p), p.docs.text.clone());
                callable.params.iter().map(shown).collect()
            }
            None => match BUILTINS.iter().find(|b| b.name == name) {
                Some(builtin) => {
                    parameters(builtin.signature).into_iter().map(|(name, _)| (name.to_string(), String::new(), String::new())).collect()
                }
                None => return,
            },
        };
        let taken = call.commas.saturating_sub(call.given.len()) + usize::from(call.is_piped);
        for (name, detail, docs) in parameters.into_iter().skip(taken).filter(|(name, ..)| !call.given.contains(name)) {
            let label = format!("{name} =");
            self.add(Proposal {
                insert: format!("{name} = ${{1}}"),
                label,
                kind: ProposalKind::Argument,
                detail,
                docs,
                nearness: 0,
                also: vec![],
            });
        }
    }

    fn item(&mut self, program: &Snapshot, name: &str, definition: &Definition, is_piped: bool, nearness: u8, also: Vec<(Span, String)>) {
        let insert = match callable(program, definition) {
            Some(callable) => {
                let required = callable.params.iter().filter(|p| p.default.is_none()).map(|p| p.name.text.as_str());
                template(
                    name,
                    required.skip(usize::from(is_piped)),
                    is_piped || definition.kind == DefinitionKind::Item(ItemClass::Blueprint),
                )
            }
            None => name.to_string(),
        };
        let docs = describe::docs(program, definition);
        self.add(Proposal {
            label: name.to_string(),
            kind: kind_of(definition),
            detail: detail(program, definition),
            docs,
            insert,
            nearness,
            also,
        });
    }

    /// Items of the standard library that a `use` would bring in.
    fn not_imported(&mut self, is_piped: bool) {
        for (_, definition) in self.library.index().definitions() {
            let module = self.library.file(definition.span.file).map(|f| f.module.as_str()).unwrap_or_default();
            let own = self.snapshot.file(self.snapshot.entry()).is_some_and(|f| f.module == module);
            let is_wanted = is_item(definition) && !definition.name.starts_with('_') && !own && !self.names.contains(&definition.name);
            if is_wanted {
                let also = vec![use_of(self.snapshot, module, &definition.name)];
                self.item(self.library, &definition.name, definition, is_piped, 4, also);
            }
        }
    }
}

fn is_item(definition: &Definition) -> bool {
    matches!(definition.kind, DefinitionKind::Item(_))
}

fn kind_of(definition: &Definition) -> ProposalKind {
    match definition.kind {
        DefinitionKind::Item(ItemClass::Const) => ProposalKind::Constant,
        DefinitionKind::Item(ItemClass::Fn) => ProposalKind::Function,
        DefinitionKind::Item(ItemClass::Train) => ProposalKind::Experiment,
        DefinitionKind::Item(_) => ProposalKind::Blueprint,
        DefinitionKind::Local(_) => ProposalKind::Variable,
    }
}

fn detail(program: &Snapshot, definition: &Definition) -> String {
    describe::declaration(program, definition).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `name(${1:a}, ${2:b})`; without brackets where there is nothing to give and that is enough.
fn template<'p>(name: &str, required: impl Iterator<Item = &'p str>, bare_is_enough: bool) -> String {
    let places: Vec<String> = required.enumerate().map(|(i, p)| format!("${{{}:{p}}}", i + 1)).collect();
    match places.is_empty() {
        true if bare_is_enough => name.to_string(),
        true => format!("{name}(${{1}})"),
        false => format!("{name}({})", places.join(", ")),
    }
}

/// The change that brings a name of a module in: into the braces of the `use` that is there, or as a line of its own.
fn use_of(snapshot: &Snapshot, module: &str, name: &str) -> (Span, String) {
    let entry = snapshot.entry();
    let items = snapshot.tree(entry).map(|tree| &tree.items[..]).unwrap_or_default();
    let mut after = None;
    for item in items {
        let ItemKind::Use { path, imports, .. } = &item.kind else { continue };
        after = Some(item.span.after());
        let written: Vec<&str> = path.names.iter().map(|n| n.text.as_str()).collect();
        if let (true, Some(imports)) = (written.join(".") == module, imports) {
            return match imports.last() {
                Some(last) => (last.alias.as_ref().unwrap_or(&last.name).span.after(), format!(", {name}")),
                None => (Span { start: item.span.end - 1, end: item.span.end - 1, ..item.span }, name.to_string()),
            };
        }
    }
    let line = format!("use {module}.{{{name}}}");
    match after {
        Some(place) => (place, format!("\n{line}")),
        None => {
            let docs = snapshot.tree(entry).and_then(|tree| tree.docs.span);
            match docs {
                Some(docs) => (docs.after(), format!("\n{line}\n")),
                None => (Span::new(entry, 0, 0), format!("{line}\n\n")),
            }
        }
    }
}
