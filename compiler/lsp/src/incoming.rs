//! What the client sends: taken from the connection into a queue, which can be looked through while something long is under way.
use lsp_server::{Connection, Message, RequestId};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// How long an answer may take before an edit that came in meanwhile makes it pointless.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the server is busy with.
#[derive(Clone, Debug, Default)]
enum Task {
    /// Something that must be finished.
    #[default]
    Needed,
    /// A check while nobody asks for anything.
    Idle,
    /// The answer to a request, since then.
    Answer(RequestId, Instant),
}

/// The messages that came and were not handled yet, and where more come from.
pub struct Incoming {
    /// The client's end.
    pub connection: Connection,
    queue: RefCell<VecDeque<Message>>,
    task: RefCell<Task>,
}

impl Incoming {
    /// Nothing has come yet.
    pub fn new(connection: Connection) -> Incoming {
        Incoming { connection, queue: RefCell::default(), task: RefCell::default() }
    }
    /// Takes over what has come so far.
    pub fn drain(&self) {
        self.queue.borrow_mut().extend(self.connection.receiver.try_iter());
    }
    /// Waits for the next message for a while, and keeps it.
    pub fn wait(&self, most: Duration) {
        self.queue.borrow_mut().extend(self.connection.receiver.recv_timeout(most));
    }
    /// Whether nothing is waiting, as far as is known.
    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }
    /// The oldest message; waits for one. None once the client is gone.
    pub fn next(&self) -> Option<Message> {
        let waiting = self.queue.borrow_mut().pop_front();
        waiting.or_else(|| self.connection.receiver.recv().ok())
    }
    /// Whether the client took a request back in what it sent since.
    pub fn is_cancelled(&self, id: &RequestId) -> bool {
        let cancels = |message: &Message| match message {
            Message::Notification(n) if n.method == "$/cancelRequest" => {
                n.params.get("id").is_some_and(|given| serde_json::from_value::<RequestId>(given.clone()).is_ok_and(|given| given == *id))
            }
            _ => false,
        };
        self.queue.borrow().iter().any(cancels)
    }
    /// From now on a check goes on only while nothing comes in.
    pub fn begin_idle(&self) {
        self.task.replace(Task::Idle);
    }
    /// From now on a check goes on unless this request is taken back.
    pub fn begin_answer(&self, id: RequestId) {
        self.task.replace(Task::Answer(id, Instant::now()));
    }
    /// From now on a check is finished whatever comes.
    pub fn begin_needed(&self) {
        self.task.replace(Task::Needed);
    }
    /// Whether what came in meanwhile makes the task pointless: anything, where nobody asked for it; that it was taken back; a newer
    /// text, where the answer takes long.
    pub fn is_overtaken(&self) -> bool {
        self.drain();
        match &*self.task.borrow() {
            Task::Needed => false,
            Task::Idle => !self.is_empty(),
            Task::Answer(id, since) => self.is_cancelled(id) || since.elapsed() > PATIENCE && self.has_edit(),
        }
    }
    fn has_edit(&self) -> bool {
        self.queue.borrow().iter().any(|message| matches!(message, Message::Notification(n) if n.method == "textDocument/didChange"))
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("queue", &self.queue).field("task", &self.task).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_server::Notification;
    use serde_json::{Value, json};

    #[test]
    fn what_comes_in_ends_what_it_makes_pointless() {
        let (server, client) = Connection::memory();
        let incoming = Incoming::new(server);
        let tell = |method: &str, params: Value| {
            client.sender.send(Notification { method: method.into(), params }.into()).expect("there");
        };
        incoming.begin_idle();
        assert!(!incoming.is_overtaken());
        tell("$/cancelRequest", json!({ "id": 3 }));
        assert!(incoming.is_overtaken());
        incoming.begin_answer(4.into());
        assert!(!incoming.is_overtaken(), "another one was taken back");
        incoming.begin_answer(3.into());
        assert!(incoming.is_overtaken());
        tell("textDocument/didChange", json!({}));
        incoming.begin_answer(4.into());
        assert!(!incoming.is_overtaken(), "the answer is only begun");
        let long_ago = Instant::now().checked_sub(2 * PATIENCE).expect("a clock that runs");
        incoming.task.replace(Task::Answer(4.into(), long_ago));
        assert!(incoming.is_overtaken());
        incoming.begin_needed();
        assert!(!incoming.is_overtaken());
        assert!(matches!(incoming.next(), Some(Message::Notification(n)) if n.method == "$/cancelRequest"));
    }
}
