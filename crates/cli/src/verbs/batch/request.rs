//! From a line to a request.

use std::collections::BTreeMap;

use omega_gateway::contract::exchange::RequestPolicy;
use omega_gateway::contract::{ErrorCode, Payload, PluginRequest, RequestId, RunId, Timestamp, limits, strict_json};
use serde::Deserialize;
use serde_json::Value;

use super::lines::Line;
use crate::fault::Fault;
use crate::input;

/// What a line gets where it does not say.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) run_id: RunId,
}

/// A request of which only the payload must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Partial {
    payload: Payload,
    request_id: Option<RequestId>,
    run_id: Option<RunId>,
    timestamp: Option<Timestamp>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    policy: Option<RequestPolicy>,
}

impl Defaults {
    /// The request of a line; its id is `line-N` where it has none, so that it is the same when the batch goes on.
    pub(super) fn request(&self, line: &Line) -> Result<PluginRequest, Fault> {
        let bytes_max = limits::REQUEST_BYTES_MAX;
        let too_long = || Fault::new(ErrorCode::PayloadTooLarge).because(format!("more than {bytes_max} bytes"));
        let bytes = line.bytes.as_ref().ok_or_else(too_long)?;
        let value = strict_json::parse(bytes, bytes_max)
            .map_err(|error| input::invalid_json(ErrorCode::RequestInvalid, &error))?;
        let invalid = |error: strict_json::JsonError| Fault::new(ErrorCode::RequestInvalid).because(error);
        let partial = if value.get("kind").is_some_and(Value::is_string) && value.get("payload").is_none() {
            let payload = strict_json::value_as(&value).map_err(invalid)?;
            Partial { payload, request_id: None, run_id: None, timestamp: None, context: BTreeMap::new(), policy: None }
        } else {
            strict_json::value_as(&value).map_err(invalid)?
        };
        let mut request = omega_gateway::request(partial.payload);
        let own_id = || format!("line-{}", line.number).parse();
        request.request_id = match partial.request_id {
            Some(id) => id,
            None => own_id().map_err(|error| Fault::new(ErrorCode::RequestInvalid).because(error))?,
        };
        request.run_id = partial.run_id.unwrap_or_else(|| self.run_id.clone());
        request.timestamp = partial.timestamp.unwrap_or(request.timestamp);
        request.context = partial.context;
        request.policy = partial.policy;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let defaults = Defaults { run_id: "batch".parse().unwrap() };
        let got = defaults.request(&Line { number: 7, bytes: Some(text.as_bytes().to_vec()) });
        match (got, expect) {
            (Ok(request), Ok(expect)) => assert_eq!(format!("{}/{}", request.run_id, request.request_id), expect),
            (Err(fault), Err(expect)) => {
                let text = fault.lines(crate::output::Colour::Off).join("\n");
                assert!(text.contains(expect), "{text}");
            }
            (got, _) => panic!("{text}: {got:?}"),
        }
    }

    #[test]
    fn a_line_is_a_payload_or_a_request_with_parts_left_out() {
        let payload = r#"{"kind":"text","content":"a","encoding":"utf-8","metadata":{}}"#;
        check(payload, Ok("batch/line-7"));
        check(&format!(r#"{{"payload":{payload}}}"#), Ok("batch/line-7"));
        check(&format!(r#"{{"payload":{payload},"request_id":"r","run_id":"u"}}"#), Ok("u/r"));
        check(&format!(r#"{{"payload":{payload},"id":"r"}}"#), Err("unknown field"));
        check(r#"{"kind":"text"}"#, Err("missing field"));
        check(r#"{"kind":"text","kind":"json"}"#, Err("duplicate"));
        check("[]", Err("request_invalid"));
        check("{", Err("request_invalid"));
    }
}
