//! Proves each right on the real store, without moving a label of AWS's.
//!
//! A new version is put with a probe label of ours, and the label is taken off it again: AWS removes a version
//! without labels by itself. Where no version may be put, the label goes onto the current version and off again. The
//! label is always the same one, so that one that could not be taken off is moved by the next run, and never adds up.
//!
//! Nothing is put into an empty secret: its first value becomes current, whatever was asked (AWS's API reference,
//! PutSecretValue). Nothing is written to one that a service of AWS manages, or that is being deleted.

use std::time::Duration;

use rand::{TryRng, rngs::SysRng};

use super::{
    account::Aws,
    calls::Described,
    error::CallError,
    label::CURRENT,
    name::{Arn, remedy},
    value,
};
use crate::{
    store::{
        Secret,
        proof::{Proof, ProofVerdict},
    },
    token::Token,
};

const PROBE: &str = "crossfade-probe-live";
/// No token, in either format: whoever made this version current would park the secret.
const VALUE: &str = "made by crossfade check --live";
/// A label can be taken off a moment later than it was put on.
const PATIENCE: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

const DESCRIBE: &str = "DescribeSecret";
const GET: &str = "GetSecretValue";
const LIST: &str = "ListSecretVersionIds";
const PUT: &str = "PutSecretValue";
const MOVE: &str = "UpdateSecretVersionStage";
const CREATE: &str = "CreateSecret";

/// One secret, one run.
struct Probe<'a> {
    aws: &'a Aws,
    secret: &'a Secret,
    id: String,
}

/// Each right that the store needs on this secret, in the order in which a rotation needs them.
pub(super) async fn prove(aws: &Aws, secret: &Secret) -> Vec<Proof> {
    let mut bytes = [0_u8; 16];
    if SysRng.try_fill_bytes(&mut bytes).is_err() {
        let why = "the operating system gave no randomness";
        return vec![Proof::not(PUT, ProofVerdict::Failed, why)];
    }
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
    Probe { aws, secret, id }.run().await
}

impl Probe<'_> {
    async fn run(&self) -> Vec<Proof> {
        let name = &*self.secret.name;
        let answer = self.aws.api.describe(name).await;
        let (described, first) = match (answer.outcome, answer.now) {
            (Ok(_), None) => {
                let why = "AWS's answer bears no time, or one that can't be";
                return vec![Proof::not(DESCRIBE, ProofVerdict::Failed, why)];
            }
            (Ok(described), Some(_)) => {
                let proof = remark(&described);
                (Some(described), proof)
            }
            (Err(CallError::NotFound(said)), _) => return self.absent(&said.to_string()),
            (Err(error), _) => (None, of(DESCRIBE, &error)),
        };
        let (current, get) = self.get(described.as_ref()).await;
        let list = match self.aws.api.versions(name).await.outcome {
            Ok(_) => Proof::proved(LIST),
            Err(error) => of(LIST, &error),
        };
        let mut proofs = vec![first, get, list];
        proofs.extend(self.write(described.as_ref(), current.as_deref()).await);
        proofs
    }

    /// The current version's id, and whether its value can be read and used.
    async fn get(&self, described: Option<&Described>) -> (Option<String>, Proof) {
        let shown = described.and_then(|d| d.stages.iter().find(|(_, on)| on.iter().any(|l| l == CURRENT)));
        let shown = shown.map(|(id, _)| id.clone());
        match self.aws.api.value(&self.secret.name, None).await.outcome {
            Ok(stored) => {
                let text = stored.value.as_ref().map(|value| value.as_str());
                let proof = match value::token(text, self.secret.format) {
                    Ok(_) => Proof::proved(GET),
                    Err(invalid) => Proof::not(GET, ProofVerdict::Failed, invalid.to_string()),
                };
                (Some(stored.id), proof)
            }
            Err(CallError::NotFound(_)) if self.creates() => (
                shown,
                Proof::proved(GET).but("the secret is empty: its first token is put at the first start"),
            ),
            Err(CallError::NotFound(said)) => {
                let remedy = format!(
                    "aws secretsmanager put-secret-value --secret-id {} --secret-string TOKEN",
                    self.secret.name
                );
                (shown, Proof::not(GET, ProofVerdict::Failed, said.to_string()).remedy(remedy))
            }
            Err(error) => (shown, of(GET, &error)),
        }
    }

    async fn write(&self, described: Option<&Described>, current: Option<&str>) -> Vec<Proof> {
        let untouchable = match (described, current) {
            (Some(described), _) if described.copied_from().is_some() => {
                Some("a replica takes no writes".to_owned())
            }
            (Some(described), _) if described.manager().is_some() => {
                Some(format!("{} manages the secret", described.manager().unwrap_or_default()))
            }
            (Some(Described { replicating: true, .. }), _) => Some(
                "its copies in other regions are not in sync, and labels must not move until then".to_owned(),
            ),
            (Some(Described { deleted: Some(_), .. }), _) => Some("the secret is being deleted".to_owned()),
            (_, None) => {
                Some("no current version was seen, and a first value would become current".to_owned())
            }
            _ => None,
        };
        if let Some(why) = untouchable {
            return [PUT, MOVE].map(|action| Proof::not(action, ProofVerdict::NotTried, why.as_str())).into();
        }
        let name = &*self.secret.name;
        let left = described.and_then(|d| d.stages.iter().find(|(_, on)| on.iter().any(|l| l == PROBE)));
        let left = left.map(|(id, _)| id.as_str());
        let put = self.aws.api.put(name, &self.id, VALUE, PROBE, None).await;
        let moved = match (&put, current) {
            (Err(_), Some(current)) => self.attach_and_detach(left, current).await,
            _ => self.detach(&self.id).await,
        };
        let put = match put {
            Ok(()) => Proof::proved(PUT),
            Err(CallError::Limit(said)) => Proof::proved(PUT).but(format!("there is no room now: {said}")),
            Err(error) => of(PUT, &error),
        };
        let mut proofs = vec![put, moved];
        if self.creates() {
            proofs.push(self.create().await);
        }
        proofs
    }

    async fn attach_and_detach(&self, left: Option<&str>, current: &str) -> Proof {
        if left != Some(current)
            && let Err(error) =
                self.aws.api.relabel(&self.secret.name, PROBE, left, Some(current), None).await
        {
            return moved(Err(error));
        }
        self.detach(current).await
    }

    /// AWS is eventually consistent: it may not know yet that the label is there.
    async fn detach(&self, from: &str) -> Proof {
        let mut outcome = self.aws.api.relabel(&self.secret.name, PROBE, Some(from), None, None).await;
        for wait in PATIENCE {
            if !matches!(outcome, Err(CallError::Refused(_) | CallError::NotFound(_))) {
                break;
            }
            self.aws.clock.sleep(wait).await;
            outcome = self.aws.api.relabel(&self.secret.name, PROBE, Some(from), None, None).await;
        }
        moved(outcome)
    }

    /// A name that is taken: whoever may create secrets is told so, and nothing is made.
    async fn create(&self) -> Proof {
        let token =
            Token::generate(&self.secret.token_prefix, &mut SysRng).map_err(|error| error.to_string());
        let value = token.and_then(|token| {
            value::first(&token, self.secret.format).map_err(|invalid| invalid.to_string())
        });
        let value = match value {
            Ok(value) => value,
            Err(why) => return Proof::not(CREATE, ProofVerdict::Failed, why),
        };
        let kms_key_id = self.aws.options.kms_key_id.as_deref();
        match self.aws.api.create(&self.secret.name, &self.id, &value, kms_key_id, None).await {
            Err(CallError::Exists(_)) => Proof::proved(CREATE),
            Ok(()) => Proof::proved(CREATE).but("the secret was gone, and was made"),
            Err(error) => of(CREATE, &error),
        }
    }

    fn absent(&self, said: &str) -> Vec<Proof> {
        let name = &self.secret.name;
        if self.creates() && Arn::parse(name).is_none() {
            let why = "there is no such secret: it is made at the first start, which proves the rest";
            return vec![Proof::proved(DESCRIBE), Proof::not(CREATE, ProofVerdict::NotTried, why)];
        }
        vec![Proof::not(DESCRIBE, ProofVerdict::Failed, said).remedy(remedy(name))]
    }

    fn creates(&self) -> bool {
        self.aws.options.traits.creates
    }
}

