//! What a verdict costs, beside one SHA-256 of the same bytes. `cargo xtask bench` reads the output.
//!
//! Every round measures all cases one after the other, so that a ratio compares neighbours in time;
//! what is printed are medians over the rounds.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    time::Instant,
};

use crossfade_verify::{AcceptSet, Digest, Entry, Moment, Stage, Verdict, View, decide, token::checksum};
use sha2::{Digest as _, Sha256};

const ROUNDS: usize = 500;
/// How many calls a round makes of each case: so few that most rounds pass without another process's turn.
const CALLS: usize = 2_000;
/// In the large set. Each is asked for once before one is again.
const ENTRIES: usize = 100_000;
const TAKEN: Moment = Moment { boot_ms: 1, wall_ms: 1 };

/// As long as Crossfade makes them.
type Token = [u8; 53];

fn main() {
    let tokens: Vec<Token> = (0..ENTRIES).map(token).collect();
    let (small, large) = (view(&tokens[..3]), view(&tokens));
    let few: Vec<Token> = tokens.iter().take(3).cycle().take(ENTRIES).copied().collect();
    // As slices: how long a presented token is, nobody knows before.
    let many: Vec<&[u8]> = tokens.iter().map(Token::as_slice).collect();
    let few: Vec<&[u8]> = few.iter().map(Token::as_slice).collect();

    let made = allocations_in(|| {
        assert!(many.iter().all(|token| matches!(decide(Some(&large), token, TAKEN), Verdict::Accepted(_))));
    });
    let [mut hash, mut verdict, mut verdict_large, mut over_hash, mut over_small] = [const { Vec::new() }; 5];
    for some in many.chunks(CALLS).cycle().take(ROUNDS) {
        let few = &few[..CALLS];
        let h = nanoseconds_each(few, |token| _ = black_box(Sha256::digest(token)));
        let v = nanoseconds_each(few, |token| accept(&small, token));
        let l = nanoseconds_each(some, |token| accept(&large, token));
        hash.push(h);
        verdict.push(v);
        verdict_large.push(l);
        over_hash.push(v / h);
        over_small.push(l / v);
    }
    println!("sha256_ns {:.1}", median(hash));
    println!("verdict_ns {:.1}", median(verdict));
    println!("verdict_100000_ns {:.1}", median(verdict_large));
    println!("verdict_over_sha256 {:.3}", median(over_hash));
    println!("verdict_100000_over_3 {:.3}", median(over_small));
    println!("allocations {made}");
    #[cfg(feature = "verifier")]
    verifier::measure(small, &few);
}

/// The same with clocks read, a view that may be swapped, and a count kept of each use.
#[cfg(feature = "verifier")]
mod verifier {
    use std::{
        sync::{Barrier, mpsc},
        thread,
    };

    use crossfade_verify::{Clock as _, SystemClock, Verifier};

    use super::*;

    /// For two threads: so many that both work at the same time, whichever of them begins, and so few that most rounds
    /// pass without another process's turn.
    const CALLS_OF_BOTH: usize = 10_000;
    const ROUNDS_OF_BOTH: usize = 200;

    pub(crate) fn measure(small: View, tokens: &[&[u8]]) {
        let verifier = Verifier::new("a");
        let now = SystemClock.moment();
        verifier.replace(View { taken: now, ..small });
        let tokens: Vec<&str> = tokens.iter().map(|token| str::from_utf8(token).expect("text")).collect();
        let accept = |token: &str| {
            assert!(matches!(black_box(verifier.verify(black_box(token))), Verdict::Accepted(_)));
        };
        let hash = |token: &str| _ = black_box(Sha256::digest(token));
        accept(tokens[0]);
        let made = allocations_in(|| tokens.iter().for_each(|token| accept(token)));
        let [mut clocks, mut each, mut over_hash] = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let tokens = &tokens[..CALLS];
            let alone = nanoseconds_each(tokens, accept);
            over_hash.push(alone / nanoseconds_each(tokens, hash));
            each.push(alone);
            clocks.push(nanoseconds_each(tokens, |_| _ = black_box(SystemClock.moment())));
        }
        println!("clocks_ns {:.1}", median(clocks));
        println!("verifier_ns {:.1}", median(each));
        println!("verifier_over_sha256 {:.3}", median(over_hash));
        by_two_threads(&tokens[..CALLS_OF_BOTH], &accept, &hash);
        println!("verifier_allocations {made}");
    }

    /// Two threads that go through all rounds, as a server's do: each works on all tokens, at the same time. What
    /// counts is the slower one.
    fn by_two_threads(tokens: &[&str], accept: Work<'_>, hash: Work<'_>) {
        let [mut both, mut both_over_hash] = [const { Vec::new() }; 2];
        let begin = &Barrier::new(2);
        let (ask, asked) = mpsc::channel::<Work<'_>>();
        let (tell, told) = mpsc::channel();
        let one = |work| {
            begin.wait();
            nanoseconds_each(tokens, work)
        };
        thread::scope(|scope| {
            scope.spawn(move || asked.iter().for_each(|work| tell.send(one(work)).expect("a listener")));
            let by_both = |work| {
                ask.send(work).expect("a thread");
                one(work).max(told.recv().expect("a time"))
            };
            for _ in 0..ROUNDS_OF_BOTH {
                let (hash_alone, alone) = (nanoseconds_each(tokens, hash), nanoseconds_each(tokens, accept));
                let (hash_both, accept_both) = (by_both(hash), by_both(accept));
                both.push(accept_both);
                both_over_hash.push((accept_both / alone) / (hash_both / hash_alone));
            }
            drop(ask);
        });
        println!("verifier_2_threads_ns {:.1}", median(both));
        println!("verifier_2_threads_over_sha256 {:.3}", median(both_over_hash));
    }

    type Work<'a> = &'a (dyn Fn(&str) + Sync);
}

fn accept(view: &View, token: &[u8]) {
    let verdict = decide(black_box(Some(view)), black_box(token), TAKEN);
    assert!(matches!(black_box(verdict), Verdict::Accepted(_)));
}

/// The n-th token. Its digest, and so the place of its entry, follows no order.
fn token(n: usize) -> Token {
    let body = format!("mcp_{n:043}");
    let token = [body.as_bytes(), &checksum(body.as_bytes())].concat();
    token.try_into().expect("53 characters")
}

fn view(tokens: &[Token]) -> View {
    let entry = |token: &Token| Entry {
        digest: Digest::of(token),
        secret: "mcp/slack-bot-token".into(),
        version: "0197f7a2-0000-7000-8000-000000000000".into(),
        stage: Stage::Current,
        client_id: "slack-bot".into(),
        scopes: ["slack:search".into()].into(),
        created_ms: 0,
        grace_ms: 60_000,
        not_after_ms: None,
    };
    let set = AcceptSet::new("a", 60_000, 60_000, tokens.iter().map(entry).collect());
    View { set: set.expect("a good set"), now_ms: 1_000, age_ms: 0, taken: TAKEN, complete: true }
}

fn nanoseconds_each<T: Copy>(tokens: &[T], mut work: impl FnMut(T)) -> f64 {
    let began = now();
    for token in tokens {
        work(black_box(*token));
    }
    began.elapsed().as_secs_f64() * 1e9 / tokens.len() as f64
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn now() -> Instant {
    Instant::now()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations_in(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

struct Counting;

#[expect(unsafe_code, reason = "an allocator can't be written without it; this one counts, and no more")]
// SAFETY: every call goes to the system's allocator as it came; the counter is a plain cell without a
// destructor, so counting allocates nothing. `realloc` is the trait's own, which calls `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps `alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; whatever is freed here came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
