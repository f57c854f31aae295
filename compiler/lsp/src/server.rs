//! The main loop: messages in the order they came, each answered from the texts as they are then; checks while nobody asks.
use crate::capabilities::initialize_result;
use crate::client::Client;
use crate::dispatch;
use crate::handlers::completion::Proposed;
use crate::handlers::diagnostics::Published;
use crate::handlers::tokens::Sent;
use crate::incoming::Incoming;
use crate::library::Library;
use crate::uri::path_of;
use crate::workspace::Workspace;
use esper_check::Interrupted;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// How the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `shutdown`, then `exit`.
    Done,
    /// `exit` without `shutdown`, or the client closed its end.
    Abandoned,
}

/// What a handler gives: a result, or an error for the client.
pub type Answer = Result<Value, ResponseError>;

/// Why something that was begun gave nothing.
enum Failure {
    /// What the client sent meanwhile made it pointless.
    Interrupted,
    /// A bug.
    Panicked,
}

/// How long the client must be silent before something long is begun.
const SILENCE: Duration = Duration::from_millis(10);

/// The server and everything it holds for its client.
pub struct Server {
    incoming: Rc<Incoming>,
    /// What the client can do.
    pub client: Client,
    /// The user's files.
    pub workspace: Workspace,
    /// What was published.
    pub published: Published,
    /// What completions were proposed last.
    pub proposed: Proposed,
    /// The semantic tokens that the client holds.
    pub tokens: Sent,
    next_request: i32,
    is_shut_down: bool,
}

/// Serves one client. `watch` gets the number of the client's process.
pub fn serve(connection: Connection, watch: fn(u32)) -> Result<Outcome, String> {
    let (id, parameters) = match connection.initialize_start() {
        Ok(start) => start,
        // The client left before it began.
        Err(_) => return Ok(Outcome::Abandoned),
    };
    let client = Client::read(&parameters);
    if let Some(process) = client.process {
        watch(process);
    }
    let folder = parameters.pointer("/initializationOptions/libraryFolder").and_then(Value::as_str).map(PathBuf::from);
    let library = Library::new(client.virtual_documents, folder.unwrap_or_else(Library::cache_folder));
    send(&connection, Response::new_ok(id, initialize_result(&client)).into());
    let incoming = Rc::new(Incoming::new(connection));
    let workspace = Workspace::new(roots(&parameters), library, incoming.clone());
    let mut server = Server {
        incoming,
        client,
        workspace,
        published: Published::default(),
        proposed: Proposed::default(),
        tokens: Sent::default(),
        next_request: 0,
        is_shut_down: false,
    };
    Ok(server.run())
}

/// The folders that the client has open: `workspaceFolders`, or what came before it.
fn roots(parameters: &Value) -> Vec<PathBuf> {
    let folders = parameters.get("workspaceFolders").and_then(Value::as_array);
    let uris: Vec<&str> = match folders {
        Some(folders) => folders.iter().filter_map(|f| f.get("uri")?.as_str()).collect(),
        None => parameters.get("rootUri").and_then(Value::as_str).into_iter().collect(),
    };
    let mut roots: Vec<PathBuf> = uris.into_iter().filter_map(path_of).collect();
    if roots.is_empty() && folders.is_none() {
        roots.extend(parameters.get("rootPath").and_then(Value::as_str).map(PathBuf::from));
    }
    roots
}

/// A client that is gone reads nothing; the loop ends when its end of the channel does.
fn send(connection: &Connection, message: Message) {
    let _ = connection.sender.send(message);
}

impl Server {
    fn run(&mut self) -> Outcome {
        loop {
            let Some(message) = self.next() else { return Outcome::Abandoned };
            match message {
                Message::Request(request) => self.request(request),
                Message::Notification(n) if n.method == "exit" => {
                    return if self.is_shut_down { Outcome::Done } else { Outcome::Abandoned };
                }
                Message::Notification(notification) => self.notification(notification),
                // Answers to registrations and refreshes; a client that refuses one goes on without it.
                Message::Response(_) => {}
            }
        }
    }

    /// The next message. While there is none, what changed is checked and published; what takes long only once the client has been
    /// silent for a moment.
    fn next(&mut self) -> Option<Message> {
        self.incoming.drain();
        while self.incoming.is_empty() && self.has_idle_work() {
            if self.has_only_long_work() {
                self.incoming.wait(SILENCE);
                if !self.incoming.is_empty() {
                    break;
                }
            }
            self.incoming.begin_idle();
            // What is interrupted is still to be done; what panicked would again.
            if let Err(Failure::Panicked) = self.guarded(|server| server.idle_work()) {
                self.skip_idle_work();
            }
            self.incoming.drain();
        }
        self.incoming.next()
    }

