//! How often one value can be evaluated, at any depth.
//!
//! Let E(s, j) be the most evaluations that any one value, j levels below the value that `s` is applied to,
//! can get through `s`. The subschemas that `s` reaches without descending form its closure, with the number
//! of ways each is reached; one level down, a child of a given name gets what each of the closure applies to
//! that name. So E(s, 0) is the size of the closure and E(s, j) the greatest, over all names, of the sum of
//! E(t, j - 1) over what is applied to that name. Instances are at most [`JSON_DEPTH_MAX`] deep, so 64 rounds
//! give the exact worst case over names, and work is at most linear in the instance's size with that factor.
//! Of alternatives that a member tells apart, an object pays for the dearest only; any other value for all.
//!
//! What never happens here: recursion over the schema, or a number that overflows.

use std::collections::{BTreeMap, HashMap};

use omega_contract::limits::JSON_DEPTH_MAX;

use super::SchemaError;
use super::cost::{EVALUATIONS_MAX, descends_to, same_value};
use super::document::{Children, Node, NodeId};

/// Steps of this computation itself.
const ANALYSIS_STEPS_MAX: usize = 4_000_000;

/// How alternatives that a member tells apart are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exclusive {
    /// As validation goes: an object pays for one.
    OneOfThem,
    /// As the search for what is wrong goes.
    AllOfThem,
}

/// One subschema that is applied to a value from outside: the root, what descends to it, or one of several
/// exclusive alternatives.
pub(super) struct Entry {
    /// Its closure: which subschemas see the same value, and in how many ways.
    closure: Vec<(NodeId, u64)>,
    /// Groups of exclusive alternatives in the closure, and in how many ways.
    groups: Vec<(Vec<NodeId>, u64)>,
    /// Work units that the closure spends on each value below, at any depth.
    pub reads_below: u64,
    members: Family,
    items: Family,
}

/// What a closure applies to the children of a value, as a sum and what differs by name.
#[derive(Default)]
struct Family {
    /// To a child that nothing names.
    unnamed: Vec<(NodeId, u64)>,
    /// By name: what is added for it, and what of `unnamed` does not apply to it.
    named: Vec<Named>,
}

#[derive(Default)]
struct Named {
    added: Vec<(NodeId, u64)>,
    dropped: Vec<(NodeId, u64)>,
}

pub(super) struct Entries {
    list: Vec<Entry>,
    /// The place in `list` of a node that is an entry.
    by_node: HashMap<NodeId, usize>,
    /// Places in `list`, alternatives before what they are alternatives of.
    inner_first: Vec<usize>,
}

/// The bound of one entry at one depth, by what the outermost value is.
#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    object: u64,
    other: u64,
}

impl Bound {
    fn worst(self) -> u64 {
        self.object.max(self.other)
    }
}

impl Entries {
    pub(super) fn of(nodes: &[Node], order: &[NodeId], exclusive: Exclusive) -> Result<Self, SchemaError> {
        let mut position = vec![0_usize; nodes.len()];
        for (place, id) in order.iter().enumerate() {
            position[*id] = place;
        }
        let mut entries = Self { list: Vec::new(), by_node: HashMap::new(), inner_first: Vec::new() };
        let mut waiting = vec![0];
        let mut positions = Vec::new();
        let mut steps = 0_usize;
        while let Some(node) = waiting.pop() {
            if entries.by_node.contains_key(&node) {
                continue;
            }
            let entry = Entry::of(nodes, &position, node, exclusive, &mut steps)?;
            waiting.extend(entry.closure.iter().flat_map(|(id, _)| descends_to(&nodes[*id])));
            waiting.extend(entry.groups.iter().flat_map(|(group, _)| group));
            entries.by_node.insert(node, entries.list.len());
            entries.list.push(entry);
            positions.push(position[node]);
        }
        entries.inner_first = (0..entries.list.len()).collect();
        entries.inner_first.sort_by_key(|place| std::cmp::Reverse(positions[*place]));
        Ok(entries)
    }

    pub(super) fn bound_evaluations(&self) -> Result<(), SchemaError> {
        let by_depth = self.rounds(|_| 1, |_| 0, Some(EVALUATIONS_MAX));
        match by_depth.into_iter().find(|count| *count > EVALUATIONS_MAX) {
            Some(evaluations) => Err(SchemaError::TooManyEvaluations { evaluations }),
            None => Ok(()),
        }
    }

    /// The bound by depth for the root, where one evaluation of a node counts as `price` says and what an
    /// entry does to each value below it as `below` says. Ends early where the root passes `stop_above`.
    pub(super) fn rounds(
        &self,
        price: impl Fn(NodeId) -> u64,
        below: impl Fn(&Entry) -> u64,
        stop_above: Option<u64>,
    ) -> Vec<u64> {
        let own = |entry: &Entry| {
            let sum = total(&entry.closure, |id| price(*id));
            Bound { object: sum, other: sum }
        };
        let mut level = self.one_round(own);
        let mut by_depth = Vec::with_capacity(JSON_DEPTH_MAX + 1);
        for _ in 0..=JSON_DEPTH_MAX {
            let root = level.first().copied().unwrap_or_default().worst();
            by_depth.push(root);
            if stop_above.is_some_and(|limit| root > limit) {
                break;
            }
            level = self.one_round(|entry| {
                let below = below(entry);
                Bound {
                    object: self.of_children(&entry.members, &level).saturating_add(below),
                    other: self.of_children(&entry.items, &level).saturating_add(below),
                }
            });
        }
        by_depth
    }

