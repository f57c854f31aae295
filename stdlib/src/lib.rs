//! The standard library's sources, embedded. They are written in the language itself and read like any user's file.

/// Every module: its name in `use` and its text.
pub const MODULES: &[(&str, &str)] = &[
    ("std.hosts", include_str!("../hosts.blueprint")),
    ("std.init", include_str!("../init.blueprint")),
    ("std.losses", include_str!("../losses.blueprint")),
    ("std.nn", include_str!("../nn.blueprint")),
    ("std.optim", include_str!("../optim.blueprint")),
    ("std.policies", include_str!("../policies.blueprint")),
    ("std.seeds", include_str!("../seeds.blueprint")),
];

/// The text of a module: `module("std.nn")`.
pub fn module(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The names of all modules, in alphabetical order.
pub fn modules() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}
