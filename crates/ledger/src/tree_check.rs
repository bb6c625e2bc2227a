//! Compares the tree that the events give with what is stored of it: every hash in the packs below the newest checkpoint,
//! and every checkpoint of the log at its size, its signature included.
//!
//! What never happens here: trust in a hash that was not computed from an event, and a look behind the published
//! checkpoint.

use std::path::{Path, PathBuf};

use omega_proof::checkpoint::{HANDOVERS_MAX, HandoverFault, LOG_KEY_EXTENSION, LogKeys, unverified_checkpoint};
use omega_proof::note::VerifierKey;
use omega_proof::tree::TreeHead;

use crate::check::GoodLines;
use crate::checkpoints::{LogLines, PlacedLine, load_frontier, log_fault, published_end};
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::segment::Spot;
use crate::stream::fault_at;
use crate::tree::{Frontier, Layout, Node, Proofs, StoredTree};

/// What was found of a ledger's checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckpointVerdict {
    /// Checkpoints of the log, all of them compared with the tree that the events give.
    pub checkpoints: u64,
    /// Those from before the key that was trusted: their signatures were not checked.
    pub before_key: u64,
    /// Those over events that are not here but in an archive, or the other way round: only signatures were checked.
    pub elsewhere: u64,
    /// The newest one's size and root.
    pub newest: Option<TreeHead>,
}

/// What part of a tree has its events here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// The first event.
    pub(crate) from: u64,
    /// The tree of the events up to the last one; `None`: that of the newest checkpoint.
    pub(crate) until: Option<TreeHead>,
}

/// The tree as the events give it, up to where the check is.
pub(crate) struct TreeCheck {
    frontier: Frontier,
    stored: StoredTree,
    dir: PathBuf,
    /// The newest checkpoint: what the packs are to have.
    newest: TreeHead,
    /// The same, of an archive.
    until: Option<TreeHead>,
    lines: LogLines,
    next: Option<Due>,
    keys: TrustedKeys,
    before: u64,
    found: CheckpointVerdict,
}

/// The next checkpoint that is to be met.
struct Due {
    placed: PlacedLine,
    head: TreeHead,
}

impl TreeCheck {
    /// Begins with the first event. `trusted` is a key of the log; its hand-overs are followed.
    pub(crate) fn begin(
        dir: &Path,
        layout: Layout,
        trusted: &VerifierKey,
        extent: Extent,
    ) -> Result<Self, LedgerError> {
        let Extent { from, until } = extent;
        let end = published_end(dir)?;
        let keys = trusted_keys(dir, trusted, end)?;
        let newest = until.map_or_else(|| newest_head(dir, end), Ok)?;
        let frontier = if from == 0 {
            Frontier::default()
        } else {
            // What came before is known from the packs, each hash of it checked against the newest root.
            load_frontier(dir, &Proofs::of(dir, layout, newest).head_at(from)?)?
        };
        let mut check = Self {
            frontier,
            stored: StoredTree::new(dir, layout, from, newest.size),
            until,
            dir: dir.to_owned(),
            newest,
            lines: LogLines::open(dir, end)?,
            next: None,
            keys,
            before: 0,
            found: CheckpointVerdict::default(),
        };
        check.advance()?;
        while let Some(due) = check.next.take_if(|due| due.head.size < from) {
            check.verify_signature(&due.placed)?;
            check.found.elsewhere += 1;
            check.advance()?;
        }
        check.meet(Spot { index: from, ..Spot::START })?;
        Ok(check)
    }

    /// Takes lines of `segment`, in their order.
    pub(crate) fn take(&mut self, segment: u64, lines: &GoodLines) -> Result<(), LedgerError> {
        let mut line_start = lines.start;
        for (leaf, end) in lines.leaves.iter().zip(&lines.ends) {
            let begin = Spot { index: self.frontier.size(), segment, offset: line_start };
            self.push(*leaf).map_err(|fault| self.blame(begin, fault))?;
            line_start = lines.start + u64::from(*end);
            if self.next.as_ref().is_some_and(|due| due.head.size == self.frontier.size()) {
                let offset = lines.start + u64::from(*end);
                self.meet(Spot { index: self.frontier.size(), segment, offset })?;
            }
        }
        Ok(())
    }

    fn push(&mut self, leaf: Node) -> Result<(), LedgerError> {
        let Self { frontier, stored, .. } = self;
        let mut outcome = Ok(());
        frontier.push(leaf, |level, hash| {
            if outcome.is_ok() {
                outcome = stored.compare(level, hash);
            }
        });
        outcome
    }

    /// Of an event and a stored leaf that differ, the one at fault is the one that the newest checkpoint does not speak
    /// for.
    fn blame(&self, event: Spot, fault: LedgerError) -> LedgerError {
        let is_leaf = matches!(&fault, LedgerError::Corrupt(LedgerFault { file, kind: FaultKind::TileMismatch { .. }, .. })
            if self.stored.is_of_leaves(file));
        if is_leaf && Proofs::of(&self.dir, self.stored.layout(), self.newest).leaf(event.index).is_ok() {
            return fault_at(event, FaultKind::OtherLeaf { index: event.index }).into();
        }
        fault
    }

