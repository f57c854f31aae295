//! What an editor shows around the text: hovers, symbols, hints, lenses, links, folds, selections, signatures.
use super::Reply;
use crate::features::cost::Cost;
use crate::features::inlay_hints::{self, HintKind};
use crate::features::structure::{FoldKind, folds, selections};
use crate::features::symbols::{Symbol, SymbolKind, matches, symbols};
use crate::features::{hover, lenses, navigation, signature_help};
use crate::server::Server;
use crate::snapshot::Snapshot;
use crate::uri::Place;
use gen_lsp_types as lsp;
use serde_json::{Value, json};

/// The most symbols that a search gives.
const MOST_SYMBOLS: usize = 500;

fn markdown(text: &str) -> Value {
    json!({ "kind": "markdown", "value": text })
}

/// `textDocument/hover`.
pub fn hover(server: &mut Server, params: lsp::HoverParams) -> Reply<Value> {
    let position = &params.text_document_position_params;
    let place = server.workspace.place(&position.text_document.uri);
    let analysis = server.workspace.quick_analysis(&place);
    let offset = server.offset(&analysis.snapshot, position.position);
    let costs = server.costs(&place);
    Ok(match hover::hover(&analysis, &costs, offset) {
        Some(hover) => json!({ "contents": markdown(&hover.text), "range": server.range(&analysis.snapshot, hover.span) }),
        None => Value::Null,
    })
}

/// `textDocument/inlayHint`.
pub fn hints(server: &mut Server, params: lsp::InlayHintParams) -> Reply<Value> {
    let place = server.workspace.place(&params.text_document.uri);
    let analysis = server.workspace.quick_analysis(&place);
    let snapshot = &analysis.snapshot;
    let range = server.span(snapshot, params.range);
    let mut found = vec![];
    for hint in inlay_hints::hints(&analysis, range) {
        let position = server.range(snapshot, esper_diagnostics::Span::new(snapshot.entry(), hint.at, hint.at)).start;
        let parts: Vec<Value> = hint
            .parts
            .iter()
            .map(|part| {
                let location = part.target.and_then(|target| server.location(snapshot, target));
                match location {
                    Some(location) => json!({ "value": part.text, "location": location }),
                    None => json!({ "value": part.text }),
                }
            })
            .collect();
        let is_shape = hint.kind == HintKind::Shape;
        let begins_apart = is_shape && !hint.parts.first().is_some_and(|p| p.text.starts_with(':'));
        let mut shown = json!({
            "position": position,
            "label": parts,
            "kind": if is_shape { 1 } else { 2 },
            "tooltip": markdown(&hint.tooltip),
            "paddingLeft": begins_apart,
            "paddingRight": !is_shape && hint.insert.is_none(),
        });
        if let Some(insert) = hint.insert {
            shown["textEdits"] = json!([{ "range": { "start": position, "end": position }, "newText": insert }]);
        }
        found.push(shown);
    }
    Ok(json!(found))
}

/// `textDocument/codeLens`.
pub fn code_lenses(server: &mut Server, params: lsp::CodeLensParams) -> Reply<Value> {
    let place = server.workspace.place(&params.text_document.uri);
    let analysis = server.workspace.analysis(&place);
    let (costs, snapshot) = (server.costs(&place), &analysis.snapshot);
    let found: Vec<Value> = lenses::lenses(snapshot, &costs)
        .into_iter()
        .map(|lens| {
            let command = match &lens.runs {
                Some(name) => json!({ "title": lens.title, "command": "blueprint.run", "arguments": [params.text_document.uri, name] }),
                None => json!({ "title": lens.title, "command": "" }),
            };
            json!({ "range": server.range(snapshot, lens.span), "command": command })
        })
        .collect();
    Ok(json!(found))
}

/// `textDocument/documentSymbol`.
pub fn document_symbols(server: &mut Server, params: lsp::DocumentSymbolParams) -> Reply<Value> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let found = symbols(&snapshot, snapshot.entry());
    if server.client.symbol_trees {
        return Ok(json!(found.iter().map(|s| tree(server, &snapshot, s)).collect::<Vec<_>>()));
    }
    let mut flat = vec![];
    for symbol in &found {
        let all = std::iter::once((symbol, None)).chain(symbol.children.iter().map(|c| (c, Some(symbol.name.as_str()))));
        for (symbol, container) in all {
            if let Some(location) = server.location(&snapshot, symbol.whole) {
                flat.push(json!({ "name": symbol.name, "kind": kind(symbol.kind), "location": location, "containerName": container }));
            }
        }
    }
    Ok(json!(flat))
}

fn tree(server: &Server, snapshot: &Snapshot, symbol: &Symbol) -> Value {
    json!({
        "name": symbol.name,
        "detail": symbol.detail,
        "kind": kind(symbol.kind),
        "range": server.range(snapshot, symbol.whole),
        "selectionRange": server.range(snapshot, symbol.place),
        "children": symbol.children.iter().map(|c| tree(server, snapshot, c)).collect::<Vec<_>>(),
    })
}

