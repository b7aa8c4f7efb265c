//! What `check --live` finds out on the real store.

use async_trait::async_trait;

use super::Secret;

/// A store that can try what we may do there.
#[async_trait]
pub trait Prove: Send + Sync {
    /// Why nobody can be asked: something is missing, or can't be right, in what we were told of it.
    async fn not_set_up(&self) -> Option<String> {
        None
    }

    /// Tries everything that a rotation needs on that secret, and changes no token.
    async fn prove(&self, secret: &Secret) -> Vec<Proof>;
}

/// One right or ability that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The store's own name of what was tried.
    pub action: &'static str,
    /// What came of it.
    pub verdict: ProofVerdict,
    /// What the store says, or what else is to be known. Never a token.
    pub why: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
}

/// What came of a try.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ProofVerdict {
    /// It works.
    Proved,
    /// The store refuses us.
    Denied,
    /// It does not work, for another reason than a right.
    Failed,
    /// Trying it would have changed something, or could not tell.
    NotTried,
}

impl Proof {
    /// It works.
    pub fn proved(action: &'static str) -> Self {
        Self { action, verdict: ProofVerdict::Proved, why: None, remedy: None }
    }

    /// It does not, or was not tried.
    pub fn not(action: &'static str, verdict: ProofVerdict, why: impl Into<String>) -> Self {
        Self { action, verdict, why: Some(why.into()), remedy: None }
    }

    /// It works, and there is more to be said.
    pub fn but(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// What to do about it.
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Whether a rotation could fail for it.
    pub fn is_bad(&self) -> bool {
        matches!(self.verdict, ProofVerdict::Denied | ProofVerdict::Failed)
    }
}
