//! Says what a schema expects where a value does not match it.
//!
//! What never happens here: quoting a value of the instance. A name of a member may be quoted, cut.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use crate::field_path::{self, shown};

/// Alternatives, names and values that are listed before `…`.
const LISTED_MAX: usize = 12;

/// One place where a value does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where in the instance.
    pub path: String,
    /// What is expected there.
    pub expected: String,
    /// The keyword that failed.
    pub keyword: String,
}

/// Every fault of one error: a list of unexpected members is one fault each.
pub(crate) fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    let path = field_path::of_location(error.instance_path());
    let keyword = error.kind().keyword().to_owned();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| Fault {
                path: field_path::child(&path, name),
                expected: "is not a field of the contract here; remove it".into(),
                keyword: keyword.clone(),
            })
            .collect(),
        ValidationErrorKind::Required { property: Value::String(name) } => {
            vec![Fault { path: field_path::child(&path, name), expected: "is missing".into(), keyword }]
        }
        kind => vec![Fault { path, expected: expectation(kind), keyword }],
    }
}

/// The fault that says most: of alternatives, that of the one that came furthest into the instance.
pub(crate) fn deepest(error: &ValidationError<'_>) -> Fault {
    let told = furthest(error);
    let path = field_path::of_location(told.instance_path());
    Fault { path, expected: expectation(told.kind()), keyword: told.kind().keyword().to_owned() }
}

/// Goes into alternatives as long as one of them says more than that none matches.
fn furthest<'e>(error: &'e ValidationError<'_>) -> &'e ValidationError<'e> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return error;
    };
    let depth = |error: &ValidationError<'_>| error.instance_path().segments().count();
    // A branch is worth what its shallowest fault is: one for another type fails at once, and at the top.
    let mut faults = context.iter().filter_map(|branch| branch.iter().map(furthest).min_by_key(|fault| depth(fault)));
    if context.len() == 1 {
        return faults.next().unwrap_or(error);
    }
    let meant = |fault: &&ValidationError<'_>| {
        depth(fault) > depth(error) || !matches!(fault.kind(), ValidationErrorKind::Type { .. })
    };
    let mut faults: Vec<&ValidationError<'_>> = faults.filter(meant).collect();
    faults.sort_by_key(|fault| std::cmp::Reverse(depth(fault)));
    match faults.as_slice() {
        [only] => only,
        [first, second, ..] if depth(first) > depth(second) => first,
        [first, ..] if depth(first) > depth(error) => first,
        _ => error,
    }
}

/// What would have been right.
pub(crate) fn expectation(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::AdditionalItems { limit } => format!("has at most {limit} items"),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has no member named {}", listed(unexpected.iter().map(|name| format!("{:?}", shown(name)))))
        }
        Kind::AnyOf { .. } => "matches none of its alternatives".into(),
        Kind::OneOfNotValid { .. } => "matches none of its alternatives, of which it has to match one".into(),
        Kind::OneOfMultipleValid { .. } => "matches more than one of its alternatives".into(),
        Kind::Constant { expected_value } => format!("has to be {}", value(expected_value)),
        Kind::Contains => "has no item, or too few or too many, of the kind that it has to contain".into(),
        Kind::Enum { options } => match &**options {
            Value::Array(options) => format!("has to be one of {}", listed(options.iter().map(value))),
            other => format!("has to be {}", value(other)),
        },
        Kind::ExclusiveMaximum { limit } => format!("has to be below {}", value(limit)),
        Kind::ExclusiveMinimum { limit } => format!("has to be above {}", value(limit)),
        Kind::FalseSchema => "is not allowed here".into(),
        Kind::MaxItems { limit } => format!("has at most {limit} items"),
        Kind::MinItems { limit } => format!("has at least {limit} items"),
        Kind::Maximum { limit } => format!("has to be at most {}", value(limit)),
        Kind::Minimum { limit } => format!("has to be at least {}", value(limit)),
        Kind::MaxLength { limit } => format!("has at most {limit} characters"),
        Kind::MinLength { limit } => format!("has at least {limit} characters"),
        Kind::MaxProperties { limit } => format!("has at most {limit} members"),
        Kind::MinProperties { limit } => format!("has at least {limit} members"),
        Kind::MultipleOf { multiple_of } => format!("has to be a multiple of {multiple_of}"),
        Kind::Not { .. } => "matches what it must not match".into(),
        Kind::Pattern { pattern } => format!("has to match the pattern {:?}", shown(pattern)),
        Kind::PropertyNames { error } => format!("has a member whose name is wrong: it {}", expectation(error.kind())),
        Kind::Required { property } => format!("has to have the member {}", value(property)),
        Kind::Type { kind } => match kind {
            TypeKind::Single(json_type) => format!("has to be of type {json_type}"),
            TypeKind::Multiple(types) => {
                format!("has to be of type {}", types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or "))
            }
        },
        Kind::UniqueItems => "has an item twice".into(),
        _ => "does not match the schema".into(),
    }
}

/// A value of the schema, cut.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", shown(text)),
        other => shown(&other.to_string()),
    }
}

fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len() > LISTED_MAX;
    let mut text = items.take(LISTED_MAX).collect::<Vec<_>>().join(", ");
    if more {
        text.push_str(", …");
    }
    text
}
