//! Every statement is good SQL on both engines.

use super::database::Database;
use crate::db::Access;
use sqlx::Executor;

const ALL: &[(&str, &[(&str, &str)])] = &[
    ("attention", crate::attention::STATEMENTS),
    ("attestations", crate::attestations::STATEMENTS),
    ("audit", crate::audit::STATEMENTS),
    ("connections", crate::connections::STATEMENTS),
    ("folded", crate::folded::STATEMENTS),
    ("inventory", crate::inventory::STATEMENTS),
    ("mails", crate::mails::STATEMENTS),
    ("metrics", crate::metrics::STATEMENTS),
    ("migrate", crate::migrate::STATEMENTS),
    ("monitor_tests", crate::monitor_tests::STATEMENTS),
    ("observed", crate::observed::STATEMENTS),
    ("peer_asns", crate::peer_asns::STATEMENTS),
    ("peering_lists", crate::peering_lists::STATEMENTS),
    ("peering_services", crate::peering_services::STATEMENTS),
    ("peerings", crate::peerings::STATEMENTS),
    ("people", crate::people::STATEMENTS),
    ("places", crate::places::STATEMENTS),
    ("ports", crate::ports::STATEMENTS),
    ("prefix_lists", crate::prefix_lists::STATEMENTS),
    ("prefix_paths", crate::prefix_paths::STATEMENTS),
    ("probes", crate::probes::STATEMENTS),
    ("providing", crate::providing::STATEMENTS),
    ("registered_asns", crate::registered_asns::STATEMENTS),
    ("registered_prefixes", crate::registered_prefixes::STATEMENTS),
    ("resource_groups", crate::resource_groups::STATEMENTS),
    ("router_intents", crate::router_intents::STATEMENTS),
    ("search", crate::search::STATEMENTS),
    ("service_prefixes", crate::service_prefixes::STATEMENTS),
    ("sessions", crate::sessions::STATEMENTS),
    ("subnets", crate::subnets::STATEMENTS),
    ("tokens", crate::tokens::STATEMENTS),
    ("work", crate::work::STATEMENTS),
];

pub async fn every_statement_prepares(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    for (module, statements) in ALL {
        for (name, text) in *statements {
            let text = tx.engine().render(text);
            if let Err(error) = tx.connection().prepare(text).await {
                panic!("{module}::{name}: {error}");
            }
        }
    }
}

#[test]
fn no_module_s_statements_are_left_out() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: Vec<String> = std::fs::read_dir(sources)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("\nstatements! {"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    let listed: Vec<&str> = ALL.iter().map(|(module, _)| *module).collect();
    assert_eq!(found, listed);
}
