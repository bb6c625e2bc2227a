//! The group commit under a model checker: callers, the flusher and futures that are dropped half-way, in thousands of
//! interleavings that the machine would rarely produce (`cargo xtask model`).
//!
//! Held in each: nobody waits for ever, nothing is acknowledged that is not on the disk, nothing is written twice or out
//! of order, and what was recorded is on the disk in the end unless the disk failed.
//!
//! The disk is a few numbers, so that every step is one of the group commit's own.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use omega_contract::ports::Recorded;
use omega_contract::proof_bundle::Durability;
use omega_contract::{Clock, EventDraft, EventKind, Timestamp};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, future, thread};

use crate::commit::Shared;
use crate::disk::{Disk, DiskFile};
use crate::durable::DurableWait;
use crate::flusher::flush_until_closing;
use crate::mark::{Mark, MarkFile};
use crate::queue::Queue;
use crate::segment_writer::{SegmentWriter, create_segment};
use crate::sequence::Sequence;
use crate::space::Space;
use crate::sync::Mutex;

/// How many interleavings to try of each kind; `cargo xtask model` tries more.
const SCHEDULES: &str = "OMEGA_TEST_SCHEDULES";
const SCHEDULES_DEFAULT: usize = 500;
/// Changes of priority in a schedule that prefers one thread as long as it can.
const PCT_DEPTH: usize = 4;
/// Small, so that a handful of callers fills it, and leaders leave events to the next one.
const BATCH_EVENTS_MAX: usize = 1;
const QUEUE_EVENTS_MAX: usize = 3;

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

/// What a disk of this model knows: lines of the segment, and how many of them are synced.
#[derive(Default)]
struct ModelDisk {
    hashes: Arc<Mutex<Vec<String>>>,
    synced: Arc<AtomicUsize>,
    /// Writes and syncs that still succeed.
    fuse: Arc<Mutex<Option<usize>>>,
}

struct ModelFile {
    disk: ModelDisk,
    is_segment: bool,
}

impl ModelDisk {
    fn again(&self) -> Self {
        Self { hashes: Arc::clone(&self.hashes), synced: Arc::clone(&self.synced), fuse: Arc::clone(&self.fuse) }
    }

    fn file(&self, path: &Path) -> Box<dyn DiskFile> {
        let is_segment = path.extension().is_some_and(|ending| ending == "ndjson");
        Box::new(ModelFile { disk: self.again(), is_segment })
    }

