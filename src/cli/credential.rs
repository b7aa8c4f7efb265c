//! `credential`: makes a client credential.

use anyhow::Result;
use rand::rngs::SysRng;

use super::{exit::Exit, output};
use crate::token::Token;

pub(super) fn run() -> Result<Exit> {
    let credential = Token::generate("cfc", &mut SysRng)?;
    let hash: String = credential.digest().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    output::say(&format!("credential:        {}", credential.expose()));
    output::say(&format!("credential_sha256: \"{hash}\""));
    output::note("the credential is shown this once: give it to the client, and the hash to the config");
    Ok(Exit::Done)
}
