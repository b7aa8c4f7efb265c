"""Deploys the Slack bots as Lambda functions, by AWS's own client, into an emulator that checks signatures and rights.

    functions.py ENDPOINT SECRETS PYTHON SCRIPT

A dialogue, a line of JSON each:
1. makes the SECRETS (a JSON object), and prints the key of somebody who has the daemon's rights and no others;
2. reads the environment of each bot's function, makes them with the rights of bots, and prints the functions' URLs;
3. at the end of its input, prints what the functions have logged.

The bots' packages are those of PYTHON, an environment's, and those beside SCRIPT, as npm installed and built them.
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import boto3

REGION, ACCOUNT = "eu-west-1", "000000000000"
ROOT = Path(__file__).resolve().parents[2]
# Lambda's own Python brings AWS's client; and what makes an environment or builds the script is not run.
LEFT_OUT = {"boto3", "botocore", "pip", "setuptools", "typescript", "@typescript", "@types", ".bin"}

endpoint, secrets, python, script = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def policies(file, *names):
    """The document of `deploy/iam`, for each of these secrets."""
    document = (ROOT / "deploy/iam" / file).read_text().replace("REGION", REGION).replace("ACCOUNT", ACCOUNT)
    return {f"p{number}": document.replace("mcp/slack-bot-token", name) for number, name in enumerate(names)}


def zipped(files):
    archive = io.BytesIO()
    # Not compressed: it goes to the same machine.
    with zipfile.ZipFile(archive, "w") as into:
        for name, file in files:
            into.writestr(name, unchecked(file))
    return archive.getvalue()


def unchecked(file):
    """Its bytes; what is compiled is taken as it is (PEP 552), as unpacking gives the sources another time."""
    data = file.read_bytes()
    return data[:4] + b"\1\0\0\0" + data[8:] if file.suffix == ".pyc" else data


def packages(folder, prefix=""):
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        is_read = file.suffix not in (".map", ".ts", ".cts", ".mts")
        if name.parts[0] not in LEFT_OUT and is_read and file.is_file():
            yield f"{prefix}{name}", file


names = list(json.loads(secrets))
for name, text in json.loads(secrets).items():
    client("secretsmanager").create_secret(Name=name, SecretString=text)
iam = client("iam")
iam.create_user(UserName="daemon")
for name, document in policies("daemon.json", names[0]).items():
    iam.put_user_policy(UserName="daemon", PolicyName=name, PolicyDocument=document)
key = iam.create_access_key(UserName="daemon")["AccessKey"]
print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]), flush=True)

environments = json.loads(sys.stdin.readline())
is_lambda = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
trust = json.dumps({"Version": "2012-10-17", "Statement": [is_lambda]})
role = iam.create_role(RoleName="bot", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
for name, document in policies("bot.json", *names).items():
    iam.put_role_policy(RoleName="bot", PolicyName=name, PolicyDocument=document)

(site,) = Path(python).parents[1].glob("lib/python3.*/site-packages")
script = Path(script)
project = script.parents[1]
bot = ROOT / "examples/slack-bot/python/bot.py"
node_modules = packages(project / "node_modules", "node_modules/")
kinds = {
    "python": (site.parent.name, [("bot.py", bot), *packages(site)]),
    "typescript": ("nodejs22.x", [("bot.js", script), ("package.json", project / "package.json"), *node_modules]),
}
functions, urls = client("lambda"), {}
for language, (runtime, files) in kinds.items():
    functions.create_function(
        FunctionName=language,
        Runtime=runtime,
        Handler="bot.handler",
        Role=role,
        Code={"ZipFile": zipped(files)},
        Environment={"Variables": environments[language]},
        Timeout=120,
    )
    # Anybody may call it: Slack signs its events.
    url = functions.create_function_url_config(FunctionName=language, AuthType="NONE")
    urls[language] = url["FunctionUrl"]
print(json.dumps(urls), flush=True)

sys.stdin.read()
logs = client("logs")
for language in kinds:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{language}")
    try:
        for event in pages.search("events[]"):
            print(f"{language}: {event['message']}")
    except logs.exceptions.ResourceNotFoundException:
        print(f"{language}: nothing, as it has not run")
