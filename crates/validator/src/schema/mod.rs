//! JSON Schemas of plugins: hostile input that decides over other input (spec page 2).
//!
//! A schema is read into a tree of the keywords that we know ([`reader`]), its worst case is computed
//! ([`cost`]), and only what we understood is handed to the `jsonschema` crate. Since a validation cannot
//! be interrupted, its time is bounded before it starts: a schema may evaluate one value only so often, and
//! an instance is only taken where bound times size stays within [`VALIDATION_WORK_MAX`].
//!
//! `format`, `contentEncoding` and `contentMediaType` are annotations in both dialects (2020-12's own default):
//! they decide nothing. Keywords that the dialect does not know are dropped.
//!
//! What never happens here: a reference that leaves the document, a backtracking pattern, a fetch.

mod cost;
mod discriminator;
mod document;
mod entries;
mod explain;
mod instance;
mod pattern;
mod reader;
mod reference;

use jsonschema::{Draft, PatternOptions, Validator};
use omega_contract::limits::{JSON_DEPTH_MAX, SCHEMA_BYTES_MAX};
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{ErrorCode, JsonTree, Payload};
use serde_json::Value;

pub use cost::{EVALUATIONS_MAX, NESTING_MAX};
use instance::{Instance, Instances};

pub(crate) use explain::{Fault, faults};
pub use pattern::{PATTERN_BYTES_MAX, PATTERNS_MAX};
pub use reader::{ENUM_VALUES_MAX, SUBSCHEMAS_MAX};

/// Work units that one validation may take; a unit is about the evaluation of one small keyword, some
/// ten nanoseconds.
pub const VALIDATION_WORK_MAX: u64 = 100_000_000;
/// Work units up to which a schema with alternatives is asked where an instance failed: it then collects the
/// faults of each alternative, once for each level of alternatives inside each other.
pub const EXPLAINED_WORK_MAX: u64 = 1_000_000;

/// Why a schema is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not strict JSON.
    #[error("not JSON that is taken here: {0}")]
    Json(#[from] JsonError),
    /// Another dialect than the two.
    #[error("`$schema` is {found:?}; draft 2020-12 and draft-07 are taken")]
    Draft {
        /// What it says, cut.
        found: String,
    },
    /// A keyword with a value that it cannot have.
    #[error("at {at}: `{keyword}` {expected}")]
    Keyword {
        /// The JSON Pointer of the subschema, as a fragment.
        at: String,
        /// The keyword.
        keyword: &'static str,
        /// What its value has to be.
        expected: &'static str,
    },
    /// A keyword that is never taken.
    #[error("at {at}: `{keyword}` is not taken: {why}")]
    Refused {
        /// The JSON Pointer of the subschema, as a fragment.
        at: String,
        /// The keyword.
        keyword: &'static str,
        /// Why not, and what to write instead.
        why: &'static str,
    },
    /// A reference that names no subschema of the document.
    #[error(
        "at {at}: `$ref` {reference:?} names no subschema of this document; references are local, `#/…` or `#anchor`"
    )]
    Reference {
        /// The JSON Pointer of the subschema, as a fragment.
        at: String,
        /// The reference, cut.
        reference: String,
    },
    /// A pattern that cannot be matched in linear time.
    #[error(
        "at {at}: the pattern {pattern:?} is not taken: patterns are linear-time (no look-around, no back-reference), at most {PATTERN_BYTES_MAX} bytes long and small when compiled"
    )]
    Pattern {
        /// The JSON Pointer of the subschema, as a fragment.
        at: String,
        /// The pattern, cut.
        pattern: String,
    },
    /// References that come back to where they started without descending into the instance.
    #[error("at {at}: the references form a circle that never descends into the value")]
    Circle {
        /// The JSON Pointer of one subschema on the circle, as a fragment.
        at: String,
    },
    /// One value could be evaluated too often: a bomb of references, or a recursion that doubles.
    #[error("one value could be evaluated {evaluations} times; at most {EVALUATIONS_MAX} are taken")]
    TooManyEvaluations {
        /// The bound that was computed, or the first value past the limit.
        evaluations: u64,
    },
    /// Subschemas that apply inside each other too deep.
    #[error("subschemas apply inside each other {levels} levels deep; at most {NESTING_MAX} are taken")]
    TooNested {
        /// The bound that was computed.
        levels: u64,
    },
    /// More than a limit on its parts.
    #[error("{count} {what}, of which at most {count_max} are taken")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are at least.
        count: usize,
        /// The limit.
        count_max: usize,
    },
    /// It breaks its own dialect's rules.
    #[error("at {at}: {cause}")]
    Invalid {
        /// The JSON Pointer in the schema, as a fragment.
        at: String,
        /// What is wrong.
        cause: String,
    },
}

