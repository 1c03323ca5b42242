//! The demonstration itself: what `make run ONCE=1` does passes.

mod common;

use meetme_journey::run::run;
use meetme_journey::world::Options;

#[test]
fn a_provider_goes_from_asn_to_optimized_routing_and_traffic_survives_faults() {
    let options = Options { port: 8961, ..Options::default() };
    common::with_state(|state| async move { run(&state, options, true, None).await });
}
