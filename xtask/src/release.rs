//! `xtask release`: what is handed out, made so that another machine makes the same bytes.
//!
//! It is built from the commit, not from the folder: a copy of what git has, in a fixed order, with the commit's time as
//! the only time and no path of this machine. The signature is that of the project's own packages (`SIGNATURE.dsse.json`,
//! spec page 2), so that a release is checked by what checks a plugin.
//!
//! What never happens here: a release of what is not committed, and one without a signature.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use omega_proof::key::SecretKey;
use omega_proof::package::{FileDigests, sign_package, verify_package_signature};

use crate::package::Files;
use crate::places::Places;
use crate::{process, tools};

/// The name under which the release is signed.
const RELEASE_ID: &str = "omega";
const SIGNATURE: &str = "SIGNATURE.dsse.json";
const CHECKSUMS: &str = "SHA256SUMS";
const BILL_OF_MATERIALS: &str = "omega.cdx.json";
/// What is handed out beside the binary, as it stands in the repository.
const DOCUMENTS: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];

/// What stands for the folder of the sources in everything that is handed out.
const SOURCE: &str = "/omega";

/// What the command line asked for.
struct Wish {
    key: PathBuf,
    twice: bool,
}

/// Builds, packs and signs a release into `target/dist`.
///
/// # Errors
/// Uncommitted changes, no key, a build that fails; with `--twice` also two builds that differ.
pub(crate) fn run(places: &Places, words: &[&str]) -> Result<()> {
    let wish = wish(words)?;
    let key = fs::read_to_string(&wish.key).with_context(|| format!("cannot read the key {}", wish.key.display()))?;
    let key = SecretKey::from_pem(&key).with_context(|| format!("{} holds no signing key", wish.key.display()))?;
    let commit = Commit::of_checkout(places)?;
    tools::install_cyclonedx(places)?;
    let dist = places.target().join("dist");

    let mut files = commit.build(places, &dist.join("first"))?;
    if wish.twice {
        compare(&files, &commit.build(places, &dist.join("second"))?)?;
        eprintln!("two builds in two folders: the same bytes in all {} files", files.len());
    }
    seal(&mut files, &commit.version, &key)?;
    let name = format!("omega-{}-{}", commit.version, commit.target);
    write_release(&dist, &name, &files, commit.unix_seconds)?;
    println!("{}", dist.join(format!("{name}.tar")).display());
    println!("signed by {}", key.public().key_id());
    Ok(())
}

fn wish(words: &[&str]) -> Result<Wish> {
    match words {
        ["--key", key] => Ok(Wish { key: key.into(), twice: false }),
        ["--key", key, "--twice"] | ["--twice", "--key", key] => Ok(Wish { key: key.into(), twice: true }),
        _ => bail!(
            "a release is signed: `cargo xtask release --key FILE [--twice]`, FILE as `openssl genpkey -algorithm ed25519` writes it"
        ),
    }
}

/// What is released.
struct Commit {
    hash: String,
    unix_seconds: u64,
    version: String,
    target: String,
    /// What `rustc -vV` says: another compiler makes other bytes.
    compiler: String,
}

impl Commit {
    fn of_checkout(places: &Places) -> Result<Self> {
        let git = |words: &[&str]| process::capture(process::program(places, "git").args(words));
        let changes = git(&["status", "--porcelain"])?;
        if !changes.is_empty() {
            bail!("a release is made of what is committed; these are not:\n{changes}");
        }
        let compiler = process::capture(process::program(places, "rustc").arg("-vV"))?;
        let target = compiler.lines().find_map(|line| line.strip_prefix("host: "));
        let manifest: toml::Table = fs::read_to_string(places.root.join("Cargo.toml"))?.parse()?;
        let version = manifest["workspace"]["package"]["version"].as_str().context("the workspace has no version")?;
        Ok(Self {
            hash: git(&["rev-parse", "HEAD"])?.trim_end().to_owned(),
            unix_seconds: git(&["log", "-1", "--format=%ct"])?.trim_end().parse()?,
            version: version.to_owned(),
            target: target.context("rustc does not say what it builds for")?.to_owned(),
            compiler: compiler.clone(),
        })
    }

