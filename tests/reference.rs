//! The reference page of the domain blocks is what their schemas say.
//!
//! `SNAPSHOTS=overwrite cargo test --test reference` writes it anew.

use portolan::compile::domain::KINDS;
use portolan_lang::schema::Usage;
use portolan_lang::{Attribute, Block, Nesting, Schema};

const INTRODUCTION: &str = "\
# Blocks of the domain

Every attribute and every nested block of the domain's blocks, made from the schemas by which the
program decodes and checks them. [language.md](language.md#blocks-of-the-domain) says what the blocks
are for. All of them also take `count` or `for_each`, `depends_on` and `lifecycle`.
";

#[test]
fn the_page_of_blocks_is_what_the_schemas_say() {
    let mut page = INTRODUCTION.to_owned();
    for kind in KINDS {
        describe(&mut page, kind.keyword, &(kind.schema)());
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/blocks.md"].raw());
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
