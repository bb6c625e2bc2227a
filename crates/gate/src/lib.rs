//! The conformance gate (spec page 10): ten checks of a package, and the report on them.
//!
//! Four checks read the package; the others run it, through a port ([`Desk`], [`Trial`]) behind which a real gateway stands.
//! A check that cannot be made has failed, and says why. Where one part of a package is at fault, the rest is still looked
//! at: a [`stand_in`] takes the place of the faulty part, and the report names it.
//!
//! What never happens here: I/O, a panic on any package, or believing what a plugin says of itself where it can be measured.

mod cases;
mod checks;
mod examples;
mod port;
mod sheet;
mod stand_in;

use omega_contract::conformance::CheckId;
use omega_contract::{Clock, ConformanceReport, DeterminismMode, ErrorCode, Manifest};
use omega_validator::{PackageFiles, check_manifest, inspect_package};

pub use port::{Called, Desk, NotAdmitted, Place, RunProof, Stopped, Trial};

use checks::{determinism, fail_closed, non_actuating, proof, stateless, statics, timeout};
use examples::Examples;
use sheet::Sheet;

/// The checks that run the plugin.
const DYNAMIC: [CheckId; 6] = [
    CheckId::Determinism,
    CheckId::Stateless,
    CheckId::FailClosed,
    CheckId::Timeout,
    CheckId::NonActuating,
    CheckId::Proof,
];

/// Looks at a package. `package` is an `Err` where its files could not even be read: ten checks have failed then.
///
/// Takes as long as the plugin takes for its examples, some ten times over.
pub async fn certify(
    package: Result<&PackageFiles, &str>,
    desk: &dyn Desk,
    clock: &dyn Clock,
    gateway_version: &str,
) -> ConformanceReport {
    let mut sheet = Sheet::begin(clock);
    let files = match package {
        Ok(files) => files,
        Err(why) => {
            sheet.fail_rest(&format!("the package cannot be read: {why}"));
            return sheet.report(None, gateway_version);
        }
    };
    let found = inspect_package(files);
    for id in [CheckId::Manifest, CheckId::Schemas, CheckId::Capabilities, CheckId::Version] {
        sheet.note(id, || statics::judge(id, &found));
    }
    match stand_in::usable(files, &found) {
        Ok(usable) => run(usable, desk, &mut sheet).await,
        Err(why) => sheet.fail_rest(&format!("not done, the plugin cannot be admitted: {why}")),
    }
    sheet.report(Some(files), gateway_version)
}

/// The checks that run the plugin, on what may be partly a stand-in.
async fn run(mut usable: stand_in::Usable, desk: &dyn Desk, sheet: &mut Sheet<'_>) {
    let examples = Examples::of(&usable.files);
    usable.without(examples.unreadable.iter().map(|(path, _)| path.as_str()));
    sheet.ran_with(&usable.replaced);
    let mut nondeterministic = None;
    let mut admitted = desk.admit(usable.files.clone()).await;
    if let Err(NotAdmitted { code: ErrorCode::Nondeterministic, message }) = &admitted {
        // The other checks are made all the same: with the one claim taken back that is not true.
        nondeterministic = Some(message.clone());
        usable.declare(DeterminismMode::Probabilistic);
        admitted = desk.admit(usable.files.clone()).await;
    }
    let trial = match admitted {
        Ok(trial) => trial,
        Err(NotAdmitted { code, message }) => {
            sheet.fail_rest(&format!("not done, the plugin was not admitted: {code}: {message}"));
            return;
        }
    };
    let Some(manifest) = manifest_of(&usable.files) else {
        sheet.fail_rest("not done, the manifest could not be read");
        return;
    };
    sheet.ran_at(trial.place());
    let before = trial.host_state().await;
    let bench = examples::Bench::new(&*trial, &manifest, &examples);
    let cases = cases::all(&manifest, &usable.files, &examples);

    let runs = sheet.take(CheckId::Determinism, determinism::check(&bench, nondeterministic)).await;
    sheet.make(CheckId::Stateless, stateless::check(&bench, &runs, &cases)).await;
    sheet.make(CheckId::FailClosed, fail_closed::check(&bench, &cases)).await;
    sheet.make(CheckId::Proof, proof::check(&bench)).await;
    sheet.make(CheckId::NonActuating, non_actuating::check(&bench, &runs, before)).await;
    // Last: it brings another program into the place.
    sheet.make(CheckId::Timeout, timeout::check(&bench, &runs)).await;
}

fn manifest_of(files: &PackageFiles) -> Option<Manifest> {
    check_manifest(files.get(omega_contract::manifest::MANIFEST_FILE)?).manifest
}
