//! What whole-system tests share: a world that is taken down whatever happens to the test.

use meetme_journey::world::{self, Options, World};
use std::future::Future;
use std::path::PathBuf;

/// Brings up a world, runs `test` in it, and takes it down again, also when the test fails. The
/// state stays for a look when it does.
pub fn in_a_world<F: Future<Output = anyhow::Result<()>>>(
    name: &str,
    options: Options,
    test: impl FnOnce(World) -> F,
) {
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let up = World::up(&state, options).await.unwrap();
        let result = test(up).await;
        world::down(&state).await.unwrap();
        result.unwrap_or_else(|e| panic!("{e:#}\n(its state and logs are in {})", state.display()));
    });
}
