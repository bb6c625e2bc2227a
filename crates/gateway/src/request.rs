//! Requests with fresh ids.

use std::collections::BTreeMap;

use omega_contract::{Clock as _, Payload, PluginRequest, RequestId, RunId};

use crate::clock::SystemClock;

/// A request of its own run: ULIDs for both ids, the time of now, no context, the plugin's own limits.
pub fn request(payload: Payload) -> PluginRequest {
    let run_id: RunId = ulid::Ulid::generate().to_string().parse().expect("a ULID has 26 characters");
    let request_id: RequestId = ulid::Ulid::generate().to_string().parse().expect("a ULID has 26 characters");
    PluginRequest {
        request_id,
        run_id,
        timestamp: SystemClock::default().now(),
        payload,
        context: BTreeMap::new(),
        policy: None,
    }
}
