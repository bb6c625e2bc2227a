//! The log: checkpoints, consistency, its key, witnesses.

use omega_proof::checkpoint::WitnessSigner;
use omega_proof::key::SecretKey;

use crate::world::{World, snapshot};

fn witness() -> WitnessSigner {
    WitnessSigner::new("witness.example/1".parse().unwrap(), SecretKey::from_seed([9; 32]))
}

#[test]
fn a_checkpoint_is_a_signed_note_and_the_ledger_is_held_against_it() {
    let world = World::with(&["examples/hello"]);
    let note = world.ok(["ledger", "checkpoint"]);
    assert_eq!(note.lines().nth(3), Some(""), "text, empty line, signatures: {note}");
    world.ok(["ledger", "checkpoint", "-o", "kept.txt"]);
    world.ok(["invoke", "hello", "--text", "x"]);
    snapshot!(world, world.ok(["ledger", "consistency", "kept.txt"]));
    let found = world.json(["ledger", "consistency", "kept.txt"]);
    assert_eq!(
        (found["consistent"].as_bool(), found["new"]["size"].as_u64() > found["old"]["size"].as_u64()),
        (Some(true), true)
    );
    assert!(!found["proof"].as_array().unwrap().is_empty());
}

#[test]
fn a_ledger_that_was_put_back_is_told() {
    let world = World::with(&["examples/hello"]);
    let early = world.path().join("early");
    world.behind_the_back(|| crate::world::copy_folder(&world.home().join("ledger"), &early));
    world.ok(["invoke", "hello", "--text", "x"]);
    world.ok(["ledger", "checkpoint", "-o", "kept.txt"]);
    world.stop_serving();
    std::fs::remove_dir_all(world.home().join("ledger")).unwrap();
    crate::world::copy_folder(&early, &world.home().join("ledger"));
    snapshot!(world, world.omega(["ledger", "consistency", "kept.txt"]).whole());
    assert_eq!(world.omega(["ledger", "consistency", "kept.txt", "--json"]).code, 1);
}

