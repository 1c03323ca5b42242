//! The link as the control plane answers it, and the tasks behind it.

use super::*;
use meetme_model::inventory::LagBackend;

fn site() -> (Site, Arc<Outbox>, mpsc::Receiver<StationEvent>) {
    let (events_in, events) = mpsc::channel(8);
    let outbox = Arc::new(Outbox::default());
    (Site::new(Station::new(events_in), outbox.clone(), None), outbox, events)
}

/// Whether a control plane that answers so has taken the edge in, and how the link ended.
async fn answered(messages: &[ToEdge]) -> (bool, LinkError) {
    let (mut site, outbox, mut events) = site();
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_codec();
    let mut control = tokio_util::codec::Framed::new(theirs, codec);
    for message in messages {
        control.send(Bytes::from(serde_json::to_vec(message).unwrap())).await.unwrap();
    }
    let mut greeted = false;
    let link = Link { site: "ams1", outbox: &outbox };
    let ended = link.run(std::future::ready(Ok(ours)), &mut site, &mut events, &mut greeted).await;
    (greeted, ended)
}

#[tokio::test]
async fn an_edge_that_is_refused_was_not_taken_in() {
    let refused = || ToEdge::Refused { reason: "unknown site".into() };
    let (greeted, ended) = answered(&[refused()]).await;
    assert!(!greeted && matches!(ended, LinkError::Refused(_)), "{ended}");
    let (greeted, _) = answered(&[ToEdge::Routers { routers: vec![] }, refused()]).await;
    assert!(greeted);
}

#[tokio::test]
async fn a_task_that_panicked_is_replaced_with_the_next_list_of_routers() {
    let (mut site, _outbox, _events) = site();
    let management = Management::Frr {
        vty_dir: "/nonexistent".into(),
        lag: LagBackend::Bonding { netns: None },
        bmp_source: "127.0.0.1".parse().unwrap(),
    };
    let access =
        RouterAccess { router: "er1".into(), loopback: "198.18.255.11".parse().unwrap(), management };
    let (inbox, mut messages) = mpsc::unbounded_channel();
    site.tasks.spawn(async move {
        messages.recv().await;
        panic!("as a defect would");
    });
    site.routers.insert("er1".into(), Known::new(access.clone(), inbox));
    assert!(site.tell("er1", ToRouter::Refresh));
    let ended = site.tasks.join_next().await.unwrap();
    assert!(ended.as_ref().is_err_and(JoinError::is_panic));
    site.ended(ended);
    assert!(!site.tell("er1", ToRouter::Refresh));
    site.take_routers(vec![access]);
    assert!(site.tell("er1", ToRouter::Refresh));
}
