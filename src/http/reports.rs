//! `POST /v1/reports`: what a verifier has decided since its last report.
//!
//! It is taken as said by that client, for its own audiences and for versions that stand. It feeds metrics and
//! what people see of a version's use, and nothing else.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{FromRequest as _, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{
    auth::{Client, Role},
    error::ApiError,
    limits, names,
    verdict::Verdicts,
};
use crate::{distribution::Publication, metrics::VERDICTS};

#[derive(Deserialize)]
struct Report {
    audience: String,
    instance: String,
    counts: Vec<Count>,
}

#[derive(Deserialize)]
struct Count {
    version: Option<String>,
    verdict: String,
    count: u64,
    last_ms_ago: u64,
}

pub(super) async fn report(
    verdicts: &Verdicts,
    client: &Client,
    content_type: Option<&HeaderValue>,
    body: Vec<u8>,
) -> Result<Response, ApiError> {
    client.has(Role::Verifier, "reports are taken from clients with the role `verifier`")?;
    let mut request = Request::new(Body::from(body));
    request.headers_mut().extend(content_type.map(|of| (header::CONTENT_TYPE, of.clone())));
    let Json(report) = Json::<Report>::from_request(request, &())
        .await
        .map_err(|rejection| ApiError::invalid_request(format!("not a report: {}", rejection.body_text())))?;
    let audience = client.audience(&report.audience)?;
    if !names::instance(report.instance.as_bytes()) {
        return Err(names::bad_instance("instance"));
    }
    // As a whole or not at all: what was taken in part would be counted again when it is sent anew.
    let known = |count: &Count| VERDICTS.contains(&&*count.verdict) && count.count <= limits::REPORTED;
    if !report.counts.iter().all(known) {
        let what =
            format!("each `verdict` is one of {VERDICTS:?}, each `count` at most {}", limits::REPORTED);
        return Err(ApiError::invalid_request(what));
    }
    let publication = verdicts.distribution.published(audience);
    for count in &report.counts {
        verdicts.metrics.verdicts(audience, &count.verdict, count.count);
    }
    if let Some(publication) = publication {
        used(verdicts, &publication, &report.counts, &format!("{}/{}", client.id, report.instance).into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A version that is not of this audience, or stands no longer, is not remembered. The set is gone through once for a
/// report, however many versions that names: thousands of reports would keep every thread busy otherwise.
fn used(verdicts: &Verdicts, publication: &Publication, counts: &[Count], by: &Arc<str>) {
    let mut uses = HashMap::<&str, Vec<&Count>>::new();
    for count in counts.iter().filter(|count| count.verdict == "accepted") {
        uses.entry(count.version.as_deref().unwrap_or_default()).or_default().push(count);
    }
    let view = &publication.view;
    let now_ms = view.now_ms(verdicts.clock.moment());
    for entry in view.set.entries() {
        for count in uses.get(&*entry.version).into_iter().flatten() {
            verdicts.metrics.accepted(view.set.audience(), &entry.client_id, entry.stage, count.count);
            let at_ms = now_ms.saturating_sub(count.last_ms_ago);
            verdicts.distribution.usage().record(&entry.version, at_ms, by);
        }
    }
}
