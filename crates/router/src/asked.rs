//! What comes to the router: a request, whoever asks, and who hears how far the plugin is.
//!
//! What never happens here: a word of the plugin that decides anything. What it says of its progress is for people to look at.

use std::fmt;
use std::sync::Arc;

use omega_contract::ports::Progress;
use omega_contract::{Caller, PluginId, PluginRequest};

/// A request, and on whose behalf it comes.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The contract's request.
    pub request: PluginRequest,
    /// Whoever asks.
    pub asker: Asker,
}

impl From<PluginRequest> for Asked {
    /// On nobody's behalf.
    fn from(request: PluginRequest) -> Self {
        Self { request, asker: Asker::default() }
    }
}

/// Whoever asks.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// Whom the call's events name.
    pub caller: Caller,
    /// Who hears how far its plugins say they are.
    pub progress: ProgressListener,
}

/// Who hears how far a plugin says it is; by default nobody.
#[derive(Clone, Default)]
pub struct ProgressListener(Option<Arc<Heard>>);

type Heard = dyn Fn(&PluginId, &Progress) + Send + Sync;

impl ProgressListener {
    /// Called on the call's own task: quick, or handed on.
    pub fn new(heard: impl Fn(&PluginId, &Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(heard)))
    }

    /// Hears of it.
    pub fn hear(&self, plugin_id: &PluginId, progress: &Progress) {
        if let Some(heard) = &self.0 {
            heard(plugin_id, progress);
        }
    }
}

impl fmt::Debug for ProgressListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "ProgressListener(…)" } else { "ProgressListener(nobody)" })
    }
}