    /// Compares the checkpoints of this size with the tree.
    fn meet(&mut self, end: Spot) -> Result<(), LedgerError> {
        while let Some(Due { placed, head }) = self.next.take_if(|due| due.head.size == self.frontier.size()) {
            let PlacedLine { number, offset, line } = placed;
            let fault = |kind| log_fault(number, offset, kind);
            let computed = self.frontier.head();
            if computed != head {
                let (size, signed, computed) = (head.size, head.root, computed.root);
                return Err(fault(FaultKind::OtherRoot { size, signed, computed }));
            }
            // Behind an archive, that place is in there.
            let is_here = end.offset > 0 || head.size == 0;
            if is_here && (line.segment, line.length) != (end.segment, end.offset) {
                let (segment, length) = (line.segment, line.length);
                return Err(fault(FaultKind::CheckpointPlace { size: head.size, segment, length }));
            }
            self.verify_signature(&PlacedLine { number, offset, line })?;
            self.found.checkpoints += 1;
            self.found.newest = Some(head);
            self.advance()?;
        }
        Ok(())
    }

    fn verify_signature(&mut self, placed: &PlacedLine) -> Result<(), LedgerError> {
        match self.keys.keys.verify_checkpoint(placed.line.note.as_bytes()) {
            Ok(_) => Ok(()),
            // Nobody trusted speaks for what came before the hand-over to the trusted key.
            Err(HandoverFault::Signature { .. }) if placed.number < self.keys.from_line => {
                self.found.before_key += 1;
                Ok(())
            }
            Err(kind) => Err(log_fault(placed.number, placed.offset, FaultKind::CheckpointKey(kind))),
        }
    }

    fn advance(&mut self) -> Result<(), LedgerError> {
        let Some(placed) = self.lines.next()? else {
            self.next = None;
            return Ok(());
        };
        let head = head_of(&placed)?;
        if head.size < self.before {
            let kind = FaultKind::CheckpointOrder { size: head.size, before: self.before };
            return Err(log_fault(placed.number, placed.offset, kind));
        }
        self.before = head.size;
        self.next = Some(Due { placed, head });
        Ok(())
    }

    /// The size of the newest checkpoint.
    pub(crate) const fn newest_size(&self) -> u64 {
        self.newest.size
    }

    /// Says whether every checkpoint was met, of a ledger that ends at `end`.
    pub(crate) fn finish(mut self, end: Spot, file: String) -> Result<CheckpointVerdict, LedgerError> {
        let is_whole = self.until.is_none_or(|until| until == self.frontier.head());
        while let Some(due) = self.next.take_if(|_| self.until.is_some() && is_whole) {
            self.verify_signature(&due.placed)?;
            self.found.elsewhere += 1;
            self.advance()?;
        }
        if self.next.is_some() || !is_whole {
            let kind = FaultKind::TruncatedBelowCheckpoint { size: self.newest.size };
            return Err(LedgerFault { file, line: 0, offset: end.offset, kind }.into());
        }
        Ok(self.found)
    }
}

fn head_of(placed: &PlacedLine) -> Result<TreeHead, LedgerError> {
    let checkpoint = unverified_checkpoint(placed.line.note.as_bytes());
    let fault = |kind| log_fault(placed.number, placed.offset, FaultKind::CheckpointFault(kind));
    Ok(checkpoint.map_err(fault)?.head)
}

/// What the last line of the log states.
fn newest_head(dir: &Path, end: u64) -> Result<TreeHead, LedgerError> {
    let (mut lines, mut newest) = (LogLines::open(dir, end)?, None);
    while let Some(placed) = lines.next()? {
        newest = Some(placed);
    }
    newest.as_ref().map_or(Ok(TreeHead::EMPTY), head_of)
}

/// The keys of a log as far as they can be followed.
pub(crate) struct TrustedKeys {
    pub(crate) keys: LogKeys,
    /// The log's line that handed over to the trusted key; 0 of a log that began with it.
    pub(crate) from_line: u64,
}

/// The keys of the log, as its hand-overs up to `end` have them.
pub(crate) fn trusted_keys(dir: &Path, trusted: &VerifierKey, end: u64) -> Result<TrustedKeys, LedgerError> {
    let own = format!("\n{LOG_KEY_EXTENSION} {trusted}\n");
    let (mut notes, mut places, mut from_line) = (Vec::new(), Vec::new(), 0);
    for placed in hand_overs(dir, end)? {
        if placed.line.note.contains(&own) {
            from_line = placed.number;
        }
        places.push((placed.number, placed.offset));
        notes.push(placed.line.note);
    }
    let keys = LogKeys::follow(trusted, &notes).map_err(|fault| {
        let position = match &fault {
            HandoverFault::Checkpoint { position, .. }
            | HandoverFault::KeyLines { position, .. }
            | HandoverFault::Vkey { position, .. }
            | HandoverFault::Order { position, .. } => *position,
            _ => places.len().saturating_sub(1),
        };
        let (number, offset) = places.get(position).copied().unwrap_or_default();
        log_fault(number, offset, FaultKind::CheckpointKey(fault))
    })?;
    Ok(TrustedKeys { keys, from_line })
}

/// The log's hand-overs up to `end`, oldest first.
pub(crate) fn hand_overs(dir: &Path, end: u64) -> Result<Vec<PlacedLine>, LedgerError> {
    let prefix = format!("\n{LOG_KEY_EXTENSION} ");
    let word = memchr::memmem::Finder::new(LOG_KEY_EXTENSION);
    let (mut lines, mut found) = (LogLines::open(dir, end)?, Vec::new());
    while let Some(placed) = lines.next_with(&word)? {
        if placed.line.note.contains(&prefix) {
            if found.len() > HANDOVERS_MAX {
                let kind = FaultKind::CheckpointKey(HandoverFault::TooMany { count: found.len() });
                return Err(log_fault(placed.number, placed.offset, kind));
            }
            found.push(placed);
        }
    }
    Ok(found)
}
