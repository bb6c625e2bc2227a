//! The list of plugins, page by page.
//!
//! A page is found by where the one before ended, never by counting rows, and each filter has an index in the list's
//! order: the last page of 100,000 costs what the first one does, and rows that come and go meanwhile neither repeat
//! nor hide another.

use omega_contract::plugin_info::{LaneKind, PluginStatus};
use omega_contract::{PluginId, Sha256Hex};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};
use semver::Version;

use crate::error::RegistryError;
use crate::projection::Registry;
use crate::query::{PLUGIN_COLUMNS, PluginRow, plugin_row};
use crate::version_key::version_key;

/// Which plugins to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginFilter {
    /// Only of this id.
    pub plugin_id: Option<PluginId>,
    /// Only of this status.
    pub status: Option<PluginStatus>,
    /// Only of this lane.
    pub lane: Option<LaneKind>,
}

/// A part of a list, in the order (id, version, digest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows after this one: the last of the page before. It need not be there any more, nor ever have been.
    pub after: Option<(PluginId, Version, Sha256Hex)>,
    /// At most so many rows.
    pub rows_max: u32,
}

impl Page {
    /// The first `rows_max` rows.
    pub const fn first(rows_max: u32) -> Self {
        Self { after: None, rows_max }
    }
}

/// A condition for SQLite, piece by piece.
#[derive(Default)]
struct Condition {
    text: String,
    values: Vec<Value>,
}

impl Condition {
    fn and(&mut self, text: &str, values: impl IntoIterator<Item = String>) {
        self.text.push_str(if self.text.is_empty() { "WHERE " } else { " AND " });
        self.text.push_str(text);
        self.values.extend(values.into_iter().map(Value::Text));
    }

    /// What a page asks for; none: it is past the end.
    fn new(filter: &PluginFilter, page: &Page) -> Option<Self> {
        let mut condition = Self::default();
        let after = page.after.as_ref();
        match (&filter.plugin_id, after) {
            (Some(only), Some((after, ..))) if after > only => return None,
            (Some(only), Some((after, version, digest))) if after == only => {
                condition.and("plugin_id = ?", [only.to_string()]);
                condition.and("(version_key, package_digest) > (?, ?)", [version_key(version), digest.to_string()]);
            }
            (Some(only), _) => condition.and("plugin_id = ?", [only.to_string()]),
            (None, Some((after, version, digest))) => condition.and(
                "(plugin_id, version_key, package_digest) > (?, ?, ?)",
                [after.to_string(), version_key(version), digest.to_string()],
            ),
            (None, None) => {}
        }
        if let Some(status) = filter.status {
            condition.and("status = ?", [status.as_str().to_owned()]);
        }
        if let Some(lane) = filter.lane {
            condition.and("lane = ?", [lane.as_str().to_owned()]);
        }
        condition.values.push(Value::Integer(page.rows_max.into()));
        Some(condition)
    }

    fn query(&self) -> String {
        format!(
            "SELECT {PLUGIN_COLUMNS} FROM plugins {} ORDER BY plugin_id, version_key, package_digest LIMIT ?",
            self.text
        )
    }
}

impl Registry {
    /// A page of the list.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn list(&self, filter: &PluginFilter, page: &Page) -> Result<Vec<PluginRow>, RegistryError> {
        let Some(condition) = Condition::new(filter, page) else { return Ok(Vec::new()) };
        let connection = self.connection();
        rows(&mut *prepared(&connection, &condition)?, &condition)
    }
}

fn prepared<'c>(
    connection: &'c Connection,
    condition: &Condition,
) -> Result<rusqlite::CachedStatement<'c>, RegistryError> {
    Ok(connection.prepare_cached(&condition.query())?)
}

fn rows(statement: &mut Statement<'_>, condition: &Condition) -> Result<Vec<PluginRow>, RegistryError> {
    let mut rows = statement.query(params_from_iter(&condition.values))?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(plugin_row(row)?);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::projection::tests::{open, registered};

    const ROWS: u32 = 3_000;
    const PAGE_ROWS: u32 = 100;

    /// Every combination of filters.
    fn filters() -> Vec<PluginFilter> {
        let ids = [None, Some("plugin-0150".parse().unwrap())];
        let statuses = [None, Some(PluginStatus::Enabled), Some(PluginStatus::Rejected)];
        let lanes = [None, Some(LaneKind::Wasm), Some(LaneKind::Container)];
        let mut all = Vec::new();
        for plugin_id in &ids {
            for status in statuses {
                for lane in lanes {
                    all.push(PluginFilter { plugin_id: plugin_id.clone(), status, lane });
                }
            }
        }
        all
    }

    /// Three hundred ids with ten versions each; every tenth row is enabled, and nothing is rejected.
    fn filled() -> (tempfile::TempDir, Registry) {
        let (folder, registry) = open();
        let connection = registry.connection();
        for row in 0..ROWS {
            let version = Version::new(1, u64::from(row % 10), 0);
            registered(&connection, &format!("plugin-{:04}", row / 10), &version);
        }
        connection.execute("UPDATE plugins SET status = 'enabled' WHERE version = '1.3.0'", []).unwrap();
        drop(connection);
        (folder, registry)
    }

    fn after(rows: &[PluginRow]) -> Option<(PluginId, Version, Sha256Hex)> {
        rows.last().map(|row| (row.info.plugin_id.clone(), row.info.version.clone(), row.info.package_digest))
    }

    #[test]
    fn no_page_scans_or_sorts() {
        let (_folder, registry) = filled();
        let middle = after(&registry.list(&PluginFilter::default(), &Page::first(ROWS / 2 + 5)).unwrap());
        let connection = registry.connection();
        for filter in filters() {
            for after in [None, middle.clone()] {
                let Some(condition) = Condition::new(&filter, &Page { after, rows_max: PAGE_ROWS }) else { continue };
                let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", condition.query())).unwrap();
                let plan: Vec<String> = explain
                    .query_map(params_from_iter(&condition.values), |row| row.get(3))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                let plan = plan.join("; ");
                assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
                // The whole list from its start is read in its own order; all else is sought.
                assert!(!plan.contains("SCAN") || condition.text.is_empty(), "{filter:?}: {plan}");
            }
        }
    }

    /// Counted in steps of SQLite's machine, which do not depend on what else this one does.
    #[test]
    fn the_last_page_costs_what_the_first_one_does() {
        let (_folder, registry) = filled();
        for filter in filters() {
            let whole = registry.list(&filter, &Page::first(u32::MAX)).unwrap();
            let steps = |after: Option<(PluginId, Version, Sha256Hex)>, expect: usize| {
                let condition = Condition::new(&filter, &Page { after, rows_max: PAGE_ROWS }).unwrap();
                let connection = registry.connection();
                let mut statement = connection.prepare(&condition.query()).unwrap();
                assert_eq!(rows(&mut statement, &condition).unwrap().len(), expect, "{filter:?}");
                statement.get_status(StatementStatus::VmStep)
            };
            let page_rows = (PAGE_ROWS as usize).min(whole.len());
            let first = steps(None, page_rows);
            // Some twenty columns are read of each row.
            assert!(first < 100 + 40 * i32::try_from(page_rows).unwrap(), "{filter:?}: {first} for {page_rows} rows");
            if whole.len() > page_rows {
                // Both begin behind a row, which costs each row a comparison that the very first page does without.
                let (second, last) =
                    (steps(after(&whole[..1]), page_rows), steps(after(&whole[..whole.len() - page_rows]), page_rows));
                assert!(last < second + second / 10, "{filter:?}: {second} steps near the start, {last} at the end");
            }
        }
    }
}
