//! Makes the component that never ends from its text: what is built is not committed.

use std::error::Error;
use std::path::PathBuf;

const TEXT: &str = "src/trial/endless.wat";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={TEXT}");
    println!("cargo::rerun-if-changed=build.rs");
    let component = wat::parse_file(TEXT)?;
    std::fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("endless.wasm"), component)?;
    Ok(())
}