/// Why an instance does not pass a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaMismatch {
    /// A value is not what the schema expects.
    #[error("{}: {expected}", if path.is_empty() { "the whole" } else { path })]
    Value {
        /// Where in the instance, such as `data.items[3].name`; `""` for the whole.
        path: String,
        /// What the schema expects there. No value of the instance is in it.
        expected: String,
    },
    /// Too much work for the bound on time.
    #[error("checking it could take {work} steps and at most {VALIDATION_WORK_MAX} are taken; send less at a time")]
    TooCostly {
        /// The bound that was computed.
        work: u64,
    },
}

impl SchemaMismatch {
    pub(crate) const fn payload_code(&self) -> ErrorCode {
        match self {
            Self::Value { .. } => ErrorCode::PayloadSchemaMismatch,
            Self::TooCostly { .. } => ErrorCode::PayloadTooLarge,
        }
    }

    pub(crate) const fn output_code(&self) -> ErrorCode {
        match self {
            Self::Value { .. } => ErrorCode::OutputSchemaMismatch,
            Self::TooCostly { .. } => ErrorCode::OutputTooLarge,
        }
    }
}

/// A schema that was read, bounded and compiled.
pub struct CompiledSchema {
    validator: Validator<Instances>,
    cost: cost::Cost,
    has_alternatives: bool,
}

impl std::fmt::Debug for CompiledSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledSchema").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl CompiledSchema {
    /// Reads and compiles a schema of at most [`SCHEMA_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`SchemaError`]. Takes bounded time on any bytes.
    pub fn compile(bytes: &[u8]) -> Result<Self, SchemaError> {
        let value = strict_json::parse(bytes, SCHEMA_BYTES_MAX)?;
        Self::compile_value(&value)
    }

    /// As [`CompiledSchema::compile`], for a schema that was read already.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn compile_value(schema: &Value) -> Result<Self, SchemaError> {
        let document = document::Document::read(schema)?;
        let cost = cost::Cost::of(&document)?;
        let draft = match document.dialect {
            document::Dialect::Draft202012 => Draft::Draft202012,
            document::Dialect::Draft7 => Draft::Draft7,
        };
        let validator = jsonschema::options_for::<Instances>()
            .with_draft(draft)
            .offline()
            .should_validate_formats(false)
            .with_pattern_options(PatternOptions::regex().size_limit(pattern::PROGRAM_BYTES_MAX))
            .build(&document.understood)
            .map_err(|error| SchemaError::Invalid {
                at: format!("#{}", error.instance_path()),
                cause: explain::expectation(error.kind()),
            })?;
        Ok(Self { validator, cost, has_alternatives: document.has_alternatives })
    }

    /// Checks a payload whose canonical form has `canonical_bytes` bytes.
    ///
    /// # Errors
    /// [`SchemaMismatch`], with the first fault found.
    pub fn check_payload(&self, payload: &Payload, canonical_bytes: u64) -> Result<(), SchemaMismatch> {
        self.check_instance(Instance::Payload(payload), canonical_bytes)
    }

    /// Checks any value.
    ///
    /// # Errors
    /// As [`CompiledSchema::check_payload`].
    pub fn check(&self, tree: &JsonTree) -> Result<(), SchemaMismatch> {
        self.check_instance(Instance::Tree(tree.root()), tree.text().len() as u64)
    }

    fn check_instance(&self, instance: Instance<'_>, canonical_bytes: u64) -> Result<(), SchemaMismatch> {
        self.affordable(instance, canonical_bytes)?;
        if self.validator.is_valid(instance) {
            return Ok(());
        }
        Err(self.explain(instance, canonical_bytes))
    }

    #[cold]
    fn explain(&self, instance: Instance<'_>, canonical_bytes: u64) -> SchemaMismatch {
        let unexplained =
            || SchemaMismatch::Value { path: String::new(), expected: "matches none of its alternatives".into() };
        let cheap = self.cost.explainable && self.cost.of_bytes(canonical_bytes) <= EXPLAINED_WORK_MAX;
        if self.has_alternatives && !cheap {
            return unexplained();
        }
        match self.validator.validate(instance) {
            Ok(()) => unexplained(),
            Err(error) => {
                let Fault { path, expected, .. } = explain::deepest(&error);
                SchemaMismatch::Value { path, expected }
            }
        }
    }

    /// The bound on time: first by size alone, which costs nothing, then by counting.
    fn affordable(&self, instance: Instance<'_>, canonical_bytes: u64) -> Result<(), SchemaMismatch> {
        if self.cost.of_bytes(canonical_bytes) <= VALIDATION_WORK_MAX {
            return Ok(());
        }
        let mut levels = [cost::LevelSize::default(); JSON_DEPTH_MAX + 1];
        instance.measure(&mut levels);
        match self.cost.of_levels(&levels) {
            work if work > VALIDATION_WORK_MAX => Err(SchemaMismatch::TooCostly { work }),
            _ => Ok(()),
        }
    }
}
