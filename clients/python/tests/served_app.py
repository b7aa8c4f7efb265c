"""An application behind the middleware, as a server's command line names it: `served_app:app`."""

import os

from answering import answer
from crossfade_verify import Feed, Verifier
from crossfade_verify.asgi import RequireToken
from material import AUDIENCE, VERIFIER

verifier = Verifier(Feed(os.environ["FEED"], VERIFIER), AUDIENCE)
app = RequireToken(answer, verifier)
