//! Prints the bindings of `wit/plugin.wit`, which are committed as `src/bindings.rs`:
//!
//! ```text
//! cargo run -p omega-plugin --example bindings > sdk/rust/src/bindings.new && mv sdk/rust/src/bindings.new sdk/rust/src/bindings.rs
//! ```
//!
//! `tests/bindings.rs` fails when the committed file is not what this prints.

use std::path::Path;

use wit_bindgen_core::{Files, WorldGenerator as _, wit_parser::Resolve};

/// What opens the committed file.
const HEADER: &str = "// Written by `cargo run -p omega-plugin --example bindings` (wit-bindgen 0.61.1) from wit/plugin.wit. Do not edit.\n";

/// The bindings as Rust source text.
#[must_use]
pub(crate) fn bindings() -> String {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit/plugin.wit");
    let package = resolve.push_file(wit).expect("wit/plugin.wit parses");
    let world = resolve.select_world(&[package], Some("plugin")).expect("wit/plugin.wit has the world `plugin`");

    let options = wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        export_macro_name: Some("export_plugin".to_owned()),
        // The macro is expanded in the plugin's crate, which sees this crate only as `omega_plugin`.
        default_bindings_module: Some("::omega_plugin::__private::bindings".to_owned()),
        ..wit_bindgen_rust::Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).expect("the world has Rust bindings");
    let (_, source) = files.iter().next().expect("one file of bindings");
    format!("{HEADER}{}", std::str::from_utf8(source).expect("Rust source is UTF-8"))
}

fn main() {
    print!("{}", bindings());
}
