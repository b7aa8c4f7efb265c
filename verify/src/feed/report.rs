//! What was decided, told to the daemon. What did not arrive is told again.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::Full;
use tokio::sync::watch;

use super::{
    Event, FeedError,
    machine::{First, closed, race},
    views::Views,
    wire::Connection,
};
use crate::{accept_set::Text, verifier::Count};

/// The daemon takes 16 KiB.
const BODY_BYTES: usize = 15 * 1024;

/// The most that one line may say; the rest comes with the next report.
const AT_ONCE: u64 = u32::MAX as u64;

const EVERY: Duration = Duration::from_secs(10);

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// For all of the last one.
const LAST_LIMIT: Duration = Duration::from_secs(2);

/// Tells what was decided, as long as there is a verifier, and once after it.
pub(super) struct Reporter {
    views: Arc<Views>,
}

impl Reporter {
    pub(super) fn new(views: Arc<Views>) -> Self {
        Self { views }
    }

    pub(super) async fn run(&mut self, closing: watch::Receiver<()>) {
        let machine = Arc::clone(&self.views.daemon.machine);
        while let First::This(()) = race(machine.sleep(EVERY), closed(closing.clone())).await {
            self.report().await;
        }
        race(self.report(), machine.sleep(LAST_LIMIT)).await;
    }

    /// Reports all that was not reported yet, if there is something, to the replica that is followed.
    async fn report(&self) {
        let left = self.views.counts.unreported();
        if left.is_empty() {
            return;
        }
        let at = self.views.followed();
        if let Err(error) = self.send(at, left).await {
            let replica = &self.views.replica(at).url;
            self.views.daemon.tell(&Event::NotReported { replica, error: &error });
        }
    }

    /// In as many parts as it takes.
    async fn send(&self, at: usize, mut left: Vec<Count>) -> Result<(), FeedError> {
        for count in &mut left {
            count.count = count.count.min(AT_ONCE);
        }
        let Views { counts, daemon, audience, instance, .. } = &*self.views;
        let mut connection = daemon.connect(self.views.replica(at), CONNECT_LIMIT).await?;
        let mut left = &left[..];
        while !left.is_empty() {
            let (body, told) = body(audience, instance, left, daemon.machine.moment().boot_ms);
            let sent = self.send_one(at, &mut connection, body).await;
            let (arrived, rest) = left.split_at(told);
            match sent {
                // What the daemon can't take it would not take the next time either.
                Ok(()) | Err(FeedError::Status(400 | 413)) => counts.reported(arrived),
                Err(_) => {}
            }
            sent?;
            left = rest;
        }
        Ok(())
    }

    async fn send_one(&self, at: usize, connection: &mut Connection, body: String) -> Result<(), FeedError> {
        let daemon = &self.views.daemon;
        let request = daemon
            .request(self.views.replica(at), Method::POST, "/v1/reports")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body));
        let request = request.map_err(|_| FeedError::ETag)?;
        let response = daemon.within(ANSWER_LIMIT, connection.send(request)).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(()),
            other => Err(FeedError::Status(other.as_u16())),
        }
    }
}

/// As many lines as fit, and how many they are: one at least.
fn body(audience: &str, instance: &HeaderValue, counts: &[Count], now_ms: u64) -> (String, usize) {
    let instance = instance.to_str().unwrap_or_default();
    let mut body = format!(r#"{{"audience":{},"instance":"{instance}","counts":["#, Text(audience));
    let mut told = 0;
    for Count { version, verdict, count, last_ms } in counts {
        let version = version.as_ref().map_or("null".to_owned(), |version| Text(version).to_string());
        let ago = now_ms.saturating_sub(*last_ms);
        let line =
            format!(r#"{{"version":{version},"verdict":"{verdict}","count":{count},"last_ms_ago":{ago}}}"#);
        if told > 0 && body.len() + line.len() + 3 > BODY_BYTES {
            break;
        }
        // A string takes whatever is written to it.
        let _ = write!(body, "{}{line}", if told > 0 { "," } else { "" });
        told += 1;
    }
    body.push_str("]}");
    (body, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(n: usize) -> Count {
        Count { version: Some(format!("version-{n}").into()), verdict: "accepted", count: 1, last_ms: 400 }
    }

    #[test]
    fn a_report_is_what_the_daemon_takes() {
        let refused = Count { version: None, verdict: "unknown", count: 3, last_ms: 900 };
        let (body, told) = body("a\"b", &HeaderValue::from_static("pod-1"), &[count(1), refused], 1_000);
        let want = r#"{"audience":"a\"b","instance":"pod-1","counts":[{"version":"version-1","verdict":"accepted","count":1,"last_ms_ago":600},{"version":null,"verdict":"unknown","count":3,"last_ms_ago":100}]}"#;
        assert_eq!((&*body, told), (want, 2));
    }

    #[test]
    fn many_lines_take_several_reports_of_16_kib_at_most() {
        let all: Vec<_> = (0..1_000).map(count).collect();
        let (mut left, mut reports) = (&all[..], 0);
        while !left.is_empty() {
            let (body, told) = body("a", &HeaderValue::from_static("pod-1"), left, 1_000);
            assert!(body.len() <= 16 * 1024 && told > 0);
            serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
            left = &left[told..];
            reports += 1;
        }
        assert!((2..20).contains(&reports), "{reports}");
    }
}
