//! The forge ("Tezzeret"): builds what a growing run will need in the background, while the run goes on.
//!
//! A job runs on a thread of its own at the lowest priority the system gives, so that it takes what the training step leaves. When its result
//! takes effect is no matter of the clock: the loop asks for it at a step that was fixed when the job was given, and waits where it is not
//! ready. That wait is a stall, and it is measured.
use std::sync::mpsc::{Receiver, RecvError, TryRecvError, channel};
use std::thread::Scope;
use std::time::{Duration, Instant};
use thread_priority::{ThreadPriority, set_current_thread_priority};

/// A result that is on its way.
pub struct Ticket<T> {
    receiver: Receiver<T>,
    arrived: Option<T>,
}

/// A result, and how the loop came by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<T> {
    /// What the job gave.
    pub result: T,
    /// How long the loop had to wait for it: zero where it was ready.
    pub stall: Duration,
}

/// Starts a job in the background of a scope.
pub fn start<'scope, T: Send + 'scope>(scope: &'scope Scope<'scope, '_>, job: impl FnOnce() -> T + Send + 'scope) -> Ticket<T> {
    let (sender, receiver) = channel();
    scope.spawn(move || {
        // A system that refuses costs a little speed of the training step, and nothing else: results do not depend on priorities.
        let _ = set_current_thread_priority(ThreadPriority::Min);
        // The loop may have ended without asking for the result.
        let _ = sender.send(job());
    });
    Ticket { receiver, arrived: None }
}

impl<T> Ticket<T> {
    /// Whether [`Ticket::wait`] would return at once. A job that panicked is never ready.
    pub fn is_ready(&mut self) -> bool {
        if self.arrived.is_none() {
            match self.receiver.try_recv() {
                Ok(result) => self.arrived = Some(result),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            }
        }
        self.arrived.is_some()
    }

    /// The result, waited for where it is not ready.
    ///
    /// # Errors
    /// The job panicked: its scope will say with what.
    pub fn wait(mut self) -> Result<Delivery<T>, RecvError> {
        if self.is_ready()
            && let Some(result) = self.arrived.take()
        {
            return Ok(Delivery { result, stall: Duration::ZERO });
        }
        let asked = Instant::now();
        let result = self.receiver.recv()?;
        Ok(Delivery { result, stall: asked.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_job_that_is_ready_costs_no_stall_and_one_that_is_not_is_waited_for() {
        let numbers = [1, 2, 3];
        std::thread::scope(|scope| {
            let (go, wait) = channel::<()>();
            let numbers = &numbers;
            let mut late = start(scope, move || {
                wait.recv().expect("told to go");
                numbers.iter().sum::<i32>()
            });
            assert!(!late.is_ready());
            go.send(()).expect("the job listens");
            while !late.is_ready() {
                std::thread::yield_now();
            }
            assert_eq!(late.wait(), Ok(Delivery { result: 6, stall: Duration::ZERO }));
            let (go, wait) = channel::<()>();
            let late = start(scope, move || wait.recv().is_ok());
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(5));
                go.send(())
            });
            let delivery = late.wait().expect("a result");
            assert!(delivery.result && delivery.stall > Duration::ZERO);
        });
    }

    #[test]
    fn a_job_that_panics_is_an_error_and_no_hang() {
        let outcome = std::panic::catch_unwind(|| {
            std::thread::scope(|scope| {
                let ticket = start(scope, || -> u8 { panic!("the job's own words") });
                assert!(ticket.wait().is_err());
            });
        });
        assert!(outcome.is_err(), "the scope passes the panic on");
    }
}
