//! The static bound on what a schema can cost: how often one value can be evaluated, at any depth.
//!
//! The bound itself is computed in [`super::entries`].
//!
//! What never happens here: looking at an instance's values. Only their number is counted.

use omega_contract::limits::JSON_DEPTH_MAX;

use super::document::{Children, Document, Node, NodeId};
use super::entries::{Entries, Exclusive};
use super::{SchemaError, reference};

/// Evaluations of subschemas that one value may get.
pub const EVALUATIONS_MAX: u64 = 1_000;
/// Levels of subschemas inside each other, over the whole depth of an instance: they take stack.
pub const NESTING_MAX: u64 = 640;

/// The bound of one schema, by the depth of the value.
#[derive(Debug)]
pub(super) struct Cost {
    /// Work units on one value of each depth.
    work: Vec<u64>,
    /// Sixteenths of a unit on each byte of a string of each depth.
    string_sixteenths: Vec<u64>,
    /// False where telling what is wrong would cost more than finding that something is: then every
    /// alternative is looked at, also those that a member rules out.
    pub explainable: bool,
}

/// What one depth of an instance holds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LevelSize {
    pub(super) values: u64,
    /// Of strings and of keys, which are looked at with the object and each for itself.
    pub(super) string_bytes: u64,
}

impl Cost {
    pub(super) fn of(document: &Document) -> Result<Self, SchemaError> {
        let nodes = &document.nodes;
        let order = in_place_order(nodes)?;
        nesting(nodes, &order)?;
        let entries = Entries::of(nodes, &order, Exclusive::OneOfThem)?;
        entries.bound_evaluations()?;
        let one_by_one = nodes.iter().all(|node| node.exclusive.is_empty());
        let all_of_them = || Entries::of(nodes, &order, Exclusive::AllOfThem)?.bound_evaluations();
        Ok(Self {
            work: entries.rounds(|node| nodes[node].weight, |entry| entry.reads_below, None),
            string_sixteenths: entries.rounds(|node| nodes[node].string_sixteenths, |entry| entry.reads_below, None),
            explainable: one_by_one || all_of_them().is_ok(),
        })
    }

    /// At most this much work for an instance of so many canonical bytes: each value takes one and all but
    /// the last of a container a separator.
    pub(super) fn of_bytes(&self, canonical_bytes: u64) -> u64 {
        let most = |list: &[u64]| list.iter().copied().max().unwrap_or(0);
        let values = canonical_bytes / 2 + 1;
        let strings = canonical_bytes.saturating_mul(most(&self.string_sixteenths)) / 16;
        values.saturating_mul(most(&self.work)).saturating_add(strings)
    }

    pub(super) fn of_levels(&self, levels: &[LevelSize]) -> u64 {
        let mut work = 0_u64;
        for (depth, level) in levels.iter().enumerate() {
            let at = |list: &[u64]| list.get(depth).copied().unwrap_or(0);
            work = work.saturating_add(level.values.saturating_mul(at(&self.work)));
            work = work.saturating_add(level.string_bytes.saturating_mul(at(&self.string_sixteenths)) / 16);
        }
        work
    }
}

/// The nodes in an order in which each comes before those that it applies to the same value.
fn in_place_order(nodes: &[Node]) -> Result<Vec<NodeId>, SchemaError> {
    let mut incoming = vec![0_usize; nodes.len()];
    for target in nodes.iter().flat_map(same_value) {
        incoming[target] += 1;
    }
    let mut order: Vec<NodeId> = (0..nodes.len()).filter(|id| incoming[*id] == 0).collect();
    let mut next = 0;
    while let Some(&id) = order.get(next) {
        next += 1;
        for target in same_value(&nodes[id]) {
            incoming[target] -= 1;
            if incoming[target] == 0 {
                order.push(target);
            }
        }
    }
    match incoming.iter().position(|count| *count > 0) {
        None => Ok(order),
        Some(stuck) => Err(SchemaError::Circle { at: reference::fragment(&nodes[stuck].pointer) }),
    }
}

/// How deep subschemas can apply inside each other over an instance of the greatest depth.
fn nesting(nodes: &[Node], order: &[NodeId]) -> Result<(), SchemaError> {
    let mut below = vec![0_u64; nodes.len()];
    for _ in 0..=JSON_DEPTH_MAX {
        let mut levels = vec![0_u64; nodes.len()];
        for &id in order.iter().rev() {
            let node = &nodes[id];
            let same = same_value(node).map(|target| levels[target]);
            let down = descends_to(node).map(|target| below[target]);
            levels[id] = 1 + same.chain(down).max().unwrap_or(0);
        }
        if levels == below {
            break;
        }
        below = levels;
    }
    match below.first() {
        Some(&levels) if levels > NESTING_MAX => Err(SchemaError::TooNested { levels }),
        _ => Ok(()),
    }
}

pub(super) fn same_value(node: &Node) -> impl Iterator<Item = NodeId> + '_ {
    node.in_place.iter().chain(node.exclusive.iter().flatten()).copied()
}

pub(super) fn descends_to(node: &Node) -> impl Iterator<Item = NodeId> + '_ {
    fn of<K>(children: &Children<K>) -> impl Iterator<Item = NodeId> + '_ {
        children.keyed.values().chain(&children.rest).chain(&children.any).copied()
    }
    of(&node.members).chain(of(&node.items))
}
