"""contexts: the brokers that have a name."""

import argparse
import os

from cinepid.config import PORT, TLS_PORT
from cinepid.ctl.context import CONTEXT_VARIABLE, contexts_path, load_contexts
from cinepid.ctl.errors import OK
from cinepid.ctl.output import Column, Output, Row
from cinepid.ctl.program import Verb

_COLUMNS = (Column(""), Column("NAME"), Column("BROKER"), Column("USER"), Column("TLS"))


async def _run(options: argparse.Namespace) -> int:
    found = load_contexts(os.environ)
    chosen = options.context or os.environ.get(CONTEXT_VARIABLE) or found.default
    output = Output(is_json=options.json)
    if options.json:
        listed = [
            {"name": name, "servers": [str(s) for s in broker.all_servers()]}
            for name, broker in found.contexts.items()
        ]
        output.json({"default": found.default, "contexts": listed})
        return OK
    if not found.contexts:
        output.note(f"there is no context yet; they are kept in {contexts_path(os.environ)}")
        output.note(f"without one the broker is localhost:{PORT}, or {TLS_PORT} with --tls")
        return OK
    output.table(
        _COLUMNS,
        (
            Row(
                (
                    "*" if name == chosen else "",
                    name,
                    ", ".join(str(server) for server in broker.all_servers()),
                    broker.username or "-",
                    "yes" if broker.uses_tls else "no",
                )
            )
            for name, broker in sorted(found.contexts.items())
        ),
    )
    return OK


VERB = Verb(
    help="list the brokers that have a name", run=_run, examples=("contexts", "ls --context garden")
)
