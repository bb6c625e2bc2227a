//! The disk runs full, for real, before each step of a gateway's life: what was answered is there, what could not be
//! done says so, and with room again all goes on.

use std::fs::File;
use std::path::Path;

use omega_broker::ArtifactLabel;
use omega_contract::{ErrorCode, Payload, RunId, Status};
use omega_gateway::{Gateway, GatewayError, Home, OpenOptions, request};

use super::load::{self, CHANGING, KEEPER, Told, changing};
use super::mounts::{mount_small, run_in_private_mounts, unmount};
use super::projection::copy_folder;
use super::survey;
use crate::harness::{Bench, id, signed};

/// More than the reserve of the ledger, so that calls begin.
const DISK_MEBIBYTES: u32 = 192;
/// What is left: nothing, a page or two (a line fits, a package does not), and enough for some of a step.
const LEFT_BYTES: [u64; 3] = [0, 8_192, 131_072];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Open,
    Register,
    Enable,
    Call,
    CallThatIsKept,
    PutArtifact,
    Prove,
    Disable,
    RegisterAgain,
    Close,
}

const STEPS: [Step; 10] = [
    Step::Open,
    Step::Register,
    Step::Enable,
    Step::Call,
    Step::CallThatIsKept,
    Step::PutArtifact,
    Step::Prove,
    Step::Disable,
    Step::RegisterAgain,
    Step::Close,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_every_step_loses_nothing_that_was_answered() {
    if let Some(template) = load::home_of_child() {
        return fill_before_each_step(&template).await;
    }
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    bench.install_files(&load::keeper()).await;
    let (home, _folder) = bench.closed();
    let test = "crash::full_disk::a_full_disk_at_every_step_loses_nothing_that_was_answered";
    let told = run_in_private_mounts(test, home.path());
    let failed = told.lines().filter(|line| line.starts_with("refused ")).count();
    assert_eq!(told.lines().filter(|line| line.starts_with("survived ")).count(), STEPS.len() * LEFT_BYTES.len());
    assert!(failed >= STEPS.len() * 2, "the disk was hardly ever full:\n{told}");
}

async fn fill_before_each_step(template: &Path) {
    let disk = template.parent().unwrap().join("disk");
    std::fs::create_dir(&disk).unwrap();
    for full_at in STEPS {
        for left_bytes in LEFT_BYTES {
            mount_small(&disk, DISK_MEBIBYTES);
            copy_folder(template, &disk.join("home"));
            let home = Home::open(&disk.join("home")).unwrap();
            let mut life = Life { home, gateway: None, told: Told::default(), last_run: None };
            for step in STEPS {
                if step == full_at {
                    fill(&disk, left_bytes);
                }
                if let Err(error) = life.take(step).await {
                    println!("refused {full_at:?} {left_bytes} {step:?}: {} {}", error.code, error.message);
                    let expected = [ErrorCode::LedgerUnavailable, ErrorCode::Io];
                    assert!(expected.contains(&error.code), "{step:?}: {error:?}");
                    let named = error.message.contains(template.parent().unwrap().to_str().unwrap());
                    assert!(!named, "names a path of the host: {error}");
                }
            }
            let Life { home, told, gateway, .. } = life;
            drop(gateway);
            std::fs::remove_file(disk.join("filler")).unwrap();
            let opening = survey::check(&home, &told).await;
            println!(
                "survived {full_at:?} {left_bytes}: {} quarantined, {} answered",
                opening.quarantined.len(),
                told.answered.len()
            );
            unmount(&disk);
        }
    }
}

/// Takes all room but `left_bytes`.
fn fill(disk: &Path, left_bytes: u64) {
    let filler = File::create(disk.join("filler")).unwrap();
    // What the gateway writes meanwhile is not there to be taken.
    for _ in 0..100 {
        let of_disk = rustix::fs::statvfs(disk).unwrap();
        let taken_bytes = (of_disk.f_bavail * of_disk.f_frsize).saturating_sub(left_bytes);
        let taken = rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, taken_bytes.max(1));
        if taken.is_ok() {
            return;
        }
    }
    panic!("the disk cannot be filled");
}

struct Life {
    home: Home,
    gateway: Option<Gateway>,
    told: Told,
    last_run: Option<RunId>,
}

impl Life {
    async fn take(&mut self, step: Step) -> Result<(), GatewayError> {
        if step == Step::Open {
            self.gateway = Some(Gateway::open(&self.home, OpenOptions::default()).await?);
            return Ok(());
        }
        // What did not open takes no further step.
        let Some(gateway) = self.gateway.clone() else { return Ok(()) };
        let key = self.home.operator_key().unwrap();
        match step {
            Step::Open => {}
            Step::Register | Step::RegisterAgain => {
                let version = if step == Step::Register { "1.0.0" } else { "1.0.1" };
                gateway.register_plugin(signed(&changing(version), &key)).await?;
                self.told.decided.push(("REGISTER".to_owned(), version.to_owned()));
            }
            Step::Enable => match gateway.enable_plugin(&id(CHANGING), None).await {
                // It was not registered for lack of room.
                Err(error) if error.code == ErrorCode::PluginUnknown => {}
                outcome => {
                    outcome?;
                    self.told.decided.push(("ENABLE".to_owned(), "1.0.0".to_owned()));
                }
            },
            Step::Disable => match gateway.disable_plugin(&id(CHANGING)).await {
                Err(error) if error.code == ErrorCode::PluginUnknown => {}
                // Where it was not enabled there is nothing to tell.
                outcome => drop(outcome?),
            },
            Step::Call => self.call(&gateway, "hello").await?,
            Step::CallThatIsKept => self.call(&gateway, KEEPER).await?,
            Step::PutArtifact => {
                let put = gateway.admin().artifacts().put_bytes(&vec![1; 100_000], &ArtifactLabel::default());
                let put = put.map_err(|error| GatewayError::new(error.code(), error.to_string()))?;
                self.told.artifacts.push(put.digest.to_string());
            }
            Step::Prove => {
                let Some(run_id) = &self.last_run else { return Ok(()) };
                gateway.export_proof(run_id).await?;
            }
            Step::Close => {
                let flushed = gateway.flush().await;
                self.gateway = None;
                flushed?;
            }
        }
        Ok(())
    }

    async fn call(&mut self, gateway: &Gateway, plugin_id: &str) -> Result<(), GatewayError> {
        for _ in 0..5 {
            let asked = request(Payload::text("Ada"));
            let run_id = asked.run_id.clone();
            let answer = gateway.invoke(&id(plugin_id), asked).await?;
            self.told.answered.insert(answer.event_index, answer.event_hash);
            self.last_run = Some(run_id);
            if let Some(reason) = answer.reason {
                assert_ne!(answer.response.status, Status::Ok);
                return Err(GatewayError::new(reason, answer.response.notes));
            }
        }
        Ok(())
    }
}
