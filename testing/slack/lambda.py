"""What of Lambda a handler in Python needs, for tests: an event a line on stdin, an answer a line on stdout."""

import json
import runpy
import sys
from types import SimpleNamespace

answers = sys.stdout
# Handlers may say what they like; stdout is ours.
sys.stdout = sys.stderr

handler = runpy.run_path(sys.argv[1])["handler"]
context = SimpleNamespace(function_name="slack-bot", invoked_function_arn="arn:aws:lambda:…:slack-bot")
print(json.dumps({"ready": True}), file=answers, flush=True)
for line in sys.stdin:
    try:
        answer = handler(json.loads(line), context)
    except Exception as error:
        answer = {"errorMessage": str(error)}
    print(json.dumps(answer), file=answers, flush=True)
