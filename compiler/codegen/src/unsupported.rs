//! What no target, or one target, can do.

/// Something that a program needs and a target lacks. It names the operator, or the kernel and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The kernel that cannot be spelt; none where no kernel was made yet.
    pub kernel: Option<String>,
    /// What is missing, for people.
    pub reason: String,
}

impl Unsupported {
    /// Something of a graph.
    pub fn new(reason: impl Into<String>) -> Unsupported {
        Unsupported { kernel: None, reason: reason.into() }
    }
    /// Something of a kernel.
    pub fn of_kernel(kernel: &str, reason: impl Into<String>) -> Unsupported {
        Unsupported { kernel: Some(kernel.to_string()), reason: reason.into() }
    }
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kernel {
            Some(kernel) => write!(f, "kernel `{kernel}` cannot be compiled: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Unsupported {}
