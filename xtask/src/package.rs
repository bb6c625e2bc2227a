//! A package's files: what is handed out of a source folder, its archive, and writing both without needless changes.
//!
//! Symlinks and device files are not followed: they are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Path inside the package (with `/`) to content.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The manifest's name (spec page 10, "Package layout").
const MANIFEST: &str = "PLUGIN_MANIFEST.json";

/// The files and folders that go into a package beside its entry file; sources stay at home.
const HANDED_OUT: [&str; 5] = [MANIFEST, "README.md", "schemas", "examples", "samples"];

/// The folders in `parent`, sorted; none where `parent` does not exist.
pub(crate) fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    if parent.is_dir() {
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            // A folder without a manifest holds programs that tests make packages of.
            if entry.path().join("PLUGIN_MANIFEST.json").is_file() {
                folders.push(entry.path());
            }
        }
    }
    folders.sort();
    Ok(folders)
}

/// What of a guest's source folder belongs into its package.
pub(crate) fn read_handed_out(source: &Path) -> Result<Files> {
    let mut files = Files::new();
    for name in HANDED_OUT {
        let path = source.join(name);
        if path.symlink_metadata().is_ok() {
            read_into(&path, name, &mut files)?;
        }
    }
    if !files.contains_key(MANIFEST) {
        bail!("{MANIFEST} is missing");
    }
    Ok(files)
}

fn read_into(path: &Path, name: &str, files: &mut Files) -> Result<()> {
    let kind = path.symlink_metadata()?.file_type();
    if kind.is_file() {
        files.insert(name.to_owned(), fs::read(path)?);
    } else if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let child = entry.file_name();
            let child = child.to_str().with_context(|| format!("{name}: a file name that is not UTF-8"))?;
            read_into(&entry.path(), &format!("{name}/{child}"), files)?;
        }
    } else {
        bail!("{name} is neither a file nor a folder");
    }
    Ok(())
}

/// The manifest's `entrypoint.file`.
pub(crate) fn entry_file(files: &Files) -> Result<String> {
    let manifest = files.get(MANIFEST).with_context(|| format!("{MANIFEST} is missing"))?;
    let manifest: Value = serde_json::from_slice(manifest).with_context(|| format!("{MANIFEST} is not JSON"))?;
    let file = manifest["entrypoint"]["file"].as_str().with_context(|| format!("{MANIFEST}: no entrypoint.file"))?;
    if file.split('/').any(|part| matches!(part, "" | "." | "..")) {
        bail!("{MANIFEST}: entrypoint.file `{file}` leaves the package");
    }
    Ok(file.to_owned())
}

/// The same archive for the same files on every machine: sorted, no owner, no time.
pub(crate) fn tar(files: &Files) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

/// Makes `folder` hold exactly `files`.
pub(crate) fn write_folder(folder: &Path, files: &Files) -> Result<()> {
    let mut present = Files::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            read_into(&entry.path(), &name, &mut present)?;
        }
    }
    for stale in present.keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(folder.join(stale))?;
        // Up to the first folder that still holds something: that one refuses.
        for parent in Path::new(stale).ancestors().skip(1).take_while(|parent| !parent.as_os_str().is_empty()) {
            if fs::remove_dir(folder.join(parent)).is_err() {
                break;
            }
        }
    }
    for (name, bytes) in files.iter().filter(|(name, bytes)| present.get(*name) != Some(bytes)) {
        write_if_changed(&folder.join(name), bytes)?;
    }
    Ok(())
}

/// Writes by rename, so that a reader sees the old file or the new one, and only where the content differs.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let folder = path.parent().context("a file stands in a folder")?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Removes the packages whose source is gone.
pub(crate) fn remove_others(out: &Path, kept: &[String]) -> Result<()> {
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_kept = kept.iter().any(|kept| name == *kept || name.strip_suffix(".tar") == Some(kept));
        if !of_kept && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if !of_kept {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn only_what_is_handed_out_goes_into_a_package() {
        let source = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("PLUGIN_MANIFEST.json", r#"{"entrypoint":{"file":"plugin.wasm"}}"#),
            ("README.md", "read"),
            ("schemas/inputs/a.schema.json", "{}"),
            ("examples/one.json", "{}"),
            ("src/lib.rs", "code"),
            ("Cargo.toml", "[package]"),
            ("tests/t.rs", "test"),
        ] {
            write_if_changed(&source.path().join(name), text.as_bytes()).unwrap();
        }
        let files = read_handed_out(source.path()).unwrap();
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["PLUGIN_MANIFEST.json", "README.md", "examples/one.json", "schemas/inputs/a.schema.json"]);
        assert_eq!(entry_file(&files).unwrap(), "plugin.wasm");
    }

    #[test]
    fn a_package_without_a_usable_manifest_is_refused() {
        for (manifest, expect) in [
            ("{}", "no entrypoint.file"),
            ("{", "not JSON"),
            (r#"{"entrypoint":{"file":"../plugin.wasm"}}"#, "leaves the package"),
            (r#"{"entrypoint":{"file":"/plugin.wasm"}}"#, "leaves the package"),
        ] {
            let error = entry_file(&files(&[(MANIFEST, manifest)])).unwrap_err();
            assert!(format!("{error:#}").contains(expect), "{manifest}: {error:#}");
        }
        assert!(read_handed_out(tempfile::tempdir().unwrap().path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_is_refused() {
        let source = tempfile::tempdir().unwrap();
        fs::write(source.path().join(MANIFEST), "{}").unwrap();
        std::os::unix::fs::symlink(MANIFEST, source.path().join("README.md")).unwrap();
        assert!(read_handed_out(source.path()).is_err());
    }

    #[test]
    fn the_archive_depends_on_the_files_alone() {
        let package = files(&[("b", "2"), ("a/c", "1")]);
        let archive = tar(&package).unwrap();
        assert_eq!(archive, tar(&package).unwrap());
        let mut read = tar::Archive::new(archive.as_slice());
        let entries = read.entries().unwrap().map(|entry| {
            let header = entry.unwrap().header().clone();
            (header.path().unwrap().display().to_string(), header.mtime().unwrap(), header.mode().unwrap())
        });
        assert_eq!(entries.collect::<Vec<_>>(), [("a/c".to_owned(), 0, 0o644), ("b".to_owned(), 0, 0o644)]);
    }

    #[test]
    fn a_folder_ends_up_with_exactly_the_files_and_equal_ones_are_left_alone() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("p");
        write_folder(&folder, &files(&[("keep", "1"), ("sub/gone", "2")])).unwrap();
        let before = fs::metadata(folder.join("keep")).unwrap().modified().unwrap();
        let wanted = files(&[("keep", "1"), ("new", "3")]);
        write_folder(&folder, &wanted).unwrap();
        let mut present = Files::new();
        read_into(&folder, "", &mut present).unwrap();
        assert_eq!(present.into_values().collect::<Vec<_>>(), wanted.into_values().collect::<Vec<_>>());
        assert_eq!(fs::metadata(folder.join("keep")).unwrap().modified().unwrap(), before);
        assert!(!folder.join("sub").exists(), "an emptied folder goes too");
        remove_others(out.path(), &[]).unwrap();
        assert!(!folder.exists());
    }
}
