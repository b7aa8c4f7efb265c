//! One request for the accept set, and what its answer says.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{
    FeedError,
    address::Address,
    machine::offloaded,
    wire::{Connection, Daemon, SET_BYTES, encoded},
};
use crate::{
    accept_set::AcceptSet,
    clock::Moment,
    timing::{Exchange, PlaceInTime},
};

/// What is asked for.
pub(super) struct Question<'a> {
    pub(super) audience: &'a str,
    pub(super) instance: &'a HeaderValue,
    /// The tag of what is applied.
    pub(super) applied: Option<&'a HeaderValue>,
    /// And its place in time.
    pub(super) place: Option<PlaceInTime>,
    /// To be held until something changes.
    pub(super) wait: bool,
    /// Not from what the replica happens to have.
    pub(super) no_cache: bool,
    /// For the answer's head to come.
    pub(super) limit: Duration,
}

/// What came.
pub(super) struct Answer {
    /// None: nothing has changed.
    pub(super) set: Option<Set>,
    pub(super) place: PlaceInTime,
    /// When the answer's head had come.
    pub(super) taken: Moment,
    /// The replica ends the connection: another one will answer.
    pub(super) closes: bool,
}

/// A set, as a whole.
pub(super) struct Set {
    pub(super) set: AcceptSet,
    /// As it came.
    pub(super) json: Bytes,
    pub(super) etag: HeaderValue,
}

pub(super) async fn ask(
    daemon: &Daemon,
    replica: &Address,
    connection: &mut Connection,
    question: &Question<'_>,
) -> Result<Answer, FeedError> {
    let nonce = format!("{:016x}", daemon.machine.random());
    let target = format!("/v1/accept-set?audience={}", encoded(question.audience));
    let mut request = daemon
        .request(replica, Method::GET, &target)
        .header("crossfade-nonce", &nonce)
        .header("crossfade-instance", question.instance);
    if let Some(etag) = question.applied {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    if question.wait {
        request = request.header("prefer", "wait=60");
    }
    if question.no_cache {
        request = request.header(header::CACHE_CONTROL, "no-cache");
    }
    // Every part was checked before: this can't fail.
    let request = request.body(Full::default()).map_err(|_| FeedError::ETag)?;

    let sent = daemon.machine.moment();
    let response = daemon.within(question.limit, connection.send(request)).await?;
    let received = daemon.machine.moment();

    let unchanged = match response.status() {
        StatusCode::OK => false,
        StatusCode::NOT_MODIFIED => true,
        other => return Err(FeedError::Status(other.as_u16())),
    };
    let timings = response.headers().get_all("crossfade-timing").iter().map(HeaderValue::as_bytes);
    let exchange = Exchange { nonce: &nonce, sent, received };
    let place = PlaceInTime::of_answer(timings, &exchange, question.place).map_err(FeedError::Dropped)?;
    let etag = the_one(response.headers(), &header::ETAG).filter(is_strong).ok_or(FeedError::ETag)?;
    let closes = closes(&response);
    let set = if unchanged {
        if Some(&etag) != question.applied {
            return Err(FeedError::ETag);
        }
        None
    } else {
        let json = daemon.body(response.into_body(), SET_BYTES).await?;
        let set = read(daemon, json.clone(), question.audience).await?;
        Some(Set { set, json, etag })
    };
    Ok(Answer { set, place, taken: received, closes })
}

/// Off the threads on which requests wait: a large set takes its time.
async fn read(daemon: &Daemon, json: Bytes, audience: &str) -> Result<AcceptSet, FeedError> {
    let audience = audience.to_owned();
    let read = offloaded(&*daemon.machine, move || AcceptSet::parse(&json, &audience)).await;
    read.ok_or(FeedError::TimedOut)?.map_err(FeedError::Set)
}

fn the_one(headers: &HeaderMap, name: &header::HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.clone())
}

/// Whether it is a strong tag of 1 to 128 characters, as the daemon's are: it is sent back with each request.
fn is_strong(etag: &HeaderValue) -> bool {
    matches!(etag.as_bytes(), [b'"', tag @ .., b'"'] if (1..=128).contains(&tag.len())
        && tag.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e)))
}

fn closes(response: &Response<Incoming>) -> bool {
    let values = response.headers().get_all(header::CONNECTION).iter();
    values.filter_map(|value| value.to_str().ok()).any(|value| value.eq_ignore_ascii_case("close"))
}
