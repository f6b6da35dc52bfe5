//! The reference pages are what the program's own tables and schemas say.
//!
//! `SNAPSHOTS=overwrite cargo test --test suite reference` writes them anew.

use std::process::Command;
use std::sync::Arc;

use portolan::catalog::Catalog;
use portolan::compile::domain::KINDS;
use portolan::config::watch;
use portolan_lang::schema::Usage;
use portolan_lang::{Attribute, Block, Nesting, Schema, functions};
use portolan_provider::Provider;

const BLOCKS: &str = "\
# Blocks of the domain

Every attribute and every nested block of the domain's blocks, made from the schemas by which the
program decodes and checks them. [language.md](language.md#blocks-of-the-domain) says what the blocks
are for. All of them but `watch` also take `count` or `for_each`, `depends_on` and `lifecycle`.
";

const RESOURCES: &str = "\
# Resources

The resource types and data sources of all providers, made from the schemas by which the program
decodes and checks them. The blocks of the domain compile to these; they can be written as `resource`
and `data` blocks too.
";

const FUNCTIONS: &str = "\
# Functions

All functions that expressions can call, made from the table by which the program calls them. They
are Terraform's, by name and by meaning. A parameter with `...` takes any number of arguments.

| | |
|---|---|
";

const COMMANDS: &str = "\
# Commands

What the program says of itself, `portolan help COMMAND` by `portolan help COMMAND`. Flags are written
`--like-this`; `-like-this` is accepted too.

Every command ends with 0 where it did what was asked, and with 1 after an error. `plan
--detailed-exitcode` ends with 2 where something would change; `status` where something is not as it
should be; `top` and `events` where a cluster does not tell. `exec` ends as the command does.
";

#[test]
fn the_page_of_commands_is_what_the_program_says() {
    let overview = help(&[]);
    let mut page = format!("{COMMANDS}\n```text\n{overview}```\n");
    for command in subcommands(&overview) {
        let text = help(&[&command]);
        page.push_str(&format!("\n## {command}\n\n```text\n{text}```\n"));
        for inner in subcommands(&text) {
            let text = help(&[&command, &inner]);
            page.push_str(&format!("\n### {command} {inner}\n\n```text\n{text}```\n"));
        }
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../../docs/commands.md"].raw());
}

fn help(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portolan")).arg("help").args(command).output();
    String::from_utf8(output.expect("a program that starts").stdout).expect("text")
}

/// The commands that a help text lists, without `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_page_of_blocks_is_what_the_schemas_say() {
    let mut page = BLOCKS.to_owned();
    let catalog = Catalog::new(providers());
    for kind in KINDS {
        describe(&mut page, kind.keyword, &(kind.schema)(&catalog));
    }
    describe(&mut page, "watch", &watch::schema());
    snapbox::assert_data_eq!(page, snapbox::file!["../../docs/blocks.md"].raw());
}

#[test]
fn the_page_of_resources_is_what_the_schemas_say() {
    let mut page = RESOURCES.to_owned();
    for provider in providers() {
        let schema = provider.schema();
        for (resource_type, resource) in &schema.resources {
            describe(&mut page, resource_type, &resource.schema);
        }
        for (source, schema) in &schema.data {
            describe(&mut page, &format!("data.{source}"), schema);
        }
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../../docs/resources.md"].raw());
}

#[test]
fn the_page_of_functions_is_what_the_table_says() {
    let mut page = FUNCTIONS.to_owned();
    page.extend(functions::names().filter_map(functions::lookup).map(function_row));
    snapbox::assert_data_eq!(page, snapbox::file!["../../docs/functions.md"].raw());
}

fn providers() -> Vec<Arc<dyn Provider>> {
    vec![
        Arc::new(portolan_builtin::Builtin::new()),
        Arc::new(portolan_kubernetes::Kubernetes::new()),
        Arc::new(portolan_nginx::NginxProvider::new()),
        Arc::new(portolan_dns::DnsProvider::new()),
        Arc::new(portolan_etcd::Etcd::new()),
    ]
}

fn function_row(function: &functions::Function) -> String {
    let parameters = function.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.ty));
    let variadic = function.variadic.iter().map(|parameter| format!("{}: {}...", parameter.name, parameter.ty));
    let parameters: Vec<String> = parameters.chain(variadic).collect();
    format!("| `{}({})` | {} |\n", function.name, parameters.join(", "), cell(function.doc))
}

/// Appends a section for a block, and one for each block in it. `place` is the keywords that
/// lead to the block.
fn describe(page: &mut String, place: &str, schema: &Schema) {
    let level = "#".repeat(2 + place.matches(' ').count().min(2));
    page.push_str(&format!("\n{level} {place}\n"));
    if !schema.doc.is_empty() {
        page.push_str(&format!("\n{}\n", schema.doc));
    }
    if !schema.attributes.is_empty() {
        page.push_str("\n| attribute | type | | |\n|---|---|---|---|\n");
        page.extend(schema.attributes.iter().map(attribute_row));
    }
    if !schema.blocks.is_empty() {
        page.push_str("\n| block | how many | |\n|---|---|---|\n");
        page.extend(schema.blocks.iter().map(block_row));
    }
    for block in &schema.blocks {
        describe(page, &format!("{place} {}", block.name), &block.schema);
    }
}

fn attribute_row(attribute: &Attribute) -> String {
    let ty = if attribute.references { "references".to_owned() } else { attribute.ty.to_string() };
    let mut notes = Vec::new();
    match attribute.usage {
        Usage::Required => notes.push("required".to_owned()),
        Usage::Computed => notes.push("set by the system".to_owned()),
        Usage::Optional | Usage::OptionalComputed => {}
    }
    notes.extend(attribute.default.as_ref().map(|default| format!("`{}` if not given", default.to_json())));
    notes.extend(attribute.sensitive.then(|| "sensitive".to_owned()));
    notes.extend(attribute.replace.then(|| "a change needs a new object".to_owned()));
    format!("| `{}` | {} | {} | {} |\n", attribute.name, cell(&ty), cell(&notes.join(", ")), cell(attribute.doc))
}

fn block_row(block: &Block) -> String {
    let number = match (block.nesting, block.required) {
        (Nesting::Single, true) => "one",
        (Nesting::Single, false) => "one or none",
        (Nesting::List, true) => "one or more",
        (Nesting::List, false) => "any number",
        (Nesting::Named, true) => "one or more, named",
        (Nesting::Named, false) => "any number, named",
    };
    format!("| `{}` | {number} | {} |\n", block.name, cell(block.schema.doc))
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
