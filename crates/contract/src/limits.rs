//! The contract's limits. Each is a number with its unit in its name; lanes and the gateway's
//! ceilings may only be stricter.

/// Characters in a run or request id (spec page 2).
pub const ID_CHARS_MAX: usize = 128;
/// Depth of nesting in JSON that comes in (spec page 2).
pub const JSON_DEPTH_MAX: usize = 64;
/// The largest integer that every JSON reader keeps: 2^53 - 1 (RFC 7493, I-JSON).
pub const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Bytes of a manifest.
pub const MANIFEST_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of one JSON Schema in a package.
pub const SCHEMA_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of a signature envelope.
pub const SIGNATURE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Bytes of one file in a package.
pub const PACKAGE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of all files of a package together.
pub const PACKAGE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Files in a package.
pub const PACKAGE_FILES_MAX: usize = 4_096;
/// Bytes in the path of a file inside a package.
pub const PACKAGE_PATH_BYTES_MAX: usize = 512;

/// Bytes of a request as it is read from a file, a pipe or a socket, before anything is parsed.
pub const REQUEST_BYTES_MAX: u64 = 72 * 1024 * 1024;
/// Bytes of a payload or a result: the default ceiling of a gateway.
pub const PAYLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Entries in `context`.
pub const CONTEXT_ENTRIES_MAX: usize = 256;
/// Bytes of all keys and values of `context`.
pub const CONTEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a plugin's notes that are kept; more is cut, and the cut is marked.
pub const NOTES_BYTES_MAX: usize = 4 * 1024;

/// Smallest `timeout_ms` of a request and `max_ms` of a manifest, in milliseconds (spec page 2).
pub const TIMEOUT_MS_MIN: u64 = 100;
/// `max_ms` above this is a warning (spec page 2).
pub const MAX_MS_WARN_ABOVE: u64 = 60_000;
/// Largest `timeout_ms` and `max_ms`: one day.
pub const TIMEOUT_MS_MAX: u64 = 86_400_000;
/// Largest `max_retries` (spec page 1).
pub const RETRIES_MAX: u8 = 5;
/// Largest `limits.max_concurrency` (spec page 2).
pub const CONCURRENCY_MAX: u32 = 100;
/// Plugins in one pipeline.
pub const PIPELINE_STEPS_MAX: usize = 64;

/// Bytes of one event line in the ledger, its newline included.
pub const EVENT_LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a value in an event's `meta` that comes from outside (a message, a notes excerpt).
pub const META_TEXT_BYTES_MAX: usize = 2 * 1024;