#[test]
fn what_is_no_checkpoint_of_this_log_is_refused() {
    let (world, other) = (World::new(), World::new());
    let strange = other.ok(["ledger", "checkpoint"]);
    world.file("strange.txt", &strange);
    let told = world.omega(["ledger", "consistency", "strange.txt"]);
    assert_eq!(told.code, 1);
    assert!(told.stderr.starts_with("error[proof_invalid]"), "{}", told.stderr);
    // As for every verb that takes a key: a wrong one is a no, a file that is not there wrong usage.
    for (vkey, code) in [("nonsense+1+x", 1), ("missing.vkey", 2)] {
        assert_eq!(world.omega(["ledger", "consistency", "strange.txt", "--vkey", vkey]).code, code, "{vkey}");
    }
    let wrong = world.omega(["ledger", "witness", "add", "w", "nonsense+1+x"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("handed out by whoever runs it"), "{}", wrong.stderr);
}

#[test]
fn the_log_key_is_rotated_and_the_old_one_still_leads_to_the_new() {
    let world = World::new();
    let key = world.ok(["ledger", "key"]);
    assert_eq!(key, std::fs::read_to_string(world.home().join("keys/log.vkey")).unwrap());
    world.file("first.vkey", &key);
    world.ok(["ledger", "checkpoint", "-o", "kept.txt"]);
    let rotated = world.json(["ledger", "rotate-key"]);
    assert_ne!(rotated["verifier_key"].as_str(), Some(key.trim()));
    world.ok(["ledger", "consistency", "kept.txt", "--vkey", "first.vkey"]);
    world.ok(["ledger", "consistency", "kept.txt", "--vkey", key.trim()]);
    world.ok(["ledger", "verify", "--strict"]);
}

#[test]
fn witnesses_are_named_and_their_cosignatures_taken() {
    let world = World::new();
    snapshot!(world, world.omega(["ledger", "witness", "list"]).whole());
    let vkey = witness().witness_key().to_string();
    world.ok(["ledger", "witness", "add", "alice", &vkey]);
    world.ok(["ledger", "checkpoint", "-o", "kept.txt"]);
    let log = std::fs::read_to_string(world.home().join("keys/log.vkey")).unwrap().trim().parse().unwrap();
    let note = world.read("kept.txt");
    let (_, line) = witness().cosign(note.as_bytes(), &log, 1_700_000_000).unwrap();
    world.file("cosigned.txt", format!("{note}{line}"));
    snapshot!(world, world.ok(["ledger", "witness", "take", "alice", "cosigned.txt"]));
    let listed = world.json(["ledger", "witness", "list"]);
    assert!(listed[0]["cosigned_size"].as_u64().unwrap() > 0, "{listed}");
    let told = world.omega(["ledger", "witness", "ask", "alice"]);
    assert!(told.code == 1 && told.stderr.starts_with("error[witness_unavailable]"), "{}", told.stderr);
    world.ok(["ledger", "witness", "remove", "alice"]);
    let gone = world.omega(["ledger", "witness", "ask", "alice"]);
    assert!(gone.code == 1 && gone.stderr.starts_with("error[witness_unknown]"), "{}", gone.stderr);
}

#[test]
fn an_exported_ledger_is_checked_alone() {
    let world = World::with(&["examples/hello"]);
    world.ok(["invoke", "hello", "--text", "x"]);
    let vkey = std::fs::read_to_string(world.home().join("keys/log.vkey")).unwrap();
    let exported = world.json(["ledger", "export", "public"]);
    assert!(exported["size"].as_u64().unwrap() >= 14, "{exported}");
    // No home is needed any more.
    std::fs::remove_dir_all(world.home()).unwrap();
    let told = world.ok(["ledger", "import-verify", "public", "--vkey", vkey.trim(), "--strict"]);
    assert!(told.starts_with("Verified: "), "{told}");
    let again = world.omega(["ledger", "export", "public"]);
    assert_eq!(again.code, 3, "the home is gone: {}", again.stderr);
    let checkpoint = world.path().join("public/tile/0/000.p").read_dir().unwrap().next().unwrap().unwrap().path();
    let mut tile = std::fs::read(&checkpoint).unwrap();
    tile[5] ^= 1;
    std::fs::write(&checkpoint, tile).unwrap();
    let found = world.omega(["ledger", "import-verify", "public", "--vkey", vkey.trim()]);
    assert_eq!(found.code, 1);
    assert!(found.stderr.contains("error[ledger_corrupt]") && found.stderr.contains("tile/0/000"), "{}", found.stderr);
    let other = World::new();
    let stranger = std::fs::read_to_string(other.home().join("keys/log.vkey")).unwrap();
    assert_eq!(world.omega(["ledger", "import-verify", "public", "--vkey", stranger.trim()]).code, 1);
    assert_eq!(world.omega(["ledger", "import-verify", "nowhere", "--vkey", vkey.trim()]).code, 2);
}

#[test]
fn nothing_is_exported_over_what_is_there() {
    let world = World::new();
    world.file("public/precious.txt", "x");
    for verb in [&["ledger", "export", "public"][..], &["ledger", "archive", "--before", "9", "public"]] {
        let told = world.omega(verb);
        assert!(told.code == 2 && told.stderr.starts_with("error[io]"), "{}", told.stderr);
        assert!(told.stderr.contains("Name a new or empty folder."), "{}", told.stderr);
    }
    assert_eq!(std::fs::read_dir(world.path().join("public")).unwrap().count(), 1);
}

/// Several sealed segments, which at their real size would be a gigabyte.
fn seal_segments(world: &World) {
    use omega_gateway::contract::{EventDraft, EventKind, Recorder as _};
    let home = omega_gateway::Home::open(&world.home()).unwrap();
    let signer = std::sync::Arc::new(home.log_signer().unwrap());
    let clock = std::sync::Arc::new(omega_gateway::SystemClock::default());
    let mut options = omega_gateway::ledger::LedgerOptions::new(clock, signer);
    options.segment_bytes_max = 4_096;
    let ledger = omega_gateway::ledger::Ledger::open(&home.ledger_dir(), options).unwrap();
    for number in 0..60 {
        ledger.record(EventDraft::system(EventKind::Reject).with("number", number.to_string())).unwrap();
        ledger.flush().unwrap();
    }
    ledger.close().unwrap();
}

#[test]
fn old_events_are_archived_and_checked_with_the_rest() {
    let world = World::with(&["examples/hello"]);
    assert!(world.ok(["ledger", "archive", "--before", "99", "nothing"]).starts_with("Nothing to archive"));
    world.behind_the_back(|| seal_segments(&world));
    let moved = world.json(["ledger", "archive", "--before", "2100-01-01T00:00:00Z", "archive-1"]);
    assert!(moved["first_index"] == 0 && moved["next_index"].as_u64().unwrap() > 40, "{moved}");
    let alone = world.json(["ledger", "verify"]);
    assert_eq!(alone["archived_events"], moved["next_index"]);
    let told = world.ok(["ledger", "verify", "--archive", "archive-1"]);
    assert!(told.contains(&format!("archived  {} events, checked in 1 archive", moved["next_index"])), "{told}");
    world.ok(["invoke", "hello", "--text", "x"]);
    let told = world.omega(["registry", "rebuild"]);
    assert!(told.code == 1 && told.stderr.starts_with("error[events_archived]"), "{}{}", told.code, told.stderr);
    let leaves = world.path().join("archive-1/tiles/0").read_dir().unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&leaves).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&leaves, bytes).unwrap();
    let found = world.omega(["ledger", "verify", "--archive", "archive-1"]);
    assert!(found.code == 1 && found.stderr.contains("archive-1/tiles/0/"), "{}", found.stderr);
    assert_eq!(world.omega(["ledger", "archive", "--before", "yesterday", "x"]).code, 2);
}

/// docs/OPERATING.md, "Backup and restore".
#[test]
fn a_home_is_backed_up_and_restored() {
    let world = World::with(&["examples/hello"]);
    world.ok(["ledger", "checkpoint", "-o", "at-backup.txt"]);
    let backup = world.path().join("backup");
    world.stop_serving();
    // The cache of compiled code is made anew; these tests share one by a link.
    let cache = world.home().join("cache");
    std::fs::remove_dir_all(&cache).or_else(|_| std::fs::remove_file(&cache)).unwrap();
    crate::world::copy_folder(&world.home(), &backup);
    world.ok(["invoke", "hello", "--text", "lost"]);
    world.ok(["ledger", "checkpoint", "-o", "after.txt"]);
    std::fs::remove_dir_all(world.home()).unwrap();
    crate::world::copy_folder(&backup, &world.home());
    world.ok(["ledger", "verify", "--strict"]);
    world.ok(["ledger", "consistency", "at-backup.txt"]);
    let told = world.omega(["ledger", "consistency", "after.txt"]);
    assert!(told.code == 1 && told.stdout.contains("rolled back"), "{}", told.stdout);
    assert_eq!(world.ok(["invoke", "hello", "--text", "Ada"]), world.ok(["invoke", "hello", "--text", "Ada"]));
    world.ok(["ledger", "verify", "--strict"]);
}
