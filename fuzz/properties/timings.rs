//! Input: the nonce that was sent; both clocks when it was sent and when the answer came, and the place that is
//! applied (six numbers, or four); then each `Crossfade-Timing`, one a line.

use crossfade_verify::{
    Moment,
    timing::{Dropped, Exchange, PlaceInTime},
};

/// A view is never taken for younger than it says that it is, and comes from one header that says it in one way.
pub(crate) fn hold(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next()?).ok();
    let (Some(nonce), Some(numbers)) = (text(), text()) else { return };
    let Ok(numbers) = numbers.split(' ').map(str::parse::<u64>).collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let [a, b, c, d, ref applied @ ..] = numbers[..] else { return };
    let applied = match *applied {
        [now_ms, age_ms] => Some(PlaceInTime { now_ms, age_ms }),
        [] => None,
        _ => return,
    };
    let moment = |boot_ms, wall_ms| Moment { boot_ms, wall_ms };
    let exchange = Exchange { nonce, sent: moment(a, b), received: moment(c, d) };
    let timings: Vec<&[u8]> = lines.collect();
    let read =
        |timings: &[&[u8]], exchange| PlaceInTime::of_answer(timings.iter().copied(), exchange, applied);

    let told = read(&timings, &exchange);
    if let [first, ..] = timings[..] {
        let doubled = [&timings[..], &[first]].concat();
        assert_eq!(read(&doubled, &exchange), Err(Dropped::BadTiming), "two headers");
    }
    let Ok(place) = told else { return };
    let [timing] = timings[..] else { panic!("one of several") };
    let other = format!("{nonce}x");
    assert_eq!(read(&timings, &Exchange { nonce: &other, ..exchange }), Err(Dropped::OtherNonce));

    let timing = std::str::from_utf8(timing).expect("what was read is text");
    let stated: Vec<u64> = timing
        .split(|char: char| !char.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .take(3)
        .map(|digits| digits.parse().expect("what was read are numbers"))
        .collect();
    let [now_ms, age_ms, held_ms] = stated[..] else { panic!("not three numbers") };
    assert_eq!(timing, format!("now={now_ms}, age={age_ms}, held={held_ms}, nonce={nonce}"), "another way");
    assert!(place.age_ms >= age_ms && place.now_ms >= now_ms, "younger than it says");
    let elapsed = c.saturating_sub(a).max(d.saturating_sub(b));
    assert!(place.age_ms >= age_ms.saturating_add(elapsed.saturating_sub(held_ms)), "without its way");
    let read_ms = |place: PlaceInTime| place.now_ms.saturating_sub(place.age_ms);
    if let Some(applied) = applied {
        assert!(now_ms - age_ms >= read_ms(applied), "older than what is applied");
    }
}