/// It can be read; whether it can be rotated at all is another question.
fn remark(described: &Described) -> Proof {
    let proof = Proof::proved(DESCRIBE);
    if let Some(region) = described.copied_from() {
        let what = "it is a replica: it is parked, its tokens are accepted, and nothing is refused by it";
        let remedy = format!(
            "rotate its primary, with `store.region: {region}`, or make it a secret of its own \
                              (stop-replication-to-replica)"
        );
        return Proof::not(DESCRIBE, ProofVerdict::Failed, format!("{what}; its primary is in {region}"))
            .remedy(remedy);
    }
    if let Some(owner) = described.manager() {
        return proof.but(format!("{owner} manages the secret: it is parked, take it out of the config"));
    }
    if described.rotates_itself {
        return proof
            .but("native rotation is on: it is parked until that is switched off (cancel-rotate-secret)");
    }
    match described.deleted {
        Some(at) => {
            Proof::not(DESCRIBE, ProofVerdict::Failed, format!("it is scheduled for deletion since {at}"))
                .remedy("restore it (restore-secret), or take it out of the config")
        }
        None => proof,
    }
}

/// What is refused for the labels' sake was allowed first.
fn moved(outcome: Result<(), CallError>) -> Proof {
    match outcome {
        Ok(()) => Proof::proved(MOVE),
        Err(CallError::Refused(said) | CallError::Limit(said)) => {
            Proof::proved(MOVE).but(format!("but not now: {said} (is another check running?)"))
        }
        Err(error) => of(MOVE, &error),
    }
}

fn of(action: &'static str, error: &CallError) -> Proof {
    let said = error.to_string();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match error {
        CallError::Denied(_) if has(&["DecryptionFailure", "EncryptionFailure", "Access to KMS", "kms:"]) => {
            let right = if action == GET { "kms:Decrypt" } else { "kms:GenerateDataKey and kms:Decrypt" };
            let remedy = format!("allow {right} on the secret's key (deploy/iam/daemon-kms.json), also in its key policy");
            Proof::not(action, ProofVerdict::Denied, said).remedy(remedy)
        }
        CallError::Denied(_) if has(&["AccessDenied"]) => {
            let file = if action == CREATE { "daemon-create-missing.json" } else { "daemon.json" };
            let remedy = format!("allow secretsmanager:{action} on the secret's ARN (deploy/iam/{file})");
            Proof::not(action, ProofVerdict::Denied, said).remedy(remedy)
        }
        CallError::Denied(_) => Proof::not(action, ProofVerdict::Denied, said)
            .remedy("the credentials themselves are refused: look at `aws sts get-caller-identity`, and at the machine's clock"),
        CallError::Unavailable(_) => Proof::not(action, ProofVerdict::Failed, said).remedy("nothing is known: try again"),
        _ => Proof::not(action, ProofVerdict::Failed, said),
    }
}