    /// Each entry's own bound, and on top of it what its exclusive alternatives have at the same depth.
    fn one_round(&self, own: impl Fn(&Entry) -> Bound) -> Vec<Bound> {
        let mut level = vec![Bound::default(); self.list.len()];
        for &place in &self.inner_first {
            let Some(entry) = self.list.get(place) else { continue };
            let mut bound = own(entry);
            for (group, ways) in &entry.groups {
                let of = |id: &NodeId| self.by_node.get(id).and_then(|place| level.get(*place)).copied();
                let dearest = group.iter().filter_map(of).map(|bound| bound.object).max().unwrap_or(0);
                let all = group.iter().filter_map(of).fold(0_u64, |sum, bound| sum.saturating_add(bound.other));
                bound.object = bound.object.saturating_add(ways.saturating_mul(dearest));
                bound.other = bound.other.saturating_add(ways.saturating_mul(all));
            }
            level[place] = bound;
        }
        level
    }

    fn of_children(&self, family: &Family, above: &[Bound]) -> u64 {
        let price = |id: &NodeId| {
            let bound = self.by_node.get(id).and_then(|place| above.get(*place)).copied();
            bound.unwrap_or_default().worst()
        };
        let unnamed = total(&family.unnamed, price);
        let of_name = |named: &Named| {
            unnamed.saturating_sub(total(&named.dropped, price)).saturating_add(total(&named.added, price))
        };
        family.named.iter().map(of_name).fold(unnamed, u64::max)
    }
}

fn total(applied: &[(NodeId, u64)], price: impl Fn(&NodeId) -> u64) -> u64 {
    applied.iter().fold(0, |sum, (id, ways)| sum.saturating_add(ways.saturating_mul(price(id))))
}

impl Entry {
    fn of(
        nodes: &[Node],
        position: &[usize],
        start: NodeId,
        exclusive: Exclusive,
        steps: &mut usize,
    ) -> Result<Self, SchemaError> {
        // In the order of the in-place edges, so that a node's ways are complete when it is reached.
        let mut open: BTreeMap<usize, (NodeId, u64)> = [(position[start], (start, 1))].into();
        let mut entry = Self {
            closure: Vec::new(),
            groups: Vec::new(),
            reads_below: 0,
            members: Family::default(),
            items: Family::default(),
        };
        let mut evaluations = 0_u64;
        while let Some((_, (id, ways))) = open.pop_first() {
            evaluations = evaluations.saturating_add(ways);
            if evaluations > EVALUATIONS_MAX {
                return Err(SchemaError::TooManyEvaluations { evaluations });
            }
            let node = &nodes[id];
            entry.closure.push((id, ways));
            entry.reads_below += ways * node.reads_below;
            let mut follow = |target: NodeId| {
                let (_, reached) = open.entry(position[target]).or_insert((target, 0));
                *reached = reached.saturating_add(ways);
            };
            match exclusive {
                Exclusive::OneOfThem => {
                    node.in_place.iter().copied().for_each(&mut follow);
                    entry.groups.extend(node.exclusive.iter().map(|group| (group.clone(), ways)));
                }
                Exclusive::AllOfThem => same_value(node).for_each(&mut follow),
            }
            *steps += 1 + same_value(node).count() + descends_to(node).count();
            if *steps > ANALYSIS_STEPS_MAX {
                return Err(SchemaError::TooMany {
                    what: "steps to bound its cost",
                    count: *steps,
                    count_max: ANALYSIS_STEPS_MAX,
                });
            }
        }
        entry.members = Family::of(entry.closure.iter().map(|(id, ways)| (&nodes[*id].members, *ways)));
        entry.items = Family::of(entry.closure.iter().map(|(id, ways)| (&nodes[*id].items, *ways)));
        Ok(entry)
    }
}

impl Family {
    fn of<'n, K: Ord + 'n>(applied: impl Iterator<Item = (&'n Children<K>, u64)>) -> Self {
        let mut unnamed = Vec::new();
        let mut named: BTreeMap<&K, Named> = BTreeMap::new();
        for (children, ways) in applied {
            unnamed.extend(children.any.iter().chain(&children.rest).map(|id| (*id, ways)));
            for (key, id) in &children.keyed {
                let entry = named.entry(key).or_default();
                entry.added.push((*id, ways));
                entry.dropped.extend(children.rest.map(|rest| (rest, ways)));
            }
        }
        Self { unnamed, named: named.into_values().collect() }
    }
}