    fn step(&self) -> io::Result<()> {
        match &mut *self.fuse.lock().unwrap() {
            Some(0) => Err(io::Error::other("injected")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn written(&self) -> usize {
        self.hashes.lock().unwrap().len()
    }
}

impl Disk for ModelDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path))
    }

    fn create_over(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path))
    }

    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path))
    }

    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl DiskFile for ModelFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_segment {
            return Ok(());
        }
        // A turn for the others between the start of the write and its end.
        self.disk.step()?;
        let text = std::str::from_utf8(bytes).unwrap();
        let hash = |line: &str| line["{\"event_hash\":\"".len()..][..64].to_owned();
        self.disk.hashes.lock().unwrap().extend(text.lines().map(hash));
        Ok(())
    }

    fn overwrite(&self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, _length: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.is_segment {
            let written = self.disk.written();
            self.disk.step()?;
            self.disk.synced.fetch_max(written, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// The ledger's inside on a disk of the model.
struct World {
    shared: Shared,
    disk: ModelDisk,
}

impl World {
    fn new(durability: Durability, failing_after: Option<usize>) -> Arc<Self> {
        let disk = ModelDisk::default();
        let dir = Path::new("ledger");
        let mark_file = MarkFile::create(&disk, dir).unwrap();
        let segment = create_segment(&disk, dir, 0).unwrap();
        let files: Arc<dyn Disk> = Arc::new(disk.again());
        let writer = SegmentWriter::new(dir, Arc::clone(&files), segment, u64::MAX, mark_file, Mark::NOTHING);
        let sequence = Sequence::after(0, None, Timestamp::EPOCH, "");
        let queue = Queue::bounded(sequence, BATCH_EVENTS_MAX, QUEUE_EVENTS_MAX);
        let space = Space::new(&*files, dir, 0);
        *disk.fuse.lock().unwrap() = failing_after;
        Arc::new(Self {
            shared: Shared::new((dir.into(), files, durability, Arc::new(Epoch)), space, queue, writer),
            disk,
        })
    }

    fn record(&self) -> Option<Recorded> {
        self.shared.record(&EventDraft::system(EventKind::Policy)).ok()
    }

    /// What an acknowledgement promises.
    fn check_acknowledged(&self, recorded: Recorded) {
        let index = usize::try_from(recorded.index).unwrap();
        let found = self.disk.hashes.lock().unwrap().get(index).cloned();
        assert_eq!(found, Some(recorded.event_hash.to_string()), "event {index} was acknowledged and is not written");
        if self.shared.durability == Durability::Batch {
            let synced = self.disk.synced.load(Ordering::SeqCst);
            assert!(index < synced, "event {index} was acknowledged when {synced} were synced");
        }
    }

    /// Ends as `Ledger::close` does; then all that was recorded is on the disk, in order.
    fn close(&self, flusher: thread::JoinHandle<()>) {
        self.shared.queue().closing = true;
        self.shared.flusher.notify_all();
        flusher.join().unwrap();
        let flushed = self.shared.flush();
        let queue = self.shared.queue();
        let recorded = usize::try_from(queue.sequence.next_index()).unwrap();
        let (written, synced) = (self.disk.written(), self.disk.synced.load(Ordering::SeqCst));
        assert_eq!(flushed.is_ok(), queue.poison.is_none());
        if flushed.is_ok() {
            assert_eq!((written, synced), (recorded, recorded));
        } else {
            assert!(synced <= written && written <= recorded);
        }
    }
}

/// Gives up after the inner future was woken and polled this often.
struct GivingUp<F> {
    inner: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for GivingUp<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match self.inner.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => {
                // Told to lead in the meantime, perhaps; then that has to be passed on.
                (0..3).for_each(|_| thread::yield_now());
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// One caller of the ledger; `patience` is after how many polls it drops its future, if it does.
fn call(world: &World, events: usize, patience: Option<usize>) {
    for _ in 0..events {
        let Some(recorded) = world.record() else { return };
        let wait = DurableWait::new(&world.shared, recorded.index);
        let outcome = match patience {
            None => Some(future::block_on(pin!(wait))),
            Some(polls) => future::block_on(GivingUp { inner: Box::pin(wait), polls }),
        };
        match outcome {
            Some(Ok(())) => world.check_acknowledged(recorded),
            Some(Err(_)) => assert!(world.shared.queue().poison.is_some()),
            None => {}
        }
    }
}

/// Callers with this patience, each with two events, beside the flusher and whoever records without waiting.
fn scene(durability: Durability, failing_after: Option<usize>, callers: &'static [Option<usize>]) {
    let world = World::new(durability, failing_after);
    let flushing = Arc::clone(&world);
    let flusher = thread::spawn(move || flush_until_closing(&flushing.shared));
    let threads = callers.iter().map(|patience| {
        let world = Arc::clone(&world);
        thread::spawn(move || call(&world, 2, *patience))
    });
    let mut threads: Vec<_> = threads.collect();
    let careless = Arc::clone(&world);
    threads.push(thread::spawn(move || {
        for _ in 0..3 {
            let _refused_once_poisoned = careless.record();
        }
        // As `Ledger::flush`, in the middle of things.
        assert!(careless.shared.flush().is_ok() || careless.shared.queue().poison.is_some());
    }));
    for thread in threads {
        thread.join().unwrap();
    }
    world.close(flusher);
}

fn try_schedules(scene: impl Fn() + Send + Sync + Clone + 'static) {
    let schedules = std::env::var(SCHEDULES).map_or(SCHEDULES_DEFAULT, |text| text.parse().unwrap());
    let mut config = Config::new();
    // Hashing and formatting in a build for tests take more than its default.
    config.stack_size = 512 * 1024;
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(scene.clone());
    Runner::new(PctScheduler::new(PCT_DEPTH, schedules), config).run(scene);
}

#[test]
fn patient_callers_are_all_acknowledged() {
    for durability in [Durability::Batch, Durability::Relaxed] {
        try_schedules(move || scene(durability, None, &[None, None, None]));
    }
}

#[test]
fn callers_that_go_away_take_nothing_with_them() {
    for durability in [Durability::Batch, Durability::Relaxed] {
        try_schedules(move || scene(durability, None, &[None, Some(1), Some(2), None]));
    }
}

#[test]
fn a_disk_that_fails_leaves_nobody_waiting() {
    for durability in [Durability::Batch, Durability::Relaxed] {
        for failing_after in 0..5 {
            try_schedules(move || scene(durability, Some(failing_after), &[None, Some(1), None]));
        }
    }
}

/// Without a flusher: whoever waits is helped by waiters alone.
#[test]
fn waiters_need_no_flusher() {
    try_schedules(|| {
        let world = World::new(Durability::Batch, None);
        let callers = [None, Some(1), Some(1), None].map(|patience| {
            let world = Arc::clone(&world);
            thread::spawn(move || call(&world, 2, patience))
        });
        for caller in callers {
            caller.join().unwrap();
        }
        world.close(thread::spawn(|| ()));
    });
}
