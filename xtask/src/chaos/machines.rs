//! What goes wrong with processes, networks, clocks and disks.

use super::{clocks, dice::Dice, run::Run, side::Side};

#[derive(Copy, Clone)]
enum Event {
    KillDaemon,
    StopDaemon,
    KillServer,
    StopServer,
    Cut,
    CutAll,
    Drop,
    DaemonClock,
    ServerClock,
    FullDisk,
    Kubelet,
    MovedAway,
}

const EVENTS: [(u32, Event); 12] = [
    (5, Event::KillDaemon),
    (4, Event::StopDaemon),
    (3, Event::KillServer),
    (3, Event::StopServer),
    (4, Event::Cut),
    (2, Event::CutAll),
    (4, Event::Drop),
    (2, Event::DaemonClock),
    (4, Event::ServerClock),
    (3, Event::FullDisk),
    (2, Event::Kubelet),
    (3, Event::MovedAway),
];

pub(super) fn run(run: &Run, side: &Side, mut dice: Dice) {
    while !run.is_over() {
        // Everything is drawn before anything is looked at: the plan is the seed's alone.
        let (before, event, which) = (dice.span(500, 4_000), dice.weighted(&EVENTS), dice.below(60));
        // Longer than freshness, mostly, and at times longer than `hold`.
        let lasting = if dice.below(12) == 0 { dice.span(15_000, 19_000) } else { dice.span(1_500, 8_000) };
        let ahead = i64::try_from(dice.ms(3, 240)).unwrap_or(3) * if dice.below(2) == 0 { 1 } else { -1 };
        run.nap(before);
        if run.is_over() {
            return;
        }
        let daemon = &side.daemons[which % side.daemons.len()];
        let link = &side.links[which % side.links.len()];
        let servers: Vec<_> = side.posts.iter().filter(|post| post.is_server()).collect();
        let server = servers[which % servers.len()];
        let told =
            |what: &str, whom: &str| run.inject(what, &format!("{whom}, for {:.1} s", lasting.as_secs_f64()));
        let whom = format!("{} {}", side.store, server.language);
        match event {
            Event::KillDaemon => {
                let killed = daemon.kill_during(|| {
                    told("SIGKILL of a daemon", &daemon.name);
                    run.nap(lasting);
                });
                if let Err(error) = killed {
                    run.score.broken(format!("{}: {error:#}", daemon.name));
                }
            }
            Event::StopDaemon => {
                daemon.stop_during(|| {
                    told("SIGSTOP of a daemon", &daemon.name);
                    run.nap(lasting);
                });
            }
            Event::KillServer => {
                let killed = server.kill_during(|| {
                    told("SIGKILL of a server", &whom);
                    run.nap(lasting / 4);
                });
                if let Err(said) = killed {
                    run.score.broken(format!("{whom} does not start: {said}"));
                }
            }
            Event::StopServer => {
                server.stop_during(|| {
                    told("SIGSTOP of a server", &whom);
                    run.nap(lasting);
                });
            }
            Event::Cut => {
                told("a link cut", &format!("to {}", daemon.name));
                link.cut();
                run.nap(lasting);
                link.mend();
            }
            Event::CutAll => {
                told("all links cut", side.store);
                side.links.iter().for_each(crossfade_testing_fleet::link::Link::cut);
                run.nap(lasting);
                side.links.iter().for_each(crossfade_testing_fleet::link::Link::mend);
            }
            Event::Drop => {
                run.inject("connections dropped", &format!("to {}", daemon.name));
                link.drop_all();
            }
            Event::DaemonClock => {
                if let Some(clock) = &daemon.clock {
                    run.inject("a daemon's clock jumps", &format!("{} by {ahead} s", daemon.name));
                    clocks::set(clock.as_os_str(), ahead);
                    run.nap(lasting);
                    clocks::set(clock.as_os_str(), 0);
                }
            }
            Event::ServerClock => {
                if let Some(clock) = server.clock().filter(|_| server.language != "rust") {
                    run.inject("a server's clock jumps", &format!("{whom} by {ahead} s"));
                    clocks::set(clock, ahead);
                    run.nap(lasting);
                    clocks::set(clock, 0);
                }
            }
            Event::FullDisk => {
                if let Some(disk) = &side.disk {
                    told("full disk", side.store);
                    disk.fill(daemon);
                    run.nap(lasting);
                    disk.free(daemon);
                }
            }
            Event::Kubelet => {
                if let Some(disk) = &side.disk {
                    run.inject("kubelet gives the store's files to our group", side.store);
                    if let Err(error) = disk.give_to_our_group() {
                        run.score.broken(format!("kubelet's part can't be played: {error}"));
                    }
                }
            }
            Event::MovedAway => {
                if let Some(disk) = &side.disk {
                    told("the database moved away", side.store);
                    if let Err(error) = disk.without_database(|| run.nap(lasting)) {
                        run.score.broken(format!("the database can't be moved: {error}"));
                    }
                }
            }
        }
    }
}
