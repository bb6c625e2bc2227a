//! Compiles the code that runs inside the sandbox into a library of its own, without `std`, for interpreters to load.

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    embed_sdk();
    println!("cargo:rerun-if-changed=src/lockdown_library.rs");
    println!("cargo:rerun-if-changed=src/sys/inside");
    println!("cargo:rustc-check-cfg=cfg(omega_layer_switches)");
    let target = env::var("TARGET").expect("cargo gives a build script its target");
    let output =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives a build script its folder")).join("lockdown.so");
    if !target.contains("linux") {
        std::fs::write(output, []).expect("the build's folder can be written");
        return;
    }
    let mut compiler = Command::new(env::var_os("RUSTC").expect("cargo gives a build script its compiler"));
    compiler.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", "lockdown", "--target", &target]);
    compiler.args(["-C", "panic=abort", "-C", "opt-level=2", "-C", "strip=symbols", "-C", "metadata=omega"]);
    compiler.args([
        "-C",
        "link-arg=-nostartfiles",
        "-C",
        "link-arg=-Wl,-z,noexecstack",
        "-C",
        "link-arg=-Wl,-soname,lockdown.so",
    ]);
    compiler.args(["--check-cfg", "cfg(omega_layer_switches)"]);
    if target.contains("musl") {
        // Its symbols come from the C library that the interpreter has loaded.
        compiler.args(["-C", "target-feature=-crt-static"]);
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        compiler.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    // Only a build for the layer tests has it; a release never does.
    if env::var_os("CARGO_CFG_OMEGA_LAYER_SWITCHES").is_some() {
        compiler.args(["--cfg", "omega_layer_switches"]);
    }
    let status = compiler.arg("-o").arg(&output).arg("src/lockdown_library.rs").status();
    assert!(status.is_ok_and(|status| status.success()), "the library for interpreters does not compile");
}

/// Embeds the SDK that workers import: what authors install, without what only tests and the command line use.
fn embed_sdk() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo gives a build script its package"))
        .join("../../sdk/python/src/omega_plugin");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .expect("the SDK is beside the crates")
        .map(|entry| entry.expect("the SDK's folder can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| {
            std::path::Path::new(name).extension().is_some_and(|ending| ending == "py") && name != "__main__.py"
        })
        .collect();
    files.sort();
    let mut source =
        String::from("/// The SDK's modules, by their name.\npub(crate) static SDK_FILES: &[(&str, &[u8])] = &[\n");
    for name in files {
        let path = folder.join(&name);
        println!("cargo:rerun-if-changed={}", path.display());
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())
            .expect("a String takes all");
    }
    source.push_str("];\n");
    let output =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives a build script its folder")).join("sdk_files.rs");
    std::fs::write(output, source).expect("the build's folder can be written");
}
