"""`python -m local.stripe --port N`: the stand-in as a server on 127.0.0.1."""

import argparse
import logging
import socket
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from local.stripe.api import create_app
from local.stripe.records import Endpoint

_HOST = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.stripe", description=__doc__)
    parser.add_argument(
        "--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one"
    )
    parser.add_argument(
        "--webhook-url",
        action="append",
        default=[],
        metavar="URL",
        help="where events go; may be given more than once, each with its secret",
    )
    parser.add_argument(
        "--webhook-secret",
        action="append",
        default=[],
        metavar="whsec_…",
        help="what the events to the --webhook-url before it are signed with",
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="keep everything here over a restart"
    )
    options = parser.parse_args(arguments)
    if len(options.webhook_url) != len(options.webhook_secret):
        parser.error("give each --webhook-url its --webhook-secret")
    for secret in options.webhook_secret:
        if not secret.startswith("whsec_"):
            parser.error("a --webhook-secret begins with whsec_, as Stripe's do")
    endpoints = tuple(
        Endpoint(url=url, secret=secret)
        for url, secret in zip(options.webhook_url, options.webhook_secret, strict=True)
    )

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # asyncio sends without delay (TCP_NODELAY) only on sockets that say they are TCP.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, options.port))
        # From here on a caller waits for the server to start, and is not turned away.
        listener.listen()
    except OSError as error:
        print(
            f"Cannot listen on {_HOST}:{options.port}: {error.strerror}. "
            "Stop what uses the port, or choose another with --port.",
            file=sys.stderr,
        )
        return 1
    base_url = f"http://{_HOST}:{listener.getsockname()[1]}"
    try:
        app = create_app(base_url=base_url, state=options.state, endpoints=endpoints)
    except (sqlite3.Error, ValidationError) as error:
        print(
            f"Cannot keep state in {options.state}: {error}. "
            "Remove the file to start anew, or name another with --state.",
            file=sys.stderr,
        )
        return 1
    print(f"Stripe stand-in on {base_url}", flush=True)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    # The server stops by itself on Ctrl-C, and raises it again once it has.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
