//! Reads a component without compiling it: that it is valid, small enough to compile, and imports
//! nothing that its capabilities do not open.
//!
//! What never happens here: code is run or compiled; memory grows faster than the bytes read.

mod bounds;
mod function;
mod interfaces;
mod module;
mod scan;

use omega_contract::ports::LaneRefusal;
use omega_contract::{CapabilitySet, ErrorCode};
use wasmparser::{Parser, WasmFeatures};

use scan::Scan;

/// The parts of WebAssembly that a guest may use; the engine is set to the same. Left out: threads,
/// several or 64-bit memories, garbage collection, exceptions, stack switching, asynchronous components.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Checks that `code` is a valid component within the bounds, that it exports a function `export` and
/// that it imports nothing that `capabilities` do not open.
///
/// # Errors
/// `component_invalid`, or `import_forbidden` naming the import.
pub fn inspect(code: &[u8], export: &str, capabilities: &CapabilitySet) -> Result<(), LaneRefusal> {
    let mut scan = Scan::new(capabilities);
    scan.bytes(code.len())?;
    for payload in Parser::new(0).parse_all(code) {
        scan.payload(&payload.map_err(|error| not_wasm(&error))?)?;
    }
    scan.finish(export)
}

/// A refusal of what is not the component that it should be.
fn invalid(detail: String) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::ComponentInvalid, detail }
}

fn not_wasm(error: &wasmparser::BinaryReaderError) -> LaneRefusal {
    invalid(format!("it is not valid WebAssembly: {error}"))
}
