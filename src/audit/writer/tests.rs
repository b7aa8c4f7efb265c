use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use super::{super::event::tests::event, *};

/// A disk on which each group waits until the test lets it through.
struct Slow {
    began: SyncSender<Vec<String>>,
    goes_on: Receiver<io::Result<()>>,
}

impl Pages for Slow {
    fn append(&mut self, entries: &[(Timestamp, Event)]) -> io::Result<()> {
        let details = entries.iter().map(|(_, event)| event.detail.clone().unwrap_or_default());
        self.began.send(details.collect()).map_err(io::Error::other)?;
        self.goes_on.recv().map_err(io::Error::other)?
    }
}

struct Bench {
    writer: Writer,
    account: Arc<Account>,
    /// The entries of a group whose sync has begun.
    began: Receiver<Vec<String>>,
    disk: SyncSender<io::Result<()>>,
}

impl Bench {
    fn new() -> Self {
        let account = Arc::<Account>::default();
        let ((began_at, began), (disk, goes_on)) = (sync_channel(8), sync_channel(8));
        let writer = Writer::start(Slow { began: began_at, goes_on }, &account).expect("a thread");
        Self { writer, account, began, disk }
    }

    fn put(&self, about: About, detail: &str, told: impl FnOnce() + Send + 'static) -> bool {
        self.writer.put(about, Timestamp::from_millis(1), event(detail), Box::new(told))
    }

    /// The next group, whose sync takes as long as the test does.
    fn next_group(&self) -> Vec<String> {
        self.began.recv().expect("a group")
    }

    fn synced(&self) {
        self.disk.send(Ok(())).expect("the thread waits");
    }
}

#[test]
fn all_that_waits_is_written_with_one_sync_in_its_order_and_nobody_is_told_before_it() {
    let bench = Bench::new();
    let (told, heard) = channel();
    let put = |n: usize| {
        let told = told.clone();
        assert!(bench.put(About::Caller, &n.to_string(), move || told.send(n).expect("the test")));
    };
    put(0);
    assert_eq!(bench.next_group(), ["0"]);
    (1..=100).for_each(put);
    bench.synced();
    let group = bench.next_group();
    assert_eq!(group, (1..=100).map(|n| n.to_string()).collect::<Vec<_>>(), "one sync, not a hundred");
    assert_eq!(heard.iter().take(1).collect::<Vec<_>>(), [0]);
    assert!(heard.try_recv().is_err(), "nothing of it is on the disk yet");
    bench.synced();
    assert_eq!(heard.iter().take(100).collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn what_is_about_us_goes_before_a_thousand_callers_entries_and_shares_no_group_with_them() {
    let bench = Bench::new();
    assert!(bench.put(About::Caller, "the first", || ()));
    assert_eq!(bench.next_group(), ["the first"]);
    let taken = (0..2 * WAITING).filter(|_| bench.put(About::Caller, "a caller", || ())).count();
    assert_eq!(taken, WAITING, "callers have so many places, and those beyond are told so");
    assert!(bench.put(About::Us, "a step", || ()) && bench.put(About::Us, "an order", || ()));
    bench.synced();
    assert_eq!(bench.next_group(), ["a step", "an order"]);
    bench.synced();
    assert_eq!(bench.next_group(), vec!["a caller"; GROUP]);
    assert_eq!(bench.account.failures(), 0, "who is not taken has lost nothing");
    drop(bench.disk);
}

#[test]
fn our_own_entries_are_lost_loudly_where_their_queue_is_full_and_stop_nobody() {
    let bench = Bench::new();
    assert!(bench.put(About::Us, "the first", || ()));
    bench.next_group();
    (0..WAITING).for_each(|_| assert!(bench.put(About::Us, "a step", || ())));
    assert!(!bench.put(About::Us, "one too many", || ()));
    assert_eq!(bench.account.failures(), 1);
    drop(bench.disk);
}

#[test]
fn a_group_that_could_not_be_written_is_counted_entry_by_entry_and_everybody_is_told() {
    let bench = Bench::new();
    let (told, heard) = channel();
    let put = |detail: &str| {
        let told = told.clone();
        assert!(bench.put(About::Caller, detail, move || told.send(()).expect("the test")));
    };
    put("written");
    bench.next_group();
    (0..3).for_each(|_| put("lost"));
    bench.synced();
    bench.next_group();
    bench.disk.send(Err(io::ErrorKind::StorageFull.into())).expect("the thread waits");
    assert_eq!((heard.iter().take(4).count(), bench.account.failures()), (4, 3));
}

#[test]
fn a_disk_that_never_answers_does_not_keep_the_process_from_ending() {
    let bench = Bench::new();
    assert!(bench.put(About::Us, "in its hands", || ()));
    bench.next_group();
    assert!(bench.put(About::Us, "waits", || ()) && bench.put(About::Caller, "waits too", || ()));
    let Bench { writer, account, disk, .. } = bench;
    drop(writer);
    assert_eq!(account.failures(), 2, "what still waited is lost, and loudly");
    drop(disk);
}
