"""captures/accept: go on in a folder that is another one than before."""

from cinepi.protocol import AcceptResult, NoParams
from cinepi.units import counted
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Go on in the folder of pictures as it is, after health has said that it changed.",
    arguments=NoParams,
    result=AcceptResult,
    run=passed_on("captures.accept", AcceptResult),
    say=lambda found: f"accepted; the index has {counted(found.captures, 'capture')}",
    lane="captures",
    max_age_s=300,
    is_recorded=True,
)