fn kind(kind: SymbolKind) -> u32 {
    match kind {
        SymbolKind::Constant => 14,
        SymbolKind::Function => 12,
        SymbolKind::Blueprint | SymbolKind::Optimizer => 5,
        SymbolKind::Policy => 11,
        SymbolKind::Experiment => 24,
        SymbolKind::Tensor | SymbolKind::Field => 8,
        SymbolKind::Layer => 7,
        SymbolKind::Slot => 20,
        SymbolKind::Method => 6,
    }
}

/// `workspace/symbol`: items and their members, of the workspace and, where something is searched for, of the standard library.
pub fn workspace_symbols(server: &mut Server, params: lsp::WorkspaceSymbolParams) -> Reply<Value> {
    let mut found: Vec<(usize, String, Value)> = vec![];
    let mut places = server.workspace.all_files();
    if !params.query.is_empty() {
        places.extend(esper_stdlib::modules().map(|m| Place::Library(m.to_string())));
    }
    for place in places {
        let snapshot = server.workspace.snapshot(&place);
        let module = snapshot.file(snapshot.entry()).map(|f| f.module.clone()).unwrap_or_default();
        for symbol in symbols(&snapshot, snapshot.entry()) {
            let all = std::iter::once((&symbol, module.clone())).chain(symbol.children.iter().map(|c| (c, symbol.name.clone())));
            for (symbol, container) in all.filter(|(s, _)| !matches!(s.kind, SymbolKind::Method | SymbolKind::Field)) {
                let Some(distance) = matches(&symbol.name, &params.query) else { continue };
                let Some(location) = server.location(&snapshot, symbol.place) else { continue };
                let shown = json!({ "name": symbol.name, "kind": kind(symbol.kind), "location": location, "containerName": container });
                found.push((distance, symbol.name.clone(), shown));
            }
        }
    }
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    Ok(json!(found.into_iter().take(MOST_SYMBOLS).map(|(_, _, shown)| shown).collect::<Vec<_>>()))
}

/// `textDocument/foldingRange`.
pub fn folding_ranges(server: &mut Server, params: lsp::FoldingRangeParams) -> Reply<Value> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let found = folds(&snapshot).into_iter().map(|(span, fold)| {
        let range = server.range(&snapshot, span);
        // The line of a closing bracket stays.
        let closes = snapshot.text_at(span).ends_with(['}', ')', ']']);
        let end = if closes && fold == FoldKind::Code { range.end.line.saturating_sub(1).max(range.start.line) } else { range.end.line };
        let mut shown = json!({ "startLine": range.start.line, "endLine": end });
        match fold {
            FoldKind::Comment => shown["kind"] = json!("comment"),
            FoldKind::Imports => shown["kind"] = json!("imports"),
            FoldKind::Code => {}
        }
        shown
    });
    Ok(json!(found.filter(|f| f["startLine"] != f["endLine"]).collect::<Vec<_>>()))
}

/// `textDocument/selectionRange`.
pub fn selection_ranges(server: &mut Server, params: lsp::SelectionRangeParams) -> Reply<Value> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let of_position = |position: &lsp::Position| {
        let spans = selections(&snapshot, server.offset(&snapshot, *position));
        spans.into_iter().rev().fold(Value::Null, |parent, span| {
            let mut shown = json!({ "range": server.range(&snapshot, span) });
            if !parent.is_null() {
                shown["parent"] = parent;
            }
            shown
        })
    };
    Ok(json!(params.positions.iter().map(of_position).collect::<Vec<_>>()))
}

/// `textDocument/documentLink`: modules behind `use`.
pub fn document_links(server: &mut Server, params: lsp::DocumentLinkParams) -> Reply<Value> {
    let (_, snapshot) = server.snapshot(&params.text_document);
    let mut found = vec![];
    for (span, file) in navigation::modules(&snapshot) {
        let target = snapshot.place(file).and_then(|place| server.workspace.uri(&place));
        if let Some(target) = target {
            let tooltip = snapshot.file(file).map(|f| f.module.clone());
            found.push(json!({ "range": server.range(&snapshot, span), "target": target, "tooltip": tooltip }));
        }
    }
    Ok(json!(found))
}

/// `textDocument/signatureHelp`.
pub fn signature(server: &mut Server, params: lsp::SignatureHelpParams) -> Reply<Value> {
    let at = server.at(&params.text_document_position_params);
    let Some(signature) = signature_help::signature_help(&at.snapshot, at.offset) else { return Ok(Value::Null) };
    let parameters: Vec<Value> = signature
        .parameters
        .iter()
        .map(|(label, docs)| match docs.is_empty() {
            true => json!({ "label": label }),
            false => json!({ "label": label, "documentation": markdown(docs) }),
        })
        .collect();
    let mut shown = json!({ "label": signature.label, "parameters": parameters });
    if !signature.docs.is_empty() {
        shown["documentation"] = markdown(&signature.docs);
    }
    let mut help = json!({ "signatures": [shown], "activeSignature": 0 });
    if let Some(active) = signature.active {
        help["activeParameter"] = json!(active);
    }
    Ok(help)
}

impl Server {
    /// What the sound experiments of a document's program cost.
    fn costs(&mut self, place: &Place) -> std::rc::Rc<Vec<Cost>> {
        self.workspace.costs(place)
    }
}
