//! Between the protocol and the features: parameters become a snapshot and a place in it, plain data becomes the protocol's types.
pub mod actions;
pub mod calls;
pub mod completion;
pub mod diagnostics;
pub mod formatting;
pub mod navigation;
pub mod reading;
pub mod sync;
pub mod tokens;

use crate::server::Server;
use crate::snapshot::Snapshot;
use crate::uri::Place;
use esper_diagnostics::Span;
use gen_lsp_types as lsp;
use lsp_server::{ErrorCode, ResponseError};
use std::rc::Rc;

/// What a request gives.
pub type Reply<T> = Result<T, ResponseError>;

/// A document and a byte in it.
pub struct At {
    /// Its program; the document is the entry.
    pub snapshot: Rc<Snapshot>,
    /// The byte.
    pub offset: usize,
}

impl Server {
    /// The program of a document.
    pub fn snapshot(&mut self, document: &lsp::TextDocumentIdentifier) -> (Place, Rc<Snapshot>) {
        let place = self.workspace.place(&document.uri);
        let snapshot = self.workspace.snapshot(&place);
        (place, snapshot)
    }
    /// The place that a request is about.
    pub fn at(&mut self, position: &lsp::TextDocumentPositionParams) -> At {
        let (_, snapshot) = self.snapshot(&position.text_document);
        let offset = self.offset(&snapshot, position.position);
        At { snapshot, offset }
    }
    /// The byte of a position in the entry.
    pub fn offset(&self, snapshot: &Snapshot, position: lsp::Position) -> usize {
        let entry = snapshot.entry();
        snapshot.lines(entry).offset(snapshot.text(entry), position, self.client.encoding)
    }
    /// The place of a range in the entry.
    pub fn span(&self, snapshot: &Snapshot, range: lsp::Range) -> Span {
        Span::new(snapshot.entry(), self.offset(snapshot, range.start), self.offset(snapshot, range.end))
    }
    /// A place as a range.
    pub fn range(&self, snapshot: &Snapshot, span: Span) -> lsp::Range {
        crate::convert::range(snapshot, span, self.client.encoding)
    }
    /// A place as an address and range.
    pub fn location(&mut self, snapshot: &Snapshot, span: Span) -> Option<lsp::Location> {
        crate::convert::location(&mut self.workspace, snapshot, span, self.client.encoding)
    }
}

/// An error that the client shows.
pub fn failed(message: impl Into<String>) -> ResponseError {
    ResponseError { code: ErrorCode::RequestFailed as i32, message: message.into(), data: None }
}
