"""A Slack bot in a Lambda, which answers by a hosted LLM and our MCP server. Its environment: see README.md."""

import json
import logging
import os
from typing import Any

import boto3
from openai import APIStatusError, OpenAI
from slack_bolt import App, BoltContext, BoltRequest, Say
from slack_bolt.adapter.aws_lambda import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

secrets = boto3.client("secretsmanager")
openai = OpenAI()


def authorize(enterprise_id: str | None, team_id: str | None, user_id: str | None) -> AuthorizeResult:
    """Who the bot speaks for. A real one has its users' tokens in the store of Bolt's OAuth installations."""
    tokens = json.loads(secret(os.environ["SLACK_USER_TOKENS_SECRET"]))
    return AuthorizeResult(
        enterprise_id=enterprise_id,
        team_id=team_id,
        bot_token=os.environ["SLACK_BOT_TOKEN"],
        user_token=tokens.get(user_id),
    )


def secret(name: str) -> str:
    value: str = secrets.get_secret_value(SecretId=name)["SecretString"]
    return value


app = App(
    # A Lambda stands still once it has answered.
    process_before_response=True,
    signing_secret=os.environ["SLACK_SIGNING_SECRET"],
    authorize=authorize,
    client=WebClient(base_url=os.environ.get("SLACK_API_URL", "https://slack.com/api/")),
)


@app.event("app_mention")
def mentioned(event: dict[str, Any], context: BoltContext, request: BoltRequest, say: Say) -> None:
    # Slack sends an event again after 3 s. The first delivery is still at work then, and answers.
    if "x-slack-retry-num" in request.headers:
        return
    try:
        text = answer(event["text"], context.user_token)
    except Exception:
        logging.exception("no answer")
        text = "I can't look that up at the moment. Please ask again in a minute."
    say(text=text, thread_ts=event["ts"])


def answer(question: str, user_token: str | None) -> str:
    """A run has one token from its beginning to its end: the one that is current when it begins, read for it."""
    token = secret(os.environ["MCP_TOKEN_SECRET"])
    try:
        return run(question, token, user_token)
    except (CallFailed, APIStatusError) as error:
        # The LLM API says that a dependency failed, not always which of its answers was the cause.
        if isinstance(error, APIStatusError) and error.status_code != 424:
            raise
        # Another token by now: the old one was ended under the run, after a leak say. Else the cause is another.
        following = secret(os.environ["MCP_TOKEN_SECRET"])
        if following == token:
            raise
        return run(question, following, user_token)


class CallFailed(Exception):
    """The answer was made without a tool that the server did not let the LLM call."""


def run(question: str, token: str, user_token: str | None) -> str:
    header = os.environ.get("MCP_TOKEN_HEADER", "authorization")
    headers = {"slack-user-token": user_token} if user_token else {}
    credential = {"authorization": token} if header == "authorization" else {}
    tool: Any = {
        "type": "mcp",
        "server_label": "slack",
        "server_url": os.environ["MCP_SERVER_URL"],
        "allowed_tools": ["search-slack-messages"],
        "require_approval": "never",
        "headers": headers if credential else {**headers, header: token},
        **credential,
    }
    model = os.environ.get("OPENAI_MODEL", "gpt-5")
    response = openai.responses.create(model=model, input=question, tools=[tool])
    if any(is_http_error(item) for item in response.output):
        raise CallFailed
    return response.output_text


def is_http_error(item: Any) -> bool:
    """Not what a tool itself has to say. The SDK's types know a string; the API sends an object too."""
    return item.type == "mcp_call" and "http_error" in str(item.error)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    answered: dict[str, Any] = SlackRequestHandler(app).handle(event, context)
    return answered
