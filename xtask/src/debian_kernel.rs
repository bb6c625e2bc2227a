//! `xtask kernel`: the hostile corpus of the worker lane on the stock kernel of Debian 12, which is older than what CI runs on
//! (Landlock ABI 2) and has control groups of version 2. In qemu, emulated where there is no KVM: some 40 minutes for four runs.
//!
//! Everything comes from Debian: the kernel, and a system with its Python. What never happens here: a disk or a network for the machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::places::Places;
use crate::{process, tools};

/// The release whose kernel it is.
const RELEASE: &str = "bookworm";
/// The package that depends on its newest kernel.
const KERNEL: &str = "linux-image-amd64";
/// What brings the system, packs it and runs it.
const DEBIAN: [&str; 4] = ["cpio", "debootstrap", "libc-bin", "qemu-system-x86"];
/// Seconds after which a machine that has not ended is ended.
const SECONDS_MAX: &str = "6000";
/// An emulated processor takes so many times as long: the rows' deadlines are multiplied by it.
const PATIENCE: &str = "6";
/// What the machine says last where all is well.
const ALL_HELD: &str = "corpus: all held";

/// The first program: a root that is a file system of its own, since the kernel's first one cannot be left.
const FIRST: &str = "#!/bin/sh
mkdir -p /new && mount -t tmpfs -o size=1500m,mode=755 tmpfs /new || exit 1
for folder in bin sbin lib lib64 usr etc root var corpus second; do cp -a /$folder /new/; done
mkdir -p /new/proc /new/sys /new/dev /new/tmp /new/run
mount -t devtmpfs dev /new/dev
exec switch_root /new /second
";

/// The second: what a system has mounted, the corpus, and the end.
const SECOND: &str = "#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin OMEGA_TEST_FOLDER=/corpus OMEGA_TEST_SECRET='not for plugins'
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /dev/shm /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /tmp; mount -t securityfs security /sys/kernel/security
hostname vm; uname -rv; cat /sys/kernel/security/lsm; echo
/corpus/test --test-threads 1 --nocapture && echo 'corpus: all held'
echo o > /proc/sysrq-trigger; sleep 10
";

/// Builds the corpus, makes a system of it, and runs it.
///
/// # Errors
/// Where something cannot be had, or a row of the corpus fails.
pub(crate) fn run(places: &Places) -> Result<()> {
    tools::install_debian(places, &DEBIAN)?;
    let folder = places.target().join("kernel");
    fs::create_dir_all(&folder)?;
    let kernel = kernel(places, &folder)?;
    let root = system(places, &folder)?;
    furnish(places, &root)?;
    let packed = pack(places, &folder, &root)?;
    boot(places, &folder, &kernel, &packed)
}

/// Debian's newest kernel of the release.
fn kernel(places: &Places, folder: &Path) -> Result<PathBuf> {
    let depends = process::capture(process::program(places, "apt-cache").args(["depends", KERNEL]))?;
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: ")).context("no kernel")?;
    let unpacked = folder.join(package);
    let image = unpacked.join("boot").join(package.replace("linux-image", "vmlinuz"));
    if !image.is_file() {
        process::run(process::program(places, "apt-get").current_dir(folder).args(["download", "-q", package]))?;
        let archive =
            entry(folder, |name| name.starts_with(package) && Path::new(name).extension() == Some("deb".as_ref()))?;
        process::run(process::program(places, "dpkg-deb").arg("-x").arg(&archive).arg(&unpacked))?;
        fs::remove_file(archive)?;
    }
    ensure!(image.is_file(), "{} is not in {package}", image.display());
    Ok(image)
}

