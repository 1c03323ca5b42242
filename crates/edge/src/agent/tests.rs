//! The link as the control plane answers it, and the tasks behind it.

use super::*;
use crate::routers::frr::fixture;
use crate::routers::simulated::Simulated;
use meetme_model::intent::SessionPhase;
use meetme_model::intent_parts::IntentParts;
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
    let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
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

fn access() -> RouterAccess {
    let management = Management::Frr {
        vty_dir: "/nonexistent".into(),
        lag: LagBackend::Bonding { netns: None },
        bmp_source: "127.0.0.1".parse().unwrap(),
    };
    RouterAccess { router: "ams1-er1".into(), loopback: "198.18.255.11".parse().unwrap(), management }
}

/// Whether the outbox has a message of this kind.
async fn is_told(outbox: &Outbox, kind: impl Fn(&ToControl) -> bool) -> bool {
    let told = tokio::time::timeout(Duration::from_millis(50), outbox.take()).await;
    told.is_ok_and(|messages| messages.iter().any(kind))
}

#[tokio::test]
async fn an_edge_acts_on_whole_intents_only_and_asks_for_what_it_lacks() {
    let (mut site, outbox, _events) = site();
    let (inbox, mut messages) = mpsc::unbounded_channel();
    site.routers.insert("ams1-er1".into(), Known::new(access(), inbox));
    let wanted = fixture::intent(7, SessionPhase::Open);
    let is_asked =
        |message: &ToControl| matches!(message, ToControl::IntentWanted { router } if router == "ams1-er1");
    let send = |site: &mut Site, leave_out: usize| {
        let (parts, head) = IntentParts::of(&wanted).one_by_one();
        for part in parts.skip(leave_out) {
            site.message(ToEdge::IntentPart { router: "ams1-er1".into(), part });
        }
        site.message(ToEdge::Intent { head: Box::new(head) });
    };
    send(&mut site, 1);
    assert!(is_told(&outbox, is_asked).await && messages.try_recv().is_err());
    send(&mut site, 0);
    assert!(!is_told(&outbox, is_asked).await);
    let Ok(ToRouter::Intent(intent)) = messages.try_recv() else { panic!("the router's task is told") };
    assert_eq!(*intent, wanted);
    // Another link begins with nothing.
    site.refresh();
    site.message(ToEdge::Intent { head: Box::new(IntentParts::of(&wanted).head) });
    assert!(is_told(&outbox, is_asked).await);
}

#[tokio::test]
async fn a_difference_asked_for_connections_is_told_of_them_alone() {
    let (_, outbox, _) = site();
    let router = Simulated::new(1);
    let samples = Arc::new(Samples::new(outbox.clone()));
    let (station_events, _) = mpsc::channel(8);
    let station = Station::new(station_events);
    let task = RouterTask::new("ams1-er1".into(), router, outbox.clone(), station, samples, None);
    let (inbox, messages) = mpsc::unbounded_channel();
    let task = tokio::spawn(task.run(messages));
    let wanted = fixture::intent(7, SessionPhase::Open);
    inbox.send(ToRouter::Intent(Box::new(wanted.clone()))).unwrap_or_else(|_| panic!("it runs"));
    let mut instead = wanted.clone();
    instead.lags = vec![fixture::lag(9)];
    instead.sessions = vec![fixture::session(9, SessionPhase::Denied)];
    let mut answers = BTreeMap::new();
    for (id, instead) in [(1, Some(Box::new(instead))), (2, None)] {
        inbox.send(ToRouter::Diff(id, instead)).unwrap_or_else(|_| panic!("it runs"));
        while !answers.contains_key(&id) {
            for message in outbox.take().await {
                if let ToControl::Answer { id, answer } = message {
                    answers.insert(id, answer);
                }
            }
        }
    }
    task.abort();
    let shown = |id| match &answers[&id] {
        Ok(EdgeAnswer::Diff { generation, diff, .. }) => (*generation, diff.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(1), (Some(7), "@@ lag9 @@\n".to_owned()));
    let (generation, whole) = shown(2);
    assert!(generation == Some(7) && !whole.contains("lag9"), "{whole}");
}

#[tokio::test]
async fn a_task_that_panicked_is_replaced_with_the_next_list_of_routers() {
    let (mut site, outbox, _events) = site();
    let access = access();
    let (inbox, mut messages) = mpsc::unbounded_channel();
    site.tasks.spawn(async move {
        messages.recv().await;
        panic!("as a defect would");
    });
    site.routers.insert("ams1-er1".into(), Known::new(access.clone(), inbox));
    assert!(site.tell("ams1-er1", ToRouter::Refresh));
    let ended = site.tasks.join_next().await.unwrap();
    assert!(ended.as_ref().is_err_and(JoinError::is_panic));
    site.ended(ended);
    let is_away = |m: &ToControl| matches!(m, ToControl::Router { state } if !state.reachable);
    assert!(is_told(&outbox, is_away).await, "it isn't told as reachable");
    assert!(!site.tell("ams1-er1", ToRouter::Refresh));
    site.take_routers(vec![access]);
    assert!(site.tell("ams1-er1", ToRouter::Refresh));
}

#[tokio::test]
async fn an_edge_that_starts_before_its_control_plane_works_on_the_routers_that_it_kept() {
    let dir = tempfile::tempdir().unwrap();
    KeptDir::open(dir.path()).unwrap().keep_routers(&[access()]);
    let config = AgentConfig {
        site: "ams1".into(),
        bmp_listen: "127.0.0.1:0".parse().unwrap(),
        state_dir: Some(dir.path().to_owned()),
    };
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let mut ours = Some(ours);
    let working = Agent::new(config).run(move || {
        let stream = ours.take();
        async move { stream.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()) }
    });
    let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
    let mut control = tokio_util::codec::Framed::new(theirs, codec);
    let told = async {
        while let Some(Ok(frame)) = control.next().await {
            if let ToControl::Router { state } = serde_json::from_slice(&frame).unwrap() {
                return state.router;
            }
        }
        panic!("it tells of its router though none was listed");
    };
    tokio::select! {
        router = told => assert_eq!(router, "ams1-er1"),
        ended = working => panic!("{ended:?}"),
    }
}
