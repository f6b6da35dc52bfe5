//! What must hold: `validation`, `precondition`, `postcondition`, `assert`.

use portolan_lang::eval::references;
use portolan_lang::syntax::Block;
use portolan_lang::{Diagnostic, Diagnostics};

use crate::config::content::{BodyShape, Content};
use crate::config::model::Condition;

/// The conditions of one kind in a block of this shape.
pub(super) fn conditions(
    content: &mut Content,
    shape: &BodyShape,
    keyword: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<Condition> {
    let Some(shape) = shape.blocks.iter().find(|block| block.keyword == keyword) else { return Vec::new() };
    let blocks = content.blocks(keyword);
    blocks.into_iter().filter_map(|block| condition(block, &shape.body, diagnostics)).collect()
}

fn condition(block: Block, shape: &BodyShape, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let span = block.header();
    let keyword = block.keyword.name.clone();
    let mut content = Content::read(block.body, shape, diagnostics);
    let (condition, error_message) = (content.expr("condition"), content.expr("error_message"));
    let condition = condition?;
    if references(&condition).is_empty() {
        diagnostics.push(
            Diagnostic::error(format!("Invalid {keyword} expression"))
                .detail("The condition refers to nothing, so that it checks nothing: its result is always the same.")
                .at(condition.span),
        );
    }
    Some(Condition { condition, error_message: error_message?, span })
}