/// The smallest system of the release that has Python.
fn system(places: &Places, folder: &Path) -> Result<PathBuf> {
    let root = folder.join("root");
    if !root.join("usr/bin/python3").exists() {
        let mut command = process::program(places, "debootstrap");
        process::run(command.args(["--variant=minbase", "--include=python3", RELEASE]).arg(&root))?;
        for unneeded in ["var/cache/apt", "var/lib/apt", "usr/share/doc", "usr/share/locale", "usr/share/man"] {
            fs::remove_dir_all(root.join(unneeded)).with_context(|| unneeded.to_owned())?;
        }
    }
    Ok(root)
}

/// Puts the corpus and the two programs into the system.
fn furnish(places: &Places, root: &Path) -> Result<()> {
    let mut build = process::cargo(places);
    build.args(["test", "--locked", "--no-run", "--package", "omega-lane-worker", "--test", "corpus"]);
    process::run(build.args(["--bin", "omega-worker-helper"]))?;
    let corpus = root.join("corpus");
    if corpus.exists() {
        fs::remove_dir_all(&corpus)?;
    }
    fs::create_dir_all(corpus.join("programs"))?;
    let built = places.target().join("debug");
    copy(&newest(&built.join("deps"), "corpus-")?, &corpus.join("test"))?;
    copy(&built.join("omega-worker-helper"), &corpus.join("helper"))?;
    for entry in fs::read_dir(places.root.join("plugins/hostile/worker"))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            copy(&entry.path(), &corpus.join("programs").join(entry.file_name()))?;
        }
    }
    let mut native = process::program(places, "cc");
    native.args(["-shared", "-fPIC", "-O1", "-w", "-o"]).arg(corpus.join("native.so"));
    process::run(native.arg(corpus.join("programs/native.c")))?;
    for (name, text) in [("init", FIRST), ("second", SECOND)] {
        fs::write(root.join(name), text)?;
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755))?;
    }
    // The loader's folder is a link in a merged system.
    if !root.join("lib64").exists() {
        symlink("usr/lib64", root.join("lib64"))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(0o755))?)
}

fn entry(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?.flatten();
    let found = entries.find(|entry| entry.file_name().to_str().is_some_and(&is_wanted));
    Ok(found.with_context(|| format!("not found in {}", folder.display()))?.path())
}

/// The newest executable of a test.
fn newest(folder: &Path, beginning: &str) -> Result<PathBuf> {
    let mut newest = None;
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(beginning) && !name.contains('.') {
            newest = newest.max(Some((entry.metadata()?.modified()?, entry.path())));
        }
    }
    Ok(newest.with_context(|| format!("no {beginning}* in {}", folder.display()))?.1)
}

fn pack(places: &Places, folder: &Path, root: &Path) -> Result<PathBuf> {
    let packed = folder.join("root.cpio.gz");
    let mut shell = process::program(places, "sh");
    shell.args(["-c", "find . -xdev | cpio --create --format=newc --quiet | gzip -1 > \"$0\""]).arg(&packed);
    process::run(shell.current_dir(root))?;
    Ok(packed)
}

fn boot(places: &Places, folder: &Path, kernel: &Path, packed: &Path) -> Result<()> {
    let log = folder.join("console.log");
    let mut machine = process::program(places, "timeout");
    machine.args([SECONDS_MAX, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-m", "5G", "-smp", "2"]);
    machine
        .args(["-display", "none", "-no-reboot", "-nic", "none"])
        .arg("-serial")
        .arg(format!("file:{}", log.display()));
    machine.arg("-kernel").arg(kernel).arg("-initrd").arg(packed);
    machine.arg("-append").arg(format!("console=ttyS0 panic=-1 rdinit=/init quiet OMEGA_TEST_PATIENCE={PATIENCE}"));
    eprintln!("what the machine says: {}", log.display());
    process::run(&mut machine)?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    for line in
        said.lines().filter(|line| line.contains("attacks, ") || line.contains("6.1.") || line.contains("test "))
    {
        println!("{}", line.trim_end());
    }
    if !said.contains(ALL_HELD) {
        bail!("the corpus does not hold on this kernel, or did not end: {}", log.display());
    }
    Ok(())
}
