//! What a component imports and exports, read without compiling.
//!
//! What never happens here: code is run or compiled.

use omega_contract::ports::LaneRefusal;
use omega_contract::{CapabilitySet, ErrorCode};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use crate::host::{Opened, opened};

/// Checks that `code` is a component, that it exports `export` and that it imports nothing that
/// `capabilities` do not open.
///
/// # Errors
/// `component_invalid` or `import_forbidden`.
pub(crate) fn inspect(code: &[u8], export: &str, capabilities: &CapabilitySet) -> Result<(), LaneRefusal> {
    let mut depth = 0_u32;
    let mut exported = false;
    for payload in Parser::new(0).parse_all(code) {
        match payload.map_err(|error| invalid(format!("it is not WebAssembly: {error}")))? {
            Payload::Version { encoding, .. } if depth == 0 && encoding == Encoding::Module => {
                return Err(invalid("it is a core module, not a component".to_owned()));
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(|error| invalid(format!("it is not WebAssembly: {error}")))?;
                    check_import(import.name.name, capabilities)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for item in section {
                    let item = item.map_err(|error| invalid(format!("it is not WebAssembly: {error}")))?;
                    exported |= item.name.name == export && item.kind == ComponentExternalKind::Func;
                }
            }
            _ => {}
        }
    }
    if exported { Ok(()) } else { Err(invalid(format!("it exports no function {export:?}"))) }
}

fn check_import(name: &str, capabilities: &CapabilitySet) -> Result<(), LaneRefusal> {
    let interface = name.split_once('@').map_or(name, |(interface, _version)| interface);
    match opened(interface) {
        Some(Opened::Always) => Ok(()),
        Some(Opened::By(capability)) if capabilities.contains(&capability) => Ok(()),
        Some(Opened::By(capability)) => Err(LaneRefusal {
            code: ErrorCode::ImportForbidden,
            detail: format!("it imports {name}, which needs the capability {capability}"),
        }),
        None => Err(LaneRefusal {
            code: ErrorCode::ImportForbidden,
            detail: format!("it imports {name}, which no plugin may have"),
        }),
    }
}

fn invalid(detail: String) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::ComponentInvalid, detail }
}
