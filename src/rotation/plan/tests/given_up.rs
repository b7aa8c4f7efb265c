//! Steps that the store goes on rejecting.

use super::*;

fn without(ring: Option<&Ring>, now: u64, given_up: &[Step]) -> Next {
    next_without(ring, &policy(), None, at(now), |step| given_up.contains(step))
}

#[test]
fn what_is_given_up_is_left_and_holds_up_nothing_that_is_over() {
    let over = |n: u32| previous(previous(ring(version(3, 0)), version(n, 0), 40), version(2, 0), 50);
    let stage = Step::Stage { current: id(3) };
    let retire = |n: u32| Step::Retire { version: id(n) };
    let tidy = Step::Tidy { version: id(3) };
    let untidy =
        |ring: Ring| Ring { findings: Findings { untidy: Some(id(3)), ..Findings::default() }, ..ring };
    let nothing = Next::Idle { until: None };
    for (what, ring, given_up, want) in [
        ("what is due comes first", over(1), vec![], does(stage, slot(EVERY))),
        ("what is over goes on without it", over(1), vec![stage], does(retire(1), Why::Expired(ms(40)))),
        ("one by one", over(1), vec![stage, retire(1)], does(retire(2), Why::Expired(ms(50)))),
        ("then the next look decides", over(1), vec![stage, retire(1), retire(2)], nothing),
        ("what is untidy is put in order", untidy(ring(version(3, 0))), vec![stage], does(tidy, Why::Untidy)),
        ("or not", untidy(ring(version(3, 0))), vec![stage, tidy], nothing),
    ] {
        assert_eq!(without(Some(&ring), EVERY, &given_up), want, "{what}");
    }
    assert_eq!(without(None, 0, &[Step::Create]), nothing, "a secret that can't be created");
    let soaked = pending(ring(version(3, 0)), version(4, 0));
    let promote = Step::Promote { pending: id(4), current: id(3), accepted_for: Duration::from_secs(50) };
    assert_eq!(without(Some(&soaked), SOAK, &[promote]), nothing, "nobody wakes for a time that has come");
    let known = previous(previous(ring(version(3, 0)), version(1, 0), 40), version(2, 0), 50);
    let next = without(Some(&known), 45, &[retire(1)]);
    assert_eq!(next, idle(50), "nobody wakes for what was given up");
}
