//! One unit's change on an FRR router, ready to be run: what comes before, between and after, and how
//! to tell that it is there. Pure.

use super::diff::{self, Step};
use super::owned::{Key, Owned};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What is done to a LAG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LagStep {
    /// Another LAG lets go of members that this one takes, if it still has them; one that is left
    /// without any goes.
    Release {
        /// The other.
        lag: String,
        /// What it lets go of.
        members: Vec<String>,
    },
    /// It gets these members.
    Ensure {
        /// The LAG.
        lag: String,
        /// Its members.
        members: Vec<String>,
    },
    /// It goes.
    Remove {
        /// The LAG.
        lag: String,
    },
}

/// Shared objects that were made since the router was read.
pub type Brought = Arc<Mutex<BTreeSet<Key>>>;

/// One unit's change, ready to be run.
#[derive(Debug, Default)]
pub struct Steps {
    /// What comes before the commands.
    pub before: VecDeque<LagStep>,
    /// The commands, once they are worked out.
    pub commands: VecDeque<Step>,
    /// Between what they lead to `want`; `None` once they are worked out.
    pub have: Option<Owned>,
    /// What `want` is made to be, besides gates: neighbours come into being with theirs closed.
    pub goal: Owned,
    /// Shared objects that other units of the same plan have brought meanwhile.
    pub brought: Brought,
    /// What comes after them.
    pub after: VecDeque<LagStep>,
    /// What of the unit should be there then: its own objects, and shared ones that it refers to.
    pub want: Owned,
    /// Its own objects that are or were there: those not wanted must be gone.
    pub own: BTreeSet<Key>,
    /// The LAG that should be there then.
    pub lag: Option<(String, Option<Vec<String>>)>,
    /// Connections that the steps run over.
    pub open: super::apply::Open,
}

impl Steps {
    /// Works out the commands, at the first step: what other units have brought by then is there.
    pub fn work_out(&mut self) {
        let Some(mut have) = self.have.take() else { return };
        let brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, lines) in self.goal.blocks.iter().filter(|(key, _)| brought.contains(key)) {
            have.blocks.insert(key.clone(), lines.clone());
        }
        self.commands = diff::change(&have, &self.goal).steps.into();
    }

    /// Shared objects that aren't there in any form, and that nobody else has brought yet.
    pub fn brings(&self) -> Owned {
        let nothing = Owned::default();
        let have = self.have.as_ref().unwrap_or(&nothing);
        let brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        self.goal.part(|key| key.is_shared() && !brought.contains(key) && !have.blocks.contains_key(key))
    }

    /// These shared objects are on the router now, whoever brought them.
    pub fn are_brought(&self, keys: impl Iterator<Item = Key>) {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
    }

    /// All of it was done: others needn't bring its shared objects.
    pub fn done(&self) {
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.extend(self.goal.blocks.keys().filter(|k| k.is_shared()).cloned());
    }
}
