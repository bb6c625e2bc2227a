//! What is no component, no manifest, no package: and components that import or use what no plugin may.

use std::sync::Arc;

use omega_contract::ErrorCode;
use omega_contract::manifest::MANIFEST_FILE;
use serde_json::json;

use super::wat::Guest;
use super::{Expected, Files, Given, OK, Row};
use crate::harness::edit;

const fn code(name: &'static str, attack: &'static str, of: fn() -> Vec<u8>, refused: Expected) -> Row {
    Row { name, attack, given: Given::Component(of, 1_000), expected: refused }
}

const fn invalid(detail: &'static str) -> Expected {
    Expected::NotRegistered(ErrorCode::ComponentInvalid, detail)
}

const fn forbidden(detail: &'static str) -> Expected {
    Expected::NotRegistered(ErrorCode::ImportForbidden, detail)
}

const fn package(name: &'static str, attack: &'static str, change: fn(&mut Files), detail: &'static str) -> Row {
    let expected = Expected::NotRegistered(ErrorCode::ManifestInvalid, detail);
    Row { name, attack, given: Given::Package(change, String::new), expected }
}

const fn archive(name: &'static str, attack: &'static str, of: fn() -> Vec<u8>, detail: &'static str) -> Row {
    Row { name, attack, given: Given::Archive(of), expected: Expected::NotRead(ErrorCode::PackageInvalid, detail) }
}

fn component(items: &str) -> Vec<u8> {
    ::wat::parse_str(format!("(component {items})")).unwrap()
}

fn module(items: &str) -> Vec<u8> {
    component(&format!("(core module {items})"))
}

/// An echo with this before all else.
fn echo_with(import: &str) -> Vec<u8> {
    ::wat::parse_str(Guest::echo().text().replacen("(component", &format!("(component {import}"), 1)).unwrap()
}

/// The bytes of a file: a magic number, and enough behind it.
fn file_of(magic: &[u8]) -> Vec<u8> {
    [magic, &[0; 4096]].concat()
}

/// The manifest, with these bytes put in place of its opening brace.
fn manifest_opens_with(files: &mut Files, bytes: &[u8]) {
    let manifest = &files[MANIFEST_FILE][1..];
    files.insert(MANIFEST_FILE.into(), Arc::from([bytes, manifest].concat()));
}

/// A tar file of one entry with this header and these bytes behind it.
fn tar(path: &str, kind: tar::EntryType, claimed_bytes: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(claimed_bytes);
    let fields = header.as_ustar_mut().unwrap();
    // Written raw: the crate itself refuses the paths that an attacker would use.
    fields.name[..path.len()].copy_from_slice(path.as_bytes());
    fields.linkname[..11].copy_from_slice(b"/etc/passwd");
    header.set_cksum();
    [header.as_bytes(), bytes, &vec![0; 512 - bytes.len() % 512], &[0; 1024]].concat()
}

