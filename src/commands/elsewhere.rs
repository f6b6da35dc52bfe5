//! Commands that people know from Terraform, and what takes their place here.

use clap::error::{ContextKind, ContextValue, ErrorKind};

const INSTEAD: &[(&str, &str)] = &[
    ("force-unlock", "The lock of a process that died runs out by itself."),
    ("get", "There is nothing to fetch: modules are directories."),
    ("import", "Write an import block, which can be planned first: import { to = ADDRESS, id = \"…\" }"),
    ("init", "There is nothing to prepare: a configuration plans at once. To begin one: portolan new DIR"),
    ("providers", "All providers are built in; docs/resources.md lists what they have."),
    ("refresh", "portolan apply --refresh-only"),
    ("taint", "portolan apply --replace ADDRESS"),
    ("untaint", "What was left half-made is replaced by the next apply."),
    ("workspace", "There is one workspace. For several environments, use a directory or a --var-file for each."),
];

/// What to do instead of a command that there is not.
pub(crate) fn instead_of(problem: &clap::Error) -> Option<&'static str> {
    let ContextValue::String(name) = problem.get(ContextKind::InvalidSubcommand)? else { return None };
    let is_command = problem.kind() == ErrorKind::InvalidSubcommand;
    INSTEAD.iter().find(|(known, _)| is_command && known == name).map(|(_, instead)| *instead)
}