    /// Runs something. A panic in it is a bug that costs one answer, not the server.
    fn guarded<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> Result<T, Failure> {
        let result = catch_unwind(AssertUnwindSafe(|| run(self)));
        self.incoming.begin_needed();
        result.map_err(|thrown| if thrown.is::<Interrupted>() { Failure::Interrupted } else { Failure::Panicked })
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        if self.is_shut_down {
            return self.refuse(id, ErrorCode::InvalidRequest, "the server was shut down");
        }
        if request.method == "shutdown" {
            self.is_shut_down = true;
            return self.answer(id, Ok(Value::Null));
        }
        self.incoming.drain();
        if self.incoming.is_cancelled(&id) {
            return self.refuse(id, ErrorCode::RequestCanceled, "cancelled");
        }
        let Some(handler) = dispatch::request(&request.method) else {
            let message = format!("the server does not answer `{}`", request.method);
            return self.refuse(id, ErrorCode::MethodNotFound, &message);
        };
        self.answer_by(handler, request);
    }

    fn answer_by(&mut self, handler: dispatch::RequestHandler, request: Request) {
        let id = request.id;
        self.incoming.begin_answer(id.clone());
        match self.guarded(|server| handler(server, request.params)) {
            Ok(answer) => self.answer(id, answer),
            Err(Failure::Interrupted) if self.incoming.is_cancelled(&id) => self.refuse(id, ErrorCode::RequestCanceled, "cancelled"),
            Err(Failure::Interrupted) => self.refuse(id, ErrorCode::ContentModified, "the text changed while the answer was sought"),
            Err(Failure::Panicked) => {
                let message = format!("a bug in the server: it panicked while it answered `{}`", request.method);
                self.refuse(id, ErrorCode::InternalError, &message);
            }
        }
    }

    fn notification(&mut self, notification: Notification) {
        // What is not known is ignored, as the protocol asks.
        if let Some(handler) = dispatch::notification(&notification.method) {
            let _ = self.guarded(|server| handler(server, notification.params));
        }
    }

    fn answer(&self, id: RequestId, answer: Answer) {
        let response = match answer {
            Ok(result) => Response::new_ok(id, result),
            Err(error) => Response { id, response_result: Err(error) },
        };
        send(&self.incoming.connection, response.into());
    }

    fn refuse(&self, id: RequestId, code: ErrorCode, message: &str) {
        self.answer(id, Err(ResponseError { code: code as i32, message: message.to_string(), data: None }));
    }

    /// Tells the client something.
    pub fn notify(&self, method: &str, params: Value) {
        send(&self.incoming.connection, Notification { method: method.to_string(), params }.into());
    }

    /// Asks the client for something whose answer does not matter.
    pub fn ask(&mut self, method: &str, params: Value) {
        self.next_request += 1;
        let id = RequestId::from(self.next_request);
        send(&self.incoming.connection, Request { id, method: method.to_string(), params }.into());
    }

    /// Asks to be told of blueprints that change on disk.
    pub fn register_watchers(&mut self) {
        if self.client.registers_watchers {
            let options = json!({ "watchers": [{ "globPattern": "**/*.blueprint" }] });
            let registration = json!({ "id": "blueprints", "method": "workspace/didChangeWatchedFiles", "registerOptions": options });
            self.ask("client/registerCapability", json!({ "registrations": [registration] }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_answer() {
        let (connection, client) = Connection::memory();
        let library = Library::new(false, std::env::temp_dir());
        let incoming = Rc::new(Incoming::new(connection));
        let mut server = Server {
            incoming: incoming.clone(),
            client: Client::default(),
            workspace: Workspace::new(vec![], library, incoming),
            published: Published::default(),
            proposed: Proposed::default(),
            tokens: Sent::default(),
            next_request: 0,
            is_shut_down: false,
        };
        let request = |id: i32| Request { id: id.into(), method: "textDocument/hover".into(), params: Value::Null };
        server.answer_by(|_, _| panic!("a bug"), request(1));
        server.answer_by(|_, _| Ok(json!("well")), request(2));
        let answers: Vec<Result<Value, i32>> = client
            .receiver
            .try_iter()
            .map(|message| match message {
                Message::Response(response) => response.response_result.map_err(|e| e.code),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(answers, [Err(ErrorCode::InternalError as i32), Ok(json!("well"))]);
    }
}