    /// The files of the release, built in `folder`, which is made anew.
    fn build(&self, places: &Places, folder: &Path) -> Result<Files> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let source = folder.join("source");
        fs::create_dir_all(&source)?;
        let archive = folder.join("source.tar");
        let mut git = process::program(places, "git");
        process::run(git.args(["archive", "--format=tar", &self.hash, "--output"]).arg(&archive))?;
        tar::Archive::new(fs::File::open(&archive)?).unpack(&source)?;

        let built = folder.join("target");
        let mut cargo = self.cargo(places, &source, &built)?;
        process::run(cargo.args(["build", "--release", "--locked", "--package", "omega-cli", "--bin", "omega"]))?;
        let mut cargo = self.cargo(places, &source, &built)?;
        cargo.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--target", &self.target]);
        cargo.args(["--override-filename", "omega.cdx", "--manifest-path", "crates/cli/Cargo.toml"]);
        process::run(&mut cargo)?;

        let mut files = Files::new();
        let binary = binary_name();
        take(&mut files, &binary, &built.join("release").join(&binary))?;
        take(&mut files, BILL_OF_MATERIALS, &source.join("crates/cli").join(BILL_OF_MATERIALS))?;
        let bill = files.get_mut(BILL_OF_MATERIALS).context("it was just taken")?;
        // The tool names our own packages by where they stand.
        *bill = String::from_utf8(std::mem::take(bill))?.replace(&source.display().to_string(), SOURCE).into_bytes();
        for document in DOCUMENTS {
            take(&mut files, document, &source.join(document))?;
        }
        files.insert("COMMIT".to_owned(), format!("{}\n", self.hash).into_bytes());
        files.insert("TOOLCHAIN".to_owned(), self.compiler.clone().into_bytes());
        Ok(files)
    }

    /// A cargo whose output tells neither where nor when it ran.
    fn cargo(&self, places: &Places, source: &Path, built: &Path) -> Result<Command> {
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
            .context("cargo has no home")?;
        let sysroot = process::capture(process::program(places, "rustc").args(["--print", "sysroot"]))?;
        let sysroot = Path::new(sysroot.trim_end());
        // Build scripts write sources too, which say where they stand.
        let stands_for = [(source, SOURCE), (built, "/build"), (home.as_path(), "/cargo"), (sysroot, "/rust")];
        let rust: Vec<String> = stands_for
            .iter()
            .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()))
            .chain(["-Clink-arg=-Wl,--build-id=none".to_owned()])
            .collect();
        let c: Vec<String> =
            stands_for.iter().map(|(path, name)| format!("-ffile-prefix-map={}={name}", path.display())).collect();
        let mut cargo = process::cargo(places);
        cargo
            .current_dir(source)
            // 0x1f: what cargo takes for a separator, so that paths may hold spaces.
            .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
            .env("CFLAGS", c.join(" "))
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_DIR", built)
            .env("SOURCE_DATE_EPOCH", self.unix_seconds.to_string());
        Ok(cargo)
    }
}

fn take(files: &mut Files, name: &str, path: &Path) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("{} is missing", path.display()))?;
    files.insert(name.to_owned(), bytes);
    Ok(())
}

fn binary_name() -> String {
    format!("omega{}", std::env::consts::EXE_SUFFIX)
}

/// # Errors
/// Names every file in which two builds differ.
fn compare(first: &Files, second: &Files) -> Result<()> {
    let names = first.keys().chain(second.keys().filter(|name| !first.contains_key(*name)));
    let differing: Vec<&str> = names.filter(|name| first.get(*name) != second.get(*name)).map(String::as_str).collect();
    if differing.is_empty() { Ok(()) } else { bail!("two builds differ in: {}", differing.join(", ")) }
}

