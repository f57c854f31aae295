//! Giving up a check that nobody waits for any more.
use std::fmt;
use std::panic::resume_unwind;

/// What a check that was given up unwinds with, past the panic hook; whoever offered an [`Interrupt`] catches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// Asked now and then during a check: whether to give it up.
#[derive(Clone, Copy, Default)]
pub struct Interrupt<'a>(Option<&'a dyn Fn() -> bool>);

impl<'a> Interrupt<'a> {
    /// A check is given up once `wanted` says so.
    pub fn when(wanted: &'a dyn Fn() -> bool) -> Interrupt<'a> {
        Interrupt(Some(wanted))
    }
    /// Unwinds with [`Interrupted`] if the check is to be given up.
    pub fn heed(self) {
        if self.0.is_some_and(|wanted| wanted()) {
            resume_unwind(Box::new(Interrupted));
        }
    }
}

impl fmt::Debug for Interrupt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interrupt({})", if self.0.is_some() { "…" } else { "never" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_check_goes_on_until_it_is_to_be_given_up() {
        Interrupt::default().heed();
        Interrupt::when(&|| false).heed();
        let thrown = catch_unwind(AssertUnwindSafe(|| Interrupt::when(&|| true).heed())).expect_err("given up");
        assert!(thrown.is::<Interrupted>());
    }
}
