//! What Secrets Manager takes for one secret: its name, its whole ARN, or an ARN without the hyphen and the six
//! characters that AWS adds to the name (user guide, "What's in a Secrets Manager secret?").
//!
//! An ARN whose name ends in a hyphen and six characters of its own is taken for a whole one: AWS says not to choose such
//! names. Whether two names mean one secret can't always be told without asking AWS, as a bare name has no account: here they
//! do where they may.

/// A hyphen and six characters.
const SUFFIX: usize = 7;

/// `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`, with AWS's suffix or without it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Arn<'a> {
    partition: &'a str,
    /// The only one in which AWS finds it.
    pub(super) region: &'a str,
    account: &'a str,
    /// The name, with whatever stands behind it.
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// None: it is no ARN of a secret.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(7, ':').collect();
        match parts[..] {
            ["arn", partition, "secretsmanager", region, account, "secret", resource]
                if !partition.is_empty()
                    && !region.is_empty()
                    && !account.is_empty()
                    && !resource.is_empty() =>
            {
                Some(Self { partition, region, account, resource })
            }
            _ => None,
        }
    }

    /// The name, where AWS takes it for a whole ARN.
    pub(super) fn name(&self) -> Option<&'a str> {
        without_suffix(self.resource)
    }
}

/// What stands before a hyphen and six characters; none: it does not end so.
pub(super) fn without_suffix(name: &str) -> Option<&str> {
    let (name, suffix) = name.split_at_checked(name.len().checked_sub(SUFFIX)?)?;
    let six = suffix.strip_prefix('-')?;
    (!name.is_empty() && six.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(name)
}

/// Whether AWS may take both for one secret.
pub(super) fn may_be_one(one: &str, other: &str) -> bool {
    match (Arn::parse(one), Arn::parse(other)) {
        _ if one == other => true,
        (Some(one), Some(other)) => {
            let place = |arn: &Arn<'_>| [arn.partition, arn.region, arn.account].map(str::to_owned);
            let adds_the_suffix = |whole: &Arn<'_>, part: &Arn<'_>| whole.name() == Some(part.resource);
            place(&one) == place(&other) && (adds_the_suffix(&one, &other) || adds_the_suffix(&other, &one))
        }
        (Some(arn), None) => arn.resource == other || arn.name() == Some(other),
        (None, Some(arn)) => arn.resource == one || arn.name() == Some(one),
        (None, None) => false,
    }
}

/// What to do about a secret that AWS does not find by that name.
pub(super) fn remedy(name: &str) -> String {
    let Some(arn) = Arn::parse(name) else {
        return format!(
            "Create it (aws secretsmanager create-secret --name {name} --secret-string TOKEN), or let us: `create_missing: \
             true`; or mend the region or the name"
        );
    };
    let Arn { region, resource, .. } = arn;
    match arn.name() {
        Some(bare) => format!(
            "By this ARN there is none (a secret that is deleted and made again has another). Name the secret by its name: \
             {bare}, or, if those six characters are part of the name, {resource}, which AWS does not find by an ARN without \
             its end. `aws secretsmanager list-secrets --region {region}` shows which ARNs there are"
        ),
        None => format!(
            "Create it (aws secretsmanager create-secret --region {region} --name {resource} --secret-string TOKEN), or name \
             it {resource} and let us: `create_missing: true`; or mend the name"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mcp/slack-AbC123";
    const PART: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mcp/slack";

    #[test]
    fn a_name_a_whole_arn_and_a_partial_one_may_be_one_secret() {
        let elsewhere = WHOLE.replace("eu-west-1", "us-east-1");
        let of_another_account = PART.replace("123456789012", "999999999999");
        for (one, other, may) in [
            ("mcp/slack", "mcp/slack", true),
            (WHOLE, WHOLE, true),
            (WHOLE, PART, true),
            (WHOLE, "mcp/slack", true),
            (PART, "mcp/slack", true),
            (WHOLE, "mcp/slack-AbC123", true),
            (&of_another_account, "mcp/slack", true),
            ("mcp/slack", "mcp/slack-AbC123", false),
            ("mcp/slack", "MCP/slack", false),
            (WHOLE, "mcp/slac", false),
            (WHOLE, &WHOLE.replace("AbC123", "AbC124"), false),
            (WHOLE, &elsewhere, false),
            (PART, &elsewhere, false),
            (WHOLE, &of_another_account, false),
        ] {
            assert_eq!(may_be_one(one, other), may, "{one} {other}");
            assert_eq!(may_be_one(other, one), may, "{other} {one}");
        }
    }

    #[test]
    fn what_is_no_arn_of_a_secret_is_none() {
        for text in [
            "",
            "mcp/slack",
            "arn:aws:s3:::bucket",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
            "arn:aws:secretsmanager::123456789012:secret:a",
            "arn:aws:secretsmanager:eu-west-1:123456789012:a",
            "ARN:aws:secretsmanager:eu-west-1:123456789012:secret:a",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_hyphen_and_six_letters_or_digits_look_like_aws_s_end() {
        for (name, bare) in [
            ("mcp/slack-search", Some("mcp/slack")),
            ("a-b-123456", Some("a-b")),
            ("mcp/slack-bot-token", None),
            ("mcp/slack-searches", None),
            ("mcp/slack-se/rch", None),
            ("-search", None),
            ("search", None),
            ("", None),
            ("é-éééé", None),
        ] {
            assert_eq!(without_suffix(name), bare, "{name}");
        }
    }

    #[test]
    fn nobody_is_told_to_create_a_secret_named_by_an_arn() {
        for name in [WHOLE, PART, "mcp/slack", "mcp/slack-search"] {
            let remedy = remedy(name);
            assert!(!remedy.contains("--name arn:"), "{remedy}");
            assert!(remedy.contains("mcp/slack"), "{remedy}");
        }
    }
}
