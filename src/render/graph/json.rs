//! Nodes and edges for programs: all direct edges, none left out.

use serde_json::{Value as Json, json};

use super::drawing::{Drawing, Edge, Meaning, Node};

/// The drawing as one object.
pub(crate) fn json(drawing: &Drawing) -> Json {
    let edge = |edge: &Edge| {
        json!({
            "from": drawing.nodes[edge.from].address.to_string(),
            "to": drawing.nodes[edge.to].address.to_string(),
            "meaning": match edge.meaning { Meaning::DependsOn => "depends_on", Meaning::In => "in" },
        })
    };
    json!({
        "format_version": "1.0",
        "nodes": drawing.nodes.iter().map(node).collect::<Json>(),
        "edges": drawing.edges.iter().map(edge).collect::<Json>(),
    })
}

fn node(node: &Node) -> Json {
    json!({
        "address": node.address.to_string(),
        "kind": node.kind.word(),
        "instances": node.instances,
        "objects": node.objects,
        "systems": node.systems,
    })
}
