"""The token in Secrets Manager: `create` it, `put` a new one, or print the `current` one, as a bot reads it."""

import sys
from secrets import token_urlsafe

import boto3

NAME = "mcp/slack-bot-token"

client = boto3.client("secretsmanager")

match sys.argv[1]:
    case "create":
        client.create_secret(Name=NAME, SecretString=token_urlsafe(32))
    case "put":
        client.put_secret_value(SecretId=NAME, SecretString=token_urlsafe(32))
    case "current":
        print(client.get_secret_value(SecretId=NAME)["SecretString"])
    case _:
        sys.exit("usage: secret.py create|put|current")
