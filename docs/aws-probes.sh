#!/usr/bin/env bash
# Asks Secrets Manager itself what the AWS store rests on and nobody has verified for us: docs/aws.md, "Not verified".
#
# Makes one secret of its own, some 20 versions and 100 calls, and deletes the secret at the end, for good. It costs
# about a cent (a secret is billed by the hour at $0.40 a month, 10,000 calls are $0.05: AWS Secrets Manager pricing).
# Needs bash, the AWS CLI, and the right to do that on secrets named crossfade-probes-*.
#
# usage: docs/aws-probes.sh [--yes]      (AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL count as always)
# Exits 0 when all is as Crossfade assumes, 1 when something differs, 2 when it could not be run.
set -u

name="crossfade-probes-$(date +%s)-$$"
differs=0
made=no

sm() { aws secretsmanager --output text "$@" 2>&1; }
id() { printf '00000000-0000-4000-8000-%012d' "$1"; }
put() { sm put-secret-value --secret-id "$name" --client-request-token "$(id "$1")" --secret-string "$2" "${@:3}"; }
label() { sm update-secret-version-stage --secret-id "$name" --version-stage "$@"; }
# The version that bears the label; nothing where none does.
holder() {
    sm describe-secret --secret-id "$name" --output json | tr -d ' \n' |
        grep -o "\"[0-9a-f-]\{36\}\":\[[^]]*\"$1\"[^]]*\]" | cut -d'"' -f2
}
changed() { sm describe-secret --secret-id "$name" --query LastChangedDate; }

# says WHAT WANTED GOT: WANTED is a regular expression of the whole.
says() {
    local got
    got=$(printf '%s' "$3" | tr -s ' \n\t' ' ')
    got=${got:-nothing}
    if printf '%s\n' "$got" | grep -Eq -- "$2"; then
        printf 'as assumed  %s\n' "$1"
    else
        printf 'DIFFERS     %s\n            wanted %s, got: %s\n' "$1" "$2" "$got"
        differs=$((differs + 1))
    fi
}

over() {
    if [ "$made" = yes ]; then
        sm delete-secret --secret-id "$name" --force-delete-without-recovery >/dev/null ||
            echo "DELETE IT YOURSELF: aws secretsmanager delete-secret --secret-id $name --force-delete-without-recovery"
    fi
}
trap over EXIT

command -v aws >/dev/null || { echo "the AWS CLI is not installed" >&2; exit 2; }
if [ "${1:-}" != --yes ]; then
    printf 'Makes the secret %s in region %s of the account that AWS_PROFILE or the like means,\n' \
        "$name" "${AWS_REGION:-of the profile}"
    printf 'and deletes it for good at the end. Costs about a cent. Go on? [y/N] '
    read -r answer
    [ "$answer" = y ] || exit 2
fi

out=$(sm create-secret --name "$name" --client-request-token "$(id 99)" --description "made by docs/aws-probes.sh") ||
    { printf 'it could not be made: %s\n' "$out" >&2; exit 2; }
made=yes

echo "- an empty secret"
put 1 one --version-stages AWSPENDING >/dev/null
says "the first value becomes current, whatever was asked" "^$(id 1)$" "$(holder AWSCURRENT)"
says "and bears the label that was asked for too (decides nothing: it counts as no pending)" "^$(id 1)$" "$(holder AWSPENDING)"
label AWSPENDING --remove-from-version-id "$(id 1)" >/dev/null

echo "- a used ClientRequestToken"
put 2 two --version-stages AWSPENDING >/dev/null
says "with another value, while pending, is refused" ResourceExistsException "$(put 2 other --version-stages AWSPENDING)"
label AWSPENDING --remove-from-version-id "$(id 2)" >/dev/null
says "with the same value is ignored" "$(id 2)" "$(put 2 two --version-stages AWSPENDING)"
says "and puts no label back" '^nothing$' "$(holder AWSPENDING)"

echo "- a label named in a Put"
put 3 three --version-stages AWSPENDING >/dev/null
put 4 four --version-stages AWSPENDING >/dev/null
says "is taken from the version that had it, without a word" "^$(id 4)$" "$(holder AWSPENDING)"

echo "- moving a label"
label AWSCURRENT --move-to-version-id "$(id 4)" --remove-from-version-id "$(id 1)" >/dev/null
says "AWSCURRENT moves" "^$(id 4)$" "$(holder AWSCURRENT)"
says "AWSPREVIOUS goes to the version that lost it" "^$(id 1)$" "$(holder AWSPREVIOUS)"
says "AWSPENDING stays on the promoted version" "^$(id 4)$" "$(holder AWSPENDING)"
says "the same move again is refused, although it was done" '(InvalidParameter|InvalidRequest)Exception' \
    "$(label AWSCURRENT --move-to-version-id "$(id 4)" --remove-from-version-id "$(id 1)")"
says "one that does not name the holder is refused" '(InvalidParameter|InvalidRequest)Exception' \
    "$(label AWSCURRENT --move-to-version-id "$(id 2)")"
says "AWSCURRENT can't be taken off" '(InvalidParameter|InvalidRequest)Exception' \
    "$(label AWSCURRENT --remove-from-version-id "$(id 4)")"
says "a label that is not there can't be taken off" '(InvalidParameter|InvalidRequest|ResourceNotFound)Exception' \
    "$(label crossfade-x --remove-from-version-id "$(id 4)")"
says "a version that does not exist gets no label" '(InvalidParameter|InvalidRequest|ResourceNotFound)Exception' \
    "$(label crossfade-x --move-to-version-id "$(id 77)")"

echo "- labels of our own"
before=$(changed)
sleep 2
says "a label can be attached to a version without a label of AWS's" "$name" \
    "$(label "crossfade-until-1900000000-00000000" --move-to-version-id "$(id 2)")"
says "it is still there, and the version with it" "^$(id 2)$" "$(holder crossfade-until-1900000000-00000000)"
says "LastChangedDate moves with a label" changes "$([ "$before" = "$(changed)" ] && echo stays || echo changes)"
last=
for n in $(seq 1 20); do
    last=$(label "crossfade-fill-$n" --move-to-version-id "$(id 4)")
done
says "there is an end to labels (20 a secret)" LimitExceededException "$last"

echo "- reads after writes (how late: docs/aws.md, store_lag)"
late=0
for n in 11 12 13 14 15; do
    for old in $(seq 1 20); do
        label "crossfade-fill-$old" --remove-from-version-id "$(id 4)" >/dev/null
        [ "$n" = 11 ] || break
    done
    put "$n" "value-$n" --version-stages crossfade-probe >/dev/null
    [ "$(holder crossfade-probe)" = "$(id "$n")" ] || late=$((late + 1))
done
says "a read right after a Put shows it (five tries; late ones are allowed for)" '^0 late$' "$late late"

if [ "$differs" = 0 ]; then
    echo "all as assumed"
else
    echo "$differs differ: please open an issue with this output (it holds no secret)"
    exit 1
fi
