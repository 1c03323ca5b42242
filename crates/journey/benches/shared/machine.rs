//! What this machine's processors are used for: by the benchmark with everything that it started, and by others. A
//! figure that was measured while others worked tells little, and says so by this.

use anyhow::Context;
use meetme_figures::Figures;
use std::collections::BTreeMap;
use std::time::Instant;

/// Ticks of proc_stat(5) in a second.
const TICKS_PER_S: f64 = 100.0;

/// Processor time since the machine started, in ticks.
pub struct Spent {
    at: Instant,
    ours: u64,
    others: u64,
}

/// Shares of one processor.
pub struct Shares {
    /// Of what the benchmark started, and itself.
    pub ours: f64,
    /// Of everything else on the machine, and of other machines on the same host.
    pub others: f64,
}

impl Spent {
    /// Until now.
    pub fn now() -> anyhow::Result<Self> {
        let (at, ours) = (Instant::now(), of_tree(std::process::id())?);
        let stat = std::fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("/proc/stat is empty")?;
        let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal
        let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|field| ticks.get(*field)).sum::<u64>();
        Ok(Self { at, ours, others: busy.saturating_sub(ours) })
    }

    /// What was used since then.
    pub fn since(&self) -> anyhow::Result<Shares> {
        let now = Self::now()?;
        let share = |before: u64, after: u64| {
            after.saturating_sub(before) as f64 / TICKS_PER_S / now.at.duration_since(self.at).as_secs_f64()
        };
        Ok(Shares { ours: share(self.ours, now.ours), others: share(self.others, now.others) })
    }
}

impl Spent {
    /// Adds to `figures` what others used since then: above its bound, the other figures are to be measured again.
    pub fn tell(&self, name: &str, figures: &mut Figures) -> anyhow::Result<()> {
        let how = "other programs' share of one processor while this was measured; above it, measure again";
        figures.at_most(name, Some(self.since()?.others * 100.0), "%", 20.0, how);
        Ok(())
    }
}

/// What a process and all below it used, with those that ended.
fn of_tree(root: u32) -> anyhow::Result<u64> {
    let mut below: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that ended meanwhile is counted with its parent.
        let Some((parent, ticks)) = of_process(pid) else { continue };
        below.entry(parent).or_default().push((pid, ticks));
    }
    let own = of_process(root).context("the benchmark has no /proc/PID/stat")?;
    let (mut sum, mut left) = (own.1, vec![root]);
    while let Some(pid) = left.pop() {
        for (child, ticks) in below.get(&pid).into_iter().flatten() {
            sum += ticks;
            left.push(*child);
        }
    }
    Ok(sum)
}

/// A process's parent, and the ticks of itself and of its children that ended.
fn of_process(pid: u32) -> Option<(u32, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc_pid_stat(5): after the name come the state, the parent, …; utime, stime, cutime and cstime are fields 14–17.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|f| f.parse::<u64>().ok()).sum();
    Some((fields.get(1)?.parse().ok()?, ticks))
}
