//! What whole-system tests share: a state directory with a short path (routers' sockets need one),
//! and a world that is taken down whatever happens to the test.
#![allow(dead_code, reason = "each test uses its part")]

pub mod field;
pub mod product;
pub mod script;
pub mod tls;

use futures::FutureExt;
use meetme_journey::world::{self, Options, World};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

/// Brings up a world and runs `test` in it.
pub fn in_a_world<F: Future<Output = anyhow::Result<()>>>(options: Options, test: impl FnOnce(World) -> F) {
    with_state(|state| async move { test(World::up(&state, options).await?).await });
}

/// Runs `test` with a state directory of its own, and takes down what it brought up there, also
/// when it fails or panics. The directory goes when the test passes, and stays for a look else.
pub fn with_state<F: Future<Output = anyhow::Result<()>>>(test: impl FnOnce(PathBuf) -> F) {
    let state = tempfile::Builder::new().prefix("mj").tempdir_in("/tmp").unwrap().keep();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let result = AssertUnwindSafe(test(state.clone())).catch_unwind().await;
        world::down(&state).await.unwrap();
        result
    });
    match result {
        Ok(Ok(())) => std::fs::remove_dir_all(&state).unwrap(),
        Ok(Err(e)) => panic!("{e:#}\n(its state and logs are in {})", state.display()),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
