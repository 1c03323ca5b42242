//! The demonstration itself: what `make run ONCE=1` does passes.

use meetme_journey::run::run;
use std::path::Path;

#[test]
fn a_provider_goes_from_asn_to_optimized_routing_and_traffic_survives_faults() {
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journey");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(run(&state, true));
    result.unwrap_or_else(|e| panic!("{e:#}\n(its state and logs are in {})", state.display()));
}
