//! The check of types as a user meets it: sources in, findings or elaborated experiments out.
mod broken;
mod codes;
mod diagnostics;
mod experiments;
mod growth;
mod harness;
mod one_mistake;
mod programs;
