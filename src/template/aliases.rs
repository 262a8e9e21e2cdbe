//! What aliases of a YAML document stand for, weighed: a node is shared, but whoever walks over the document walks over it
//! each time, so a few lines could stand for more than a machine can hold.

use std::collections::HashMap;

use super::node::Node;

/// Deepest nesting, of flow and of block collections, through aliases too.
pub(super) const MAX_DEPTH: usize = 200;
/// What aliases may stand for: nodes, and text by 64 bytes. Many times what people write.
const MAX_ALIASED: usize = 500_000;
/// Bytes of text that weigh as much as a node.
const TEXT: usize = 64;

/// The anchors of a document, and the weight of what has been composed.
#[derive(Default)]
pub(super) struct Aliases {
    anchors: HashMap<usize, Anchored>,
    /// Of everything so far, with what aliases stand for.
    weight: usize,
    /// The part of it that aliases stand for.
    aliased: usize,
    depth: usize,
    /// Deepest nesting within the node that is being composed.
    deepest: usize,
}

struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

/// The state at the beginning of a node.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    weight: usize,
    deepest: usize,
}

impl Aliases {
    /// A node begins.
    pub(super) fn enter(&mut self) -> Mark {
        let mark = Mark {
            weight: self.weight,
            deepest: self.deepest,
        };
        self.depth += 1;
        self.deepest = self.depth;
        self.weight += 1;
        mark
    }

    /// The node has this text.
    pub(super) fn weigh(&mut self, text: &str) {
        self.weight += text.len() / TEXT;
    }

    /// The node ends; under an anchor where it has one.
    pub(super) fn leave(&mut self, mark: Mark, anchor: usize, node: &Node) {
        if anchor > 0 {
            let anchored = Anchored {
                node: node.clone(),
                weight: self.weight - mark.weight,
                height: self.deepest - self.depth + 1,
            };
            self.anchors.insert(anchor, anchored);
        }
        self.depth -= 1;
        self.deepest = self.deepest.max(mark.deepest);
    }

    /// The node that an alias stands for; what is wrong with it where it stands for none, or for too much.
    pub(super) fn get(&mut self, anchor: usize) -> Result<Node, &'static str> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err("an alias inside the value that it names");
        };
        self.weight += anchored.weight;
        self.aliased += anchored.weight;
        self.deepest = self.depth + anchored.height;
        if self.aliased > MAX_ALIASED {
            return Err("the aliases stand for too much");
        }
        if self.deepest > MAX_DEPTH {
            return Err("the aliases are nested too deeply");
        }
        Ok(anchored.node.clone())
    }
}