/// Adds the checksums of all files, and the signature over all files and the checksums.
fn seal(files: &mut Files, version: &str, key: &SecretKey) -> Result<()> {
    let sums = digests(files).iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect::<String>();
    files.insert(CHECKSUMS.to_owned(), sums.into_bytes());
    let signature = sign_package(&digests(files), &RELEASE_ID.parse()?, &version.parse()?, key);
    let verified = verify_package_signature(&digests(files), &signature, &[key.public()]);
    verified.context("the signature just made does not verify")?;
    files.insert(SIGNATURE.to_owned(), signature);
    Ok(())
}

fn digests(files: &Files) -> FileDigests {
    FileDigests::of_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
}

/// The files as a folder and as an archive of it.
fn write_release(dist: &Path, name: &str, files: &Files, unix_seconds: u64) -> Result<()> {
    let folder = dist.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(dist)?;
    let archive = archive(name, files, unix_seconds)?;
    fs::write(dist.join(format!("{name}.tar")), &archive)?;
    // The folder is what the archive holds, modes included.
    Ok(tar::Archive::new(archive.as_slice()).unpack(dist)?)
}

/// An archive that depends on nothing but its arguments.
fn archive(name: &str, files: &Files, unix_seconds: u64) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (file, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mtime(unix_seconds);
        header.set_mode(if *file == binary_name() { 0o755 } else { 0o644 });
        archive.append_data(&mut header, format!("{name}/{file}"), bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        [("omega", &b"binary"[..]), ("LICENSE", b"text"), ("omega.cdx.json", b"{}")]
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
            .collect()
    }

    #[test]
    fn a_sealed_release_verifies_and_a_changed_one_does_not() {
        let key = SecretKey::from_seed([7; 32]);
        let mut files = files();
        seal(&mut files, "1.2.3", &key).unwrap();
        let sums = String::from_utf8(files[CHECKSUMS].clone()).unwrap();
        let digest = "9a3a45d01531a20e89ac6ae10b0b0beb0492acd7216a368aa062d1a5fecaf9cd";
        assert!(sums.contains(&format!("{digest}  omega\n")), "{sums}");
        let signature = files.remove(SIGNATURE).unwrap();
        let verify = |files: &Files| verify_package_signature(&digests(files), &signature, &[key.public()]);
        let signed = verify(&files).unwrap();
        assert_eq!(
            (signed.predicate.plugin_id.as_str(), signed.predicate.version.to_string().as_str()),
            ("omega", "1.2.3")
        );
        files.insert("omega".to_owned(), b"binarY".to_vec());
        assert!(verify(&files).is_err());
    }

    #[test]
    fn an_archive_depends_on_its_content_alone() {
        let made = || archive("omega-1", &files(), 1_795_000_000).unwrap();
        assert_eq!(made(), made());
        let bytes = made();
        let mut read = tar::Archive::new(bytes.as_slice());
        let entries = read.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            (entry.path().unwrap().display().to_string(), header.mode().unwrap(), header.mtime().unwrap())
        });
        let expect = [("omega-1/LICENSE", 0o644), ("omega-1/omega", 0o755), ("omega-1/omega.cdx.json", 0o644)];
        let expect = expect.map(|(path, mode)| (path.to_owned(), mode, 1_795_000_000));
        assert_eq!(entries.collect::<Vec<_>>(), expect);
    }

    #[test]
    fn builds_that_differ_are_told_by_name() {
        let mut other = files();
        compare(&files(), &other).unwrap();
        other.insert("omega".to_owned(), Vec::new());
        other.insert("more".to_owned(), Vec::new());
        let error = compare(&files(), &other).unwrap_err().to_string();
        assert_eq!(error, "two builds differ in: omega, more");
    }

    #[test]
    fn a_release_without_a_key_is_refused() {
        for words in [&[][..], &["--twice"], &["--key"], &["--unsigned"]] {
            assert!(wish(words).is_err(), "{words:?}");
        }
        assert!(wish(&["--twice", "--key", "k"]).unwrap().twice);
    }
}
