//! Which imports a program may have.
//!
//! What never happens here: a name let through that `host` does not link.

use omega_contract::ports::LaneRefusal;
use omega_contract::{Capability, CapabilitySet, ErrorCode};
use wasmparser::{ComponentImport, ComponentTypeRef, TypeBounds};

/// The interfaces that a component may import, version left out, and what opens each.
const INTERFACES: &[(&str, Opened)] = &[
    ("omega:plugin/types", Opened::Always),
    ("omega:plugin/broker", Opened::Always),
    ("omega:plugin/log", Opened::Always),
    ("omega:plugin/artifacts", Opened::By(Capability::ReadBinaryRef)),
    ("omega:plugin/datasets", Opened::By(Capability::ReadDatasetSlice)),
    ("wasi:cli/environment", Opened::Always),
    ("wasi:cli/exit", Opened::Always),
    ("wasi:cli/stdin", Opened::Always),
    ("wasi:cli/stdout", Opened::Always),
    ("wasi:cli/stderr", Opened::Always),
    ("wasi:cli/terminal-input", Opened::Always),
    ("wasi:cli/terminal-output", Opened::Always),
    ("wasi:cli/terminal-stdin", Opened::Always),
    ("wasi:cli/terminal-stdout", Opened::Always),
    ("wasi:cli/terminal-stderr", Opened::Always),
    ("wasi:clocks/monotonic-clock", Opened::Always),
    ("wasi:clocks/wall-clock", Opened::Always),
    ("wasi:filesystem/preopens", Opened::Always),
    ("wasi:filesystem/types", Opened::Always),
    ("wasi:io/error", Opened::Always),
    ("wasi:io/poll", Opened::Always),
    ("wasi:io/streams", Opened::Always),
    ("wasi:random/insecure", Opened::Always),
    ("wasi:random/insecure-seed", Opened::Always),
    ("wasi:random/random", Opened::Always),
];

/// What opens an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// Nothing is needed.
    Always,
    /// This capability.
    By(Capability),
}

/// What opens the interface of this name (without its version); none: nothing does.
fn opened(interface: &str) -> Option<Opened> {
    INTERFACES.iter().find(|(name, _)| *name == interface).map(|(_, opened)| *opened)
}

/// Checks one import of the outermost component.
///
/// # Errors
/// `import_forbidden`, naming it.
pub(crate) fn check_import(import: &ComponentImport<'_>, held: &CapabilitySet) -> Result<(), LaneRefusal> {
    let name = import.name.name;
    match import.ty {
        ComponentTypeRef::Instance(_) => {}
        // The name of a type that is known already (`use types.{request}` in a world): gives nothing.
        ComponentTypeRef::Type(TypeBounds::Eq(_)) => return Ok(()),
        _ => return Err(forbidden(name, "which no plugin may have")),
    }
    let of = import.name;
    if of.implements.is_some() || of.version_suffix.is_some() || of.external_id.is_some() {
        return Err(forbidden(name, "which is named in a way that no plugin needs"));
    }
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    match opened(interface) {
        None => Err(forbidden(name, "which no plugin may have")),
        Some(_) if !is_version_linked(interface, version) => {
            Err(forbidden(name, "in a version that this gateway does not have"))
        }
        Some(Opened::By(capability)) if !held.contains(&capability) => {
            Err(forbidden(name, &format!("which needs the capability {capability}")))
        }
        Some(_) => Ok(()),
    }
}

/// The contract is `omega:plugin@1`, WASI is 0.2: later versions of either are a superset by SemVer, and
/// what they add that is not here is refused when the program is linked.
fn is_version_linked(interface: &str, version: &str) -> bool {
    let mut parts = version.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse::<u32>().ok() } else { None }
    });
    let parts = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next().is_none());
    match parts {
        (Some(1), Some(_), Some(_), true) => interface.starts_with("omega:"),
        (Some(0), Some(2), Some(_), true) => interface.starts_with("wasi:"),
        _ => false,
    }
}

fn forbidden(name: &str, why: &str) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::ImportForbidden, detail: format!("it imports {name}, {why}") }
}

#[cfg(test)]
mod tests {
    use wasmparser::ComponentExternName;

    use super::*;

    fn check(name: &str, held: &[Capability], expect: Result<(), &str>) {
        check_type(name, ComponentTypeRef::Instance(0), held, expect);
    }

    fn check_type(name: &str, ty: ComponentTypeRef, held: &[Capability], expect: Result<(), &str>) {
        let extern_name = ComponentExternName { name, implements: None, version_suffix: None, external_id: None };
        let import = ComponentImport { name: extern_name, ty };
        let got = check_import(&import, &held.iter().copied().collect());
        match (got, expect) {
            (Ok(()), Ok(())) => {}
            (Err(refusal), Err(why)) => {
                assert_eq!(refusal.code, ErrorCode::ImportForbidden);
                assert!(refusal.detail.contains(name) && refusal.detail.contains(why), "{}", refusal.detail);
            }
            (got, expect) => panic!("{name}: {got:?}, not {expect:?}"),
        }
    }

    #[test]
    fn names_of_known_types_are_taken_and_nothing_else_that_is_no_instance() {
        check_type("request", ComponentTypeRef::Type(TypeBounds::Eq(0)), &[], Ok(()));
        let others = [
            ComponentTypeRef::Type(TypeBounds::SubResource),
            ComponentTypeRef::Func(0),
            ComponentTypeRef::Module(0),
            ComponentTypeRef::Component(0),
        ];
        for ty in others {
            check_type("omega:plugin/log@1.0.0", ty, &[], Err("no plugin may have"));
        }
    }

    #[test]
    fn imports_are_opened_by_name_version_and_capability() {
        check("omega:plugin/log@1.0.0", &[], Ok(()));
        check("omega:plugin/artifacts@1.0.0", &[], Err("capability read_binary_ref"));
        check("omega:plugin/artifacts@1.0.0", &[Capability::ReadDatasetSlice], Err("capability read_binary_ref"));
        check("omega:plugin/artifacts@1.0.0", &[Capability::ReadBinaryRef], Ok(()));
        check("omega:plugin/datasets@1.0.0", &[Capability::ReadBinaryRef], Err("capability read_dataset_slice"));
        check("omega:plugin/datasets@1.0.0", &[Capability::ReadDatasetSlice], Ok(()));
        check("omega:plugin/secrets@1.0.0", &[Capability::ReadBinaryRef], Err("no plugin may have"));
        check("wasi:io/streams@0.2.0", &[], Ok(()));
        check("wasi:io/streams@0.2.12", &[], Ok(()));
        for version in ["", "@", "@0.2", "@0.3.0", "@1.0.0", "@0.2.0-rc-2023-11-10", "@0.2.0.1", "@0.2.+1", "@0.2.x"] {
            check(&format!("wasi:io/streams{version}"), &[], Err("version"));
        }
        check("omega:plugin/log@2.0.0", &[], Err("version"));
        check("omega:plugin/log@0.2.0", &[], Err("version"));
        for name in ["wasi:sockets/tcp@0.2.0", "wasi:http/outgoing-handler@0.2.0", "wasi:nn/graph@0.2.0", "run", ""] {
            check(name, &[Capability::HttpFetch, Capability::ProcessRun], Err("no plugin may have"));
        }
    }
}
