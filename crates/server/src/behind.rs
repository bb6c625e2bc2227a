//! What stands behind the HTTP door besides the gateway: the event feed, the metrics, the end.

use std::sync::Arc;

use axum::body::Body;
use omega_gateway::Gateway;
use omega_gateway::contract::ErrorCode;
use tokio::sync::Semaphore;

use crate::events::{self, Feed, Filter};
use crate::http::{EventsAsked, Hooks};
use crate::stopping::Stopping;
use crate::telemetry::{CONTENT_TYPE, Now, Telemetry};

pub(crate) struct Behind {
    pub(crate) gateway: Gateway,
    pub(crate) feed: Feed,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) stopping: Stopping,
    /// The places for connections that are free, of so many.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) places_max: usize,
}

impl Hooks for Behind {
    fn unready(&self) -> Option<ErrorCode> {
        self.stopping.is_stopping().then_some(ErrorCode::ServerStopping)
    }

    fn events(&self, asked: EventsAsked) -> Body {
        let EventsAsked { run_id, plugin_id, kinds, from, token } = asked;
        let filter = Filter { run_id, plugin_id, kinds, token: Some(token) };
        Body::from_stream(events::stream(self.feed.clone(), filter, from))
    }

    fn metrics(&self) -> (String, &'static str) {
        let now = Now {
            activity: self.gateway.activity(),
            event_readers: self.feed.readers(),
            connections: self.places_max.saturating_sub(self.places.available_permits()),
        };
        (self.telemetry.metrics.text(now), CONTENT_TYPE)
    }

    fn answered(&self, method: &'static str, route: &'static str, status: u16) {
        self.telemetry.metrics.http(method, route, status);
    }
}
