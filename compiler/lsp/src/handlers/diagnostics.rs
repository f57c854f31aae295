//! Diagnostics: pushed when a check is done to clients that do not ask, and given to those that do.
use super::Reply;
use crate::convert;
use crate::server::Server;
use crate::snapshot::Snapshot;
use crate::uri::Place;
use crate::workspace::Analysis;
use esper_diagnostics::{Diagnostic, FileId};
use gen_lsp_types as lsp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the client was told by notifications.
#[derive(Debug, Default)]
pub struct Published {
    /// For each document, what its check says of files that are not open: by address.
    elsewhere: BTreeMap<Place, BTreeMap<String, Vec<Value>>>,
}

impl Server {
    /// Whether a document changed since it was checked, and the client does not ask itself.
    pub fn has_idle_work(&self) -> bool {
        !self.client.pulls_diagnostics && self.workspace.has_unchecked()
    }
    /// Whether all that is left of it takes long.
    pub fn has_only_long_work(&self) -> bool {
        matches!(self.workspace.next_unchecked(), Some((_, true)))
    }
    /// Leaves out what [`Server::idle_work`] would do next.
    pub fn skip_idle_work(&mut self) {
        if let Some((place, elaborates)) = self.workspace.next_unchecked() {
            self.workspace.is_checked(&place, elaborates);
        }
    }
    /// Checks one document and publishes what is found.
    pub fn idle_work(&mut self) {
        if let Some((place, elaborates)) = self.workspace.next_unchecked() {
            let analysis = if elaborates { self.workspace.analysis(&place) } else { self.workspace.quick_analysis(&place) };
            self.publish(&place, &analysis);
            self.workspace.is_checked(&place, elaborates);
        }
    }

    fn publish(&mut self, place: &Place, analysis: &Analysis) {
        let (snapshot, problems) = (&analysis.snapshot, &analysis.problems);
        let Some((uri, version)) = self.workspace.document(place).map(|d| (d.uri.clone(), d.version)) else { return };
        let own = self.diagnostics_of(snapshot, problems, snapshot.entry());
        self.notify("textDocument/publishDiagnostics", json!({ "uri": uri, "version": version, "diagnostics": own }));
        let mut elsewhere: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for file in snapshot.loaded.files.iter().skip(1).map(|f| f.id) {
            let Some(other) = snapshot.place(file).filter(|p| self.workspace.document(p).is_none()) else { continue };
            let found = self.diagnostics_of(snapshot, problems, file);
            if let (false, Some(uri)) = (found.is_empty(), self.workspace.uri(&other)) {
                elsewhere.insert(uri.0, found);
            }
        }
        let before = self.published.elsewhere.insert(place.clone(), elsewhere.clone()).unwrap_or_default();
        let changed: Vec<String> =
            before.keys().chain(elsewhere.keys()).filter(|uri| before.get(*uri) != elsewhere.get(*uri)).cloned().collect();
        changed.iter().for_each(|uri| self.publish_elsewhere(uri));
    }

    /// Publishes what all documents' checks say of a file that is not open.
    fn publish_elsewhere(&mut self, uri: &str) {
        let place = self.workspace.place(&lsp::Uri(uri.to_string()));
        if self.workspace.document(&place).is_some() {
            return;
        }
        let mut all: Vec<Value> = vec![];
        for found in self.published.elsewhere.values().filter_map(|by_file| by_file.get(uri)) {
            found.iter().filter(|d| !all.contains(d)).cloned().collect::<Vec<_>>().into_iter().for_each(|d| all.push(d));
        }
        self.notify("textDocument/publishDiagnostics", json!({ "uri": uri, "diagnostics": all }));
    }

    /// A document that is open no longer: what was said of it and because of it is taken back, or said by those that use it.
    pub fn forget_document(&mut self, place: &Place, uri: &lsp::Uri) {
        self.tokens.remove(place);
        if self.client.pulls_diagnostics {
            return;
        }
        let elsewhere = self.published.elsewhere.remove(place).unwrap_or_default();
        elsewhere.keys().for_each(|uri| self.publish_elsewhere(uri));
        self.publish_elsewhere(&uri.0);
    }

    fn diagnostics_of(&mut self, snapshot: &Snapshot, problems: &[Diagnostic], file: FileId) -> Vec<Value> {
        let problems = problems.iter().filter(|p| p.primary.span.file == file);
        problems.map(|p| json!(convert::diagnostic(&mut self.workspace, snapshot, p, self.client.encoding))).collect()
    }

    fn report(&mut self, place: &Place, previous: Option<&str>) -> Value {
        let analysis = self.workspace.analysis(place);
        let items = self.diagnostics_of(&analysis.snapshot, &analysis.problems, analysis.snapshot.entry());
        let id = format!("{:016x}", fnv1a(&json!(items).to_string()));
        match previous == Some(id.as_str()) {
            true => json!({ "kind": "unchanged", "resultId": id }),
            false => json!({ "kind": "full", "resultId": id, "items": items }),
        }
    }
}

/// `textDocument/diagnostic`.
pub fn pull(server: &mut Server, params: lsp::DocumentDiagnosticParams) -> Reply<Value> {
    let place = server.workspace.place(&params.text_document.uri);
    Ok(server.report(&place, params.previous_result_id.as_deref()))
}

/// `workspace/diagnostic`: every blueprint of the roots, each as the entry of its program.
pub fn pull_all(server: &mut Server, params: lsp::WorkspaceDiagnosticParams) -> Reply<Value> {
    let known: BTreeMap<String, String> = params.previous_result_ids.into_iter().map(|p| (p.uri.0, p.value)).collect();
    let mut items = vec![];
    for place in server.workspace.all_files() {
        let Some(uri) = server.workspace.uri(&place) else { continue };
        let mut report = server.report(&place, known.get(&uri.0).map(String::as_str));
        report["uri"] = json!(uri);
        report["version"] = json!(server.workspace.document(&place).map(|d| d.version));
        items.push(report);
    }
    Ok(json!({ "items": items }))
}

/// A stable hash of a text (Fowler, Noll and Vo, 64 bits, variant 1a).
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
