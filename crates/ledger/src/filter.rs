//! Which lines a query means, decided on their bytes.

use omega_contract::EventKind;
use omega_proof::line::Line;

use crate::encode::escaped;
use crate::query::Query;
use crate::segment::Spot;

/// A query, made ready to be compared with lines.
pub(crate) struct Filter {
    run_id: Option<String>,
    plugin_id: Option<String>,
    kinds: Vec<EventKind>,
    /// Times are written so that text order is time order.
    since: Option<String>,
    until: Option<String>,
    first: u64,
    end: u64,
}

impl Filter {
    pub(crate) fn new(query: &Query) -> Self {
        Self {
            run_id: query.run_id.as_ref().map(|id| escaped(id.as_str())),
            plugin_id: query.plugin_id.as_ref().map(|id| id.as_str().to_owned()),
            kinds: query.kinds.clone(),
            since: query.since.map(|ts| ts.to_string()),
            until: query.until.map(|ts| ts.to_string()),
            first: query.indexes.start,
            end: query.indexes.end,
        }
    }

    /// The first index that can be meant.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Whether nothing from `from` on can be meant.
    pub(crate) const fn ends_before(&self, from: Spot) -> bool {
        self.end <= from.index
    }

    /// Whether no later line can be meant.
    pub(crate) fn is_past(&self, spot: Spot, line: &Line<'_>) -> bool {
        spot.index >= self.end || self.until.as_deref().is_some_and(|until| line.ts() >= until)
    }

    pub(crate) fn matches(&self, spot: Spot, line: &Line<'_>) -> bool {
        (self.first..self.end).contains(&spot.index)
            && (self.kinds.is_empty() || self.kinds.contains(&line.kind()))
            && self.run_id.as_deref().is_none_or(|id| line.run_id() == id)
            && self.plugin_id.as_deref().is_none_or(|id| line.plugin_id() == id)
            && self.since.as_deref().is_none_or(|since| line.ts() >= since)
            && self.until.as_deref().is_none_or(|until| line.ts() < until)
    }
}
