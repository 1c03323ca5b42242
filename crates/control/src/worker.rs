//! Claims work and runs the reconcilers, as many processes as there may be.
//!
//! Work is a row that means "look again". It is leased, so that a process that dies gives it back,
//! and tried again with back-off when it fails. Mails go their own way: a slow mail server holds
//! nothing up.

use crate::links::Links;
use crate::mails::Sender;
use crate::reconcile::{self, Outcome};
use crate::samples;
use crate::settings::Settings;
use crate::{ControlError, now};
use jiff::{SignedDuration, Timestamp};
use meetme_model::allocation::ADDRESS_REST;
use meetme_store::{self as store, Store, WorkItem, WorkKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

/// A reconciler is done within this time, or another process takes over.
const LEASE_MS: u32 = 30_000;
/// Work claimed at once.
const BATCH: u32 = 16;
/// Work from another process, or due by time, is noticed within this time.
const POLL: Duration = Duration::from_secs(1);
/// Everything is looked at again this often: a wake that got lost costs no more than this.
const RESYNC: Duration = Duration::from_secs(600);
/// Handing over a mail takes no longer than this, well within the lease.
pub(crate) const MAIL_TIME: SignedDuration = SignedDuration::from_secs(20);
/// Mails handed over at once.
const MAILS_AT_ONCE: usize = 4;

/// Runs reconcilers until it is dropped.
pub struct Worker {
    store: Store,
    links: Arc<Links>,
    settings: Arc<Settings>,
    sender: Option<Arc<Sender>>,
    holder: String,
    mails: TaskTracker,
    mail_slots: Arc<Semaphore>,
}

impl Worker {
    /// A worker of this process.
    ///
    /// # Errors
    /// When the mail settings don't hold.
    pub fn new(store: Store, links: Arc<Links>, settings: Settings) -> Result<Self, ControlError> {
        let sender = settings.mail.as_ref().map(Sender::new).transpose()?.map(Arc::new);
        Ok(Self {
            store,
            links,
            settings: Arc::new(settings),
            sender,
            holder: uuid::Uuid::new_v4().to_string(),
            mails: TaskTracker::new(),
            mail_slots: Arc::new(Semaphore::new(MAILS_AT_ONCE)),
        })
    }

    /// Works for ever. What the store refuses is told and tried again.
    pub async fn run(self) {
        let mut resync = tokio::time::interval(RESYNC);
        loop {
            let changed = self.store.changed();
            tokio::pin!(changed);
            match self.work().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(e) => error!("couldn't claim work: {e}"),
            }
            tokio::select! {
                () = &mut changed => {}
                () = tokio::time::sleep(POLL) => {}
                _ = resync.tick() => {
                    if let Err(e) = self.resync().await {
                        error!("couldn't enqueue the periodic look at everything: {e}");
                    }
                }
            }
        }
    }

    /// Claims and does what is due; true when there was something.
    async fn work(&self) -> Result<bool, ControlError> {
        let items = store::work_claim(&self.store, &self.holder, now(), LEASE_MS, BATCH).await?;
        let found = !items.is_empty();
        for item in items {
            if item.kind == WorkKind::Mail {
                self.mail(item);
            } else {
                let result = self.reconcile(&item).await;
                finish(&self.store, &item, result).await;
            }
        }
        Ok(found)
    }

    async fn reconcile(&self, item: &WorkItem) -> Result<Outcome, ControlError> {
        let id = || item.key.parse::<i64>().ok();
        match (item.kind, id()) {
            (WorkKind::PeerAsn, Some(id)) => {
                reconcile::peer_asn::reconcile(&self.store, &self.settings, id).await
            }
            (WorkKind::Peering, Some(id)) => {
                reconcile::peering::reconcile(&self.store, &self.settings, id).await
            }
            (WorkKind::RegisteredPrefix, Some(id)) => {
                reconcile::registered_prefix::reconcile(&self.store, id).await
            }
            (WorkKind::ServicePrefix, Some(id)) => {
                reconcile::service_prefix::reconcile(&self.store, id).await
            }
            (WorkKind::Router, _) => reconcile::router::reconcile(&self.store, &self.links, &item.key).await,
            (WorkKind::Mail, _) => {
                reconcile::mail::reconcile(&self.store, self.sender.as_deref(), &item.key).await
            }
            (kind, None) => {
                error!(?kind, key = item.key, "work with a key that isn't an id; it is dropped");
                Ok(Outcome::Settled)
            }
        }
    }

    fn mail(&self, item: WorkItem) {
        let (store, sender, slots) = (self.store.clone(), self.sender.clone(), self.mail_slots.clone());
        self.mails.spawn(async move {
            let _slot = slots.acquire().await;
            // Too late to be sent within the lease: another process may have it by then.
            if now() + MAIL_TIME > item.lease_until {
                return;
            }
            let result = reconcile::mail::reconcile(&store, sender.as_deref(), &item.key).await;
            finish(&store, &item, result).await;
        });
    }

    /// Everything is to be looked at again.
    async fn resync(&self) -> Result<(), ControlError> {
        let mut tx = self.store.begin().await?;
        let now = now();
        store::work_enqueue_everything(&mut tx, now).await?;
        store::subnets_purge(&mut tx, now - ADDRESS_REST).await?;
        tx.commit().await?;
        // On its own: work doesn't wait for it.
        tokio::spawn(samples::prune(self.store.clone()));
        Ok(())
    }
}

/// Closes a piece of work, or puts it off.
async fn finish(store: &Store, item: &WorkItem, result: Result<Outcome, ControlError>) {
    let closed = match result {
        Ok(outcome) => done(store, item, outcome).await,
        Err(e) => {
            let delay = back_off(item.attempts);
            warn!(kind = ?item.kind, key = item.key, "not done, tried again in {} s: {e}", delay.as_secs());
            retry(store, item, now() + delay).await
        }
    };
    if let Err(e) = closed {
        error!(kind = ?item.kind, key = item.key, "couldn't close it, its lease runs out: {e}");
    }
}

async fn done(store: &Store, item: &WorkItem, outcome: Outcome) -> Result<(), ControlError> {
    let mut tx = store.begin().await?;
    if let Outcome::LookAgainAt(at) = outcome {
        store::work_enqueue(&mut tx, item.kind, &item.key, at).await?;
    }
    store::work_done(&mut tx, item).await?;
    Ok(tx.commit().await?)
}

async fn retry(store: &Store, item: &WorkItem, at: Timestamp) -> Result<(), ControlError> {
    let mut tx = store.begin().await?;
    store::work_retry(&mut tx, item, at).await?;
    Ok(tx.commit().await?)
}

/// 1, 2, 4 … up to 300 s.
fn back_off(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs(1i64 << attempts.min(8)).min(SignedDuration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_five_minutes() {
        let seconds: Vec<i64> = [0, 1, 2, 8, 9, 100].iter().map(|n| back_off(*n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 256, 256, 256]);
    }
}