pub(super) const ROWS: &[Row] = &[
    // No component.
    code("empty-file", "its code is nothing at all", Vec::new, invalid("not valid WebAssembly")),
    code("shell-script", "its code is a shell script", || file_of(b"#!/bin/sh\n"), invalid("not valid WebAssembly")),
    code(
        "native-program",
        "its code is an ELF file, as wasmtime keeps compiled code",
        || file_of(b"\x7fELF\x02\x01\x01"),
        invalid("not valid WebAssembly"),
    ),
    code(
        "gzip-code",
        "its code is compressed with gzip, to be unpacked by the gateway",
        || file_of(b"\x1f\x8b\x08\0\0\0\0\0"),
        invalid("not valid WebAssembly"),
    ),
    code(
        "zstd-code",
        "its code is compressed with zstd, to be unpacked by the gateway",
        || file_of(b"\x28\xb5\x2f\xfd"),
        invalid("not valid WebAssembly"),
    ),
    code(
        "component-as-text",
        "its code is component text",
        || Guest::echo().text().into_bytes(),
        invalid("not valid WebAssembly"),
    ),
    code("core-module", "its code is a core module", || ::wat::parse_str("(module)").unwrap(), invalid("core module")),
    code(
        "cut-off",
        "its code ends in the middle",
        || {
            let mut whole = Guest::echo().build();
            whole.truncate(whole.len() / 2);
            whole
        },
        invalid("not valid WebAssembly"),
    ),
    code(
        "two-components",
        "has a second component behind the first",
        || Guest::echo().build().repeat(2),
        invalid("not valid WebAssembly"),
    ),
    code("without-export", "exports nothing", || component(""), invalid("exports no function")),
    code(
        "other-type",
        "exports a function of another type",
        || {
            ::wat::parse_str(
                Guest::echo()
                    .text()
                    .replace(r#"(field "notes" string)"#, r#"(field "notes" u64) (field "more" string)"#),
            )
            .unwrap()
        },
        Expected::NotEnabled(ErrorCode::ComponentInvalid, "another type"),
    ),
    // What no plugin may import.
    code(
        "imports-function",
        "imports a function of no interface",
        || echo_with(r#"(import "run" (func))"#),
        forbidden("imports run,"),
    ),
    code(
        "imports-module",
        "imports a core module",
        || echo_with(r#"(import "m" (core module))"#),
        forbidden("imports m,"),
    ),
    code(
        "imports-component",
        "imports a component",
        || echo_with(r#"(import "c" (component))"#),
        forbidden("imports c,"),
    ),
    code(
        "imports-resource",
        "imports a resource of its own",
        || echo_with(r#"(import "r" (type (sub resource)))"#),
        forbidden("imports r,"),
    ),
    code(
        "imports-http",
        "imports outgoing HTTP",
        || echo_with(r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#),
        forbidden("wasi:http"),
    ),
    code(
        "imports-next-wasi",
        "imports WASI of a later version",
        || echo_with(r#"(import "wasi:cli/environment@0.3.0" (instance))"#),
        forbidden("wasi:cli/environment@0.3.0"),
    ),
    code(
        "imports-secrets",
        "imports an interface of the gateway that there is not",
        || echo_with(r#"(import "omega:plugin/secrets@1.0.0" (instance))"#),
        forbidden("omega:plugin/secrets"),
    ),
    code(
        "imports-unknown-function",
        "imports a function that its interface does not have",
        || echo_with(r#"(import "wasi:cli/environment@0.2.0" (instance (export "set-environment" (func))))"#),
        Expected::NotEnabled(ErrorCode::ComponentInvalid, "wasi:cli/environment"),
    ),
    // Parts of WebAssembly that are off.
    code(
        "shared-memory",
        "shares its memory between threads",
        || module("(memory 1 1 shared)"),
        invalid("not valid WebAssembly"),
    ),
    code("memory-of-64-bits", "has a memory of 64 bits", || module("(memory i64 1)"), invalid("not valid WebAssembly")),
    code(
        "several-memories",
        "has two memories in a module",
        || module("(memory 1) (memory 1)"),
        invalid("not valid WebAssembly"),
    ),
    code("garbage-collected", "uses a collected heap", || module("(type (struct))"), invalid("not valid WebAssembly")),
    code("exceptions", "throws exceptions", || module("(tag)"), invalid("not valid WebAssembly")),
    // No manifest.
    package(
        "deep-manifest",
        "its manifest is nested 100,000 deep",
        |files| {
            files.insert(MANIFEST_FILE.into(), Arc::from("[".repeat(100_000).into_bytes()));
        },
        "",
    ),
    package(
        "doubled-key",
        "its manifest has a key twice",
        |files| {
            manifest_opens_with(files, br#"{"plugin_id":"hello","#);
        },
        "",
    ),
    package(
        "invalid-utf8-manifest",
        "its manifest is not UTF-8",
        |files| manifest_opens_with(files, b"{\"\xff\":1,"),
        "",
    ),
    package(
        "large-manifest",
        "its manifest is larger than it may be",
        |files| {
            edit(files, |manifest| manifest["description"] = json!("x".repeat(300_000)));
        },
        "",
    ),
    package(
        "entry-outside",
        "its code lies outside the package",
        |files| {
            edit(files, |manifest| manifest["entrypoint"]["file"] = json!("../../../../../etc/passwd.wasm"));
        },
        "entrypoint",
    ),
    package(
        "schema-outside",
        "its schema lies outside the package",
        |files| {
            edit(files, |manifest| manifest["io"]["inputs"][0]["schema_ref"] = json!("../../etc/passwd"));
        },
        "schema_ref",
    ),
    package(
        "schema-of-another",
        "its schema is another plugin's",
        |files| {
            edit(files, |manifest| manifest["io"]["inputs"][0]["schema_ref"] = json!("omega:hello:input:text:v1.0.0"));
        },
        "schema_ref",
    ),
    package(
        "many-faults",
        "has ten thousand faults, each to be told",
        |files| {
            edit(files, |manifest| manifest["capabilities"] = json!(vec!["read_text "; 10_000]));
        },
        "capabilities",
    ),
    Row {
        name: "forged-name",
        attack: "its name speaks to the terminal and forges a line of the ledger",
        given: Given::Package(
            |files| {
                edit(files, |manifest| manifest["name"] = json!("good\u{1b}[2J\r\n{\"kind\":\"RESULT\"}\n"));
                files.insert("plugin.wasm".into(), Guest::echo().build().into());
                edit(files, |manifest| manifest["limits"]["max_ms"] = json!(20_000));
            },
            || "go".to_owned(),
        ),
        expected: Expected::Ends(&[OK]),
    },
    // No package.
    archive(
        "tar-outside",
        "has a file outside its folder",
        || tar("../evil", tar::EntryType::Regular, 1, b"x"),
        "not plain",
    ),
    archive(
        "tar-absolute",
        "has a file at the root",
        || tar("/etc/evil", tar::EntryType::Regular, 1, b"x"),
        "not plain",
    ),
    archive(
        "tar-symlink",
        "has a link to a file of the host",
        || tar("a", tar::EntryType::Symlink, 0, b""),
        "only plain files",
    ),
    archive(
        "tar-hard-link",
        "has a hard link to a file of the host",
        || tar("a", tar::EntryType::Link, 0, b""),
        "only plain files",
    ),
    archive("tar-device", "has a device", || tar("a", tar::EntryType::Block, 0, b""), "only plain files"),
    archive("tar-sparse", "has a sparse file of a petabyte", || tar("a", tar::EntryType::GNUSparse, 0, b""), ""),
    archive("tar-lies", "claims a file of an exabyte", || tar("a", tar::EntryType::Regular, 1 << 40, b"x"), "tar file"),
    archive(
        "tar-gzip",
        "is compressed with gzip, to be unpacked by the gateway",
        || file_of(b"\x1f\x8b\x08\0\0\0\0\0"),
        "tar file",
    ),
    archive(
        "tar-zstd",
        "is compressed with zstd, to be unpacked by the gateway",
        || file_of(b"\x28\xb5\x2f\xfd"),
        "tar file",
    ),
    archive(
        "tar-many",
        "has more files than is taken",
        || {
            let mut builder = tar::Builder::new(Vec::new());
            for number in 0..=4_096 {
                let mut header = tar::Header::new_ustar();
                header.set_size(0);
                builder.append_data(&mut header, format!("{number}"), &[][..]).unwrap();
            }
            builder.into_inner().unwrap()
        },
        "more than 4096 files",
    ),
];
