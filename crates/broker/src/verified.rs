//! Remembers which contents were hashed as a whole in this process, bounded; checks each once at a time.
//!
//! An entry is a fact about a digest, not about a file: chunk digests that were computed from bytes with
//! that SHA-256. It therefore cannot go stale; a file changed later fails chunk by chunk.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omega_contract::Sha256Hex;

use crate::content::ChunkDigests;
use crate::error::StoreError;

/// Chunk digests kept at most: 16 MiB of memory, for 32 GiB of content.
pub(crate) const KEPT_CHUNKS_MAX: usize = 1 << 19;
/// What an entry weighs beside its chunks, in chunks.
const ENTRY_CHUNKS: usize = 8;

#[derive(Default)]
pub(crate) struct VerifiedContents {
    kept: Mutex<Kept>,
    in_flight: Mutex<HashMap<Sha256Hex, Arc<Mutex<()>>>>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Sha256Hex, Entry>,
    by_use: BTreeMap<u64, Sha256Hex>,
    uses: u64,
    weight_chunks: usize,
}

struct Entry {
    chunks: Arc<ChunkDigests>,
    last_use: u64,
}

impl Kept {
    fn get(&mut self, digest: &Sha256Hex) -> Option<Arc<ChunkDigests>> {
        let entry = self.entries.get_mut(digest)?;
        self.by_use.remove(&entry.last_use);
        self.uses += 1;
        entry.last_use = self.uses;
        self.by_use.insert(entry.last_use, *digest);
        Some(Arc::clone(&entry.chunks))
    }

    fn insert(&mut self, digest: Sha256Hex, chunks: Arc<ChunkDigests>) {
        self.remove(&digest);
        self.uses += 1;
        self.weight_chunks += chunks.chunks() + ENTRY_CHUNKS;
        self.by_use.insert(self.uses, digest);
        self.entries.insert(digest, Entry { chunks, last_use: self.uses });
        // The newest may be too heavy alone: then it is not kept either.
        while self.weight_chunks > KEPT_CHUNKS_MAX {
            let Some((_, oldest)) = self.by_use.first_key_value() else { break };
            self.remove(&oldest.clone());
        }
    }

    fn remove(&mut self, digest: &Sha256Hex) {
        if let Some(entry) = self.entries.remove(digest) {
            self.by_use.remove(&entry.last_use);
            self.weight_chunks -= entry.chunks.chunks() + ENTRY_CHUNKS;
        }
    }
}

impl VerifiedContents {
    pub(crate) fn get(&self, digest: &Sha256Hex) -> Option<Arc<ChunkDigests>> {
        lock(&self.kept).get(digest)
    }

    pub(crate) fn insert(&self, digest: Sha256Hex, chunks: ChunkDigests) {
        lock(&self.kept).insert(digest, Arc::new(chunks));
    }

    /// What is kept for `digest`, or what `verify` finds. While one thread verifies a digest, the others
    /// that want it wait: a hundred calls on one artifact hash it once.
    pub(crate) fn get_or_verify(
        &self,
        digest: &Sha256Hex,
        verify: impl FnOnce() -> Result<ChunkDigests, StoreError>,
    ) -> Result<Arc<ChunkDigests>, StoreError> {
        if let Some(chunks) = self.get(digest) {
            return Ok(chunks);
        }
        let turn = Arc::clone(lock(&self.in_flight).entry(*digest).or_default());
        let my_turn = lock(&turn);
        if let Some(chunks) = self.get(digest) {
            return Ok(chunks);
        }
        let outcome = verify().map(Arc::new);
        if let Ok(chunks) = &outcome {
            lock(&self.kept).insert(*digest, Arc::clone(chunks));
        }
        lock(&self.in_flight).remove(digest);
        drop(my_turn);
        outcome
    }
}

/// A panic elsewhere leaves these maps whole: every change to them is complete before it can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ChunkHasher;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn digests(text: &str) -> (Sha256Hex, ChunkDigests) {
        let mut hasher = ChunkHasher::default();
        hasher.update(text.as_bytes());
        hasher.finish()
    }

    #[test]
    fn many_threads_verify_once() {
        let (digest, _) = digests("a");
        let contents = VerifiedContents::default();
        let (runs, started) = (AtomicUsize::new(0), std::sync::Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    started.wait();
                    let got = contents.get_or_verify(&digest, || {
                        runs.fetch_add(1, Ordering::SeqCst);
                        // Not done before all eight want it: each holds the turn, and so does the map.
                        while lock(&contents.in_flight).get(&digest).is_some_and(|turn| Arc::strong_count(turn) < 9) {
                            std::thread::yield_now();
                        }
                        Ok(digests("a").1)
                    });
                    assert_eq!(got.unwrap().size_bytes(), 1);
                });
            }
        });
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert!(lock(&contents.in_flight).is_empty());
    }

    #[test]
    fn failures_are_not_kept() {
        let (digest, _) = digests("a");
        let contents = VerifiedContents::default();
        let refused = contents.get_or_verify(&digest, || Err(StoreError::HashMismatch { digest }));
        assert!(refused.is_err());
        assert!(contents.get_or_verify(&digest, || Ok(digests("a").1)).is_ok());
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let contents = VerifiedContents::default();
        let fits = KEPT_CHUNKS_MAX / (ENTRY_CHUNKS + 1);
        let name = |i: usize| digests(&format!("content {i}"));
        for i in 0..fits {
            let (digest, chunks) = name(i);
            contents.insert(digest, chunks);
        }
        assert!(contents.get(&name(0).0).is_some());
        let (digest, chunks) = name(fits);
        contents.insert(digest, chunks);
        assert!(contents.get(&name(0).0).is_some(), "used just now");
        assert!(contents.get(&name(1).0).is_none(), "the oldest");
        assert!(contents.get(&digest).is_some(), "the newest");
        let kept = lock(&contents.kept);
        assert!(kept.weight_chunks <= KEPT_CHUNKS_MAX && kept.entries.len() == kept.by_use.len());
    }
}
