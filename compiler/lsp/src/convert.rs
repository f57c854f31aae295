//! Plain data of the features as the protocol's types: places become ranges in the client's units, files become addresses.
use crate::position::Encoding;
use crate::snapshot::Snapshot;
use crate::workspace::Workspace;
use esper_diagnostics::{Diagnostic, Severity, Span};
use gen_lsp_types as lsp;
use std::collections::HashMap;

/// The range of a place.
pub fn range(snapshot: &Snapshot, span: Span, encoding: Encoding) -> lsp::Range {
    snapshot.lines(span.file).range(snapshot.text(span.file), span.start as usize..span.end as usize, encoding)
}

/// The address and range of a place; `None` where its file has no address.
pub fn location(workspace: &mut Workspace, snapshot: &Snapshot, span: Span, encoding: Encoding) -> Option<lsp::Location> {
    let uri = workspace.uri(&snapshot.place(span.file)?)?;
    Some(lsp::Location { uri, range: range(snapshot, span, encoding) })
}

/// A problem as the client shows it.
pub fn diagnostic(workspace: &mut Workspace, snapshot: &Snapshot, problem: &Diagnostic, encoding: Encoding) -> lsp::Diagnostic {
    let mut message = problem.message.clone();
    if !problem.primary.text.is_empty() && problem.primary.text != problem.message {
        message.push_str(&format!("\n{}", problem.primary.text));
    }
    problem.notes.iter().for_each(|note| message.push_str(&format!("\nnote: {note}")));
    problem.helps.iter().for_each(|help| message.push_str(&format!("\nhelp: {help}")));
    let related: Vec<lsp::DiagnosticRelatedInformation> = problem
        .secondary
        .iter()
        .filter_map(|label| {
            let location = location(workspace, snapshot, label.span, encoding)?;
            Some(lsp::DiagnosticRelatedInformation { location, message: label.text.clone() })
        })
        .collect();
    lsp::Diagnostic {
        range: range(snapshot, problem.primary.span, encoding),
        severity: Some(match problem.severity {
            Severity::Error => lsp::DiagnosticSeverity::Error,
            Severity::Warning => lsp::DiagnosticSeverity::Warning,
        }),
        code: Some(lsp::Code::String(problem.code.clone())),
        code_description: workspace.library.explanation_uri(&problem.code).map(|href| lsp::CodeDescription { href }),
        source: Some("esper".to_string()),
        message: lsp::Message::String(message),
        tags: tags(&problem.code),
        related_information: (!related.is_empty()).then_some(related),
        data: None,
    }
}

/// What is never used is shown faded.
fn tags(code: &str) -> Option<Vec<lsp::DiagnosticTag>> {
    let unused = ["W0121", "W0122", "W0123", "W0124"];
    unused.contains(&code).then(|| vec![lsp::DiagnosticTag::Unnecessary])
}

/// Changes of texts by address.
pub fn workspace_edit(
    workspace: &mut Workspace,
    snapshot: &Snapshot,
    changes: &[(Span, String)],
    encoding: Encoding,
) -> Option<lsp::WorkspaceEdit> {
    let mut edits: HashMap<lsp::Uri, Vec<lsp::TextEdit>> = HashMap::new();
    for (span, text) in changes {
        let at = location(workspace, snapshot, *span, encoding)?;
        edits.entry(at.uri).or_default().push(lsp::TextEdit { range: at.range, new_text: text.clone() });
    }
    Some(lsp::WorkspaceEdit { changes: Some(edits), ..lsp::WorkspaceEdit::default() })
}
