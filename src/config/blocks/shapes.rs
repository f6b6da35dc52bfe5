//! What the general blocks may hold, as data.

use crate::config::content::{BlockShape, BodyShape, Rest};

const fn block(keyword: &'static str, labels: &'static [&'static str], body: BodyShape) -> BlockShape {
    BlockShape { keyword, labels, body }
}

const CONDITION: BodyShape = BodyShape { required: &["condition", "error_message"], ..BodyShape::EMPTY };

const EVERYTHING: BodyShape = BodyShape { rest: Rest::Everything, ..BodyShape::EMPTY };

const SETTINGS: BodyShape = BodyShape {
    optional: &["required_version"],
    blocks: &[block("backend", &["type"], EVERYTHING)],
    ..BodyShape::EMPTY
};

const VARIABLE: BodyShape = BodyShape {
    optional: &["type", "default", "description", "sensitive", "nullable", "ephemeral"],
    blocks: &[block("validation", &[], CONDITION)],
    ..BodyShape::EMPTY
};

const LOCALS: BodyShape = BodyShape { rest: Rest::Attributes, ..BodyShape::EMPTY };

const OUTPUT: BodyShape = BodyShape {
    required: &["value"],
    optional: &["description", "sensitive", "ephemeral", "depends_on"],
    blocks: &[block("precondition", &[], CONDITION)],
    ..BodyShape::EMPTY
};

const MODULE: BodyShape = BodyShape {
    required: &["source"],
    optional: &["version", "providers", "count", "for_each", "depends_on"],
    rest: Rest::Attributes,
    ..BodyShape::EMPTY
};

pub(in crate::config) const LIFECYCLE: BodyShape = BodyShape {
    optional: &["create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by", "on_drift"],
    blocks: &[block("precondition", &[], CONDITION), block("postcondition", &[], CONDITION)],
    ..BodyShape::EMPTY
};

pub(in crate::config) const RESOURCE: BodyShape = BodyShape {
    optional: &["count", "for_each", "depends_on", "provider"],
    blocks: &[
        block("lifecycle", &[], LIFECYCLE),
        block("connection", &[], EVERYTHING),
        block("provisioner", &["type"], EVERYTHING),
    ],
    rest: Rest::Everything,
    ..BodyShape::EMPTY
};

const PROVIDER: BodyShape = BodyShape { optional: &["alias"], rest: Rest::Everything, ..BodyShape::EMPTY };

const CHECK: BodyShape = BodyShape {
    blocks: &[block("data", &["type", "name"], RESOURCE), block("assert", &[], CONDITION)],
    ..BodyShape::EMPTY
};

const MOVED: BodyShape = BodyShape { required: &["from", "to"], ..BodyShape::EMPTY };

const REMOVED: BodyShape = BodyShape {
    required: &["from"],
    blocks: &[block("lifecycle", &[], BodyShape { optional: &["destroy"], ..BodyShape::EMPTY })],
    ..BodyShape::EMPTY
};

const IMPORT: BodyShape =
    BodyShape { required: &["to", "id"], optional: &["for_each", "provider"], ..BodyShape::EMPTY };

/// The general blocks. Those of the domain are all of the shape [`DOMAIN`].
pub(in crate::config) static GENERAL: &[BlockShape] = &[
    block("portolan", &[], SETTINGS),
    block("watch", &[], EVERYTHING),
    block("variable", &["name"], VARIABLE),
    block("locals", &[], LOCALS),
    block("output", &["name"], OUTPUT),
    block("module", &["name"], MODULE),
    block("resource", &["type", "name"], RESOURCE),
    block("data", &["type", "name"], RESOURCE),
    block("provider", &["name"], PROVIDER),
    block("check", &["name"], CHECK),
    block("moved", &[], MOVED),
    block("removed", &[], REMOVED),
    block("import", &[], IMPORT),
];

/// What the language itself knows in every block of the domain; the rest is for the schema of
/// its kind.
pub(in crate::config) static DOMAIN: BodyShape = BodyShape {
    optional: &["count", "for_each", "depends_on"],
    blocks: &[block("lifecycle", &[], LIFECYCLE)],
    rest: Rest::Everything,
    ..BodyShape::EMPTY
};

/// The labels of every block of the domain.
pub(in crate::config) const DOMAIN_LABELS: &[&str] = &["name"];

/// The shape of a general block.
pub(in crate::config) fn general(keyword: &str) -> Option<&'static BlockShape> {
    GENERAL.iter().find(|shape| shape.keyword == keyword)
}

/// What a general block may hold; nothing where there is no such block.
pub(in crate::config) fn body(keyword: &str) -> &'static BodyShape {
    general(keyword).map_or(&BodyShape::EMPTY, |shape| &shape.body)
}
