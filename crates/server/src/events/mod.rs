//! The ledger as a stream of server-sent events (WHATWG HTML, section 9.2), from any index on.
//!
//! One [`Feed`] follows the ledger for all readers and hands each the same bytes. It moves at a pace that its readers
//! share: with many of them each event comes later, and those who append do not wait for those who read. What never
//! happens here: an event that is skipped, that comes twice, or that is shown before it is on disk for good.

mod feed;
mod reader;

use std::sync::Arc;

use omega_gateway::contract::{ApiToken, Event, EventKind, PluginId, RunId};
use omega_gateway::proof::bundle::names_host_paths;

pub(crate) use feed::Feed;
pub(crate) use reader::stream;

/// Which events a reader wants, and which it may see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Only of this run.
    pub(crate) run_id: Option<RunId>,
    /// Only of this plugin.
    pub(crate) plugin_id: Option<PluginId>,
    /// Only of these kinds; of all where empty.
    pub(crate) kinds: Vec<EventKind>,
    /// Whose reader it is: what its token does not cover is left out. None: all may be seen.
    pub(crate) token: Option<Arc<ApiToken>>,
}

impl Filter {
    /// Whether it lets everything through.
    fn is_open(&self) -> bool {
        let Self { run_id, plugin_id, kinds, token } = self;
        let sees_all = token.as_ref().is_none_or(|token| token.covers_all());
        run_id.is_none() && plugin_id.is_none() && kinds.is_empty() && sees_all
    }

    /// Whether it lets this event through.
    pub(crate) fn lets(&self, event: &Event) -> bool {
        self.wants(event) && self.may_see(event)
    }

    fn wants(&self, event: &Event) -> bool {
        let of_run = self.run_id.as_ref().is_none_or(|run| run.as_str() == event.run_id);
        let of_plugin = self.plugin_id.as_ref().is_none_or(|plugin| plugin.as_str() == event.plugin_id);
        of_run && of_plugin && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
    }

    /// A token that covers some plugins sees their events, and none that is no plugin's, nor the bounds of a grant, which
    /// may name folders of the host.
    fn may_see(&self, event: &Event) -> bool {
        let Some(token) = self.token.as_ref().filter(|token| !token.covers_all()) else { return true };
        event.plugin_id.parse().is_ok_and(|plugin_id| token.covers(&plugin_id)) && !names_host_paths(event)
    }
}
