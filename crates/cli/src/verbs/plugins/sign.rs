//! `omega plugins sign`: writes the signature beside the files that it covers.

use std::path::{Path, PathBuf};

use clap::Args;
use omega_gateway::contract::KeyId;
use omega_gateway::contract::manifest::SIGNATURE_FILE;
use omega_gateway::{HomeError, OperatorKey, PackageFiles};
use serde_json::json;

use super::read_package;
use crate::fault::{Exit, Fault};
use crate::new_file;
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Sign a package, every file of it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins sign ./word-count --key publisher.pem")]
pub(crate) struct Sign {
    /// The package's folder
    dir: PathBuf,
    /// The private key (PKCS#8 PEM) [default: the operator's, which `omega init` made and this home trusts]
    #[arg(long, value_name = "PEM")]
    key: Option<PathBuf>,
}

impl Sign {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let key = match &self.key {
            Some(file) => key_from(file)?,
            None => session.home()?.operator_key().map_err(HomeError::from)?,
        };
        if self.dir.is_file() {
            return Err(Fault::usage("A signature is written into the package's folder, and this is a file.")
                .with("file", self.dir.display())
                .hint("Unpack the archive and sign the folder."));
        }
        let files = read_package(&self.dir)?;
        let report = omega_gateway::check_package(&files);
        let signed = omega_gateway::sign_package(&files, &key)?;
        let file = self.dir.join(SIGNATURE_FILE);
        new_file::replace(&file, &signed)?;
        if !report.valid {
            let errors = show::count(report.issues.len(), "issue");
            output.note([
                Cell::new(Tone::Warning, "warning:"),
                Cell::plain(format!("signed, but it would not be admitted: {errors};")),
                Cell::new(Tone::Name, format!("omega plugins check {}", self.dir.display())),
            ]);
        }
        print(&file, &files, key.public().key_id(), output)
    }
}

fn print(file: &Path, files: &PackageFiles, key_id: KeyId, output: &mut Output) -> Result<Exit, Fault> {
    let digests = files.digests();
    let (count, digest) = (digests.iter().count(), digests.package_digest());
    if output.form() == Form::Json {
        output.document(&json!({"signature": file, "key_id": key_id, "files": count, "package_digest": digest}))?;
        return Ok(Exit::Done);
    }
    output.line([Cell::new(Tone::Good, "Signed:"), Cell::plain(show::count(count, "file"))])?;
    output.indented_pairs(&[
        ("signature", Cell::plain(file.display().to_string())),
        ("package", Cell::plain(digest.to_string())),
        ("key", Cell::plain(key_id.to_string())),
    ])?;
    Ok(Exit::Done)
}

/// A private key that the command line names.
pub(super) fn key_from(file: &Path) -> Result<OperatorKey, Fault> {
    if let Err(error) = file.metadata() {
        return Err(Fault::file(file, &error));
    }
    OperatorKey::from_file(file)
        .map_err(|error| Fault::new(error.code()).with("file", file.display()).because(error).exit(Exit::No))
}
