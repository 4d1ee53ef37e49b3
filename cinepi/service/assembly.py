"""What the service is made of, one part after the other; each is given what it needs.

Nothing is set on a part after it was made. A part that tells others of a change is given a way to
say so: the board, which is made first and learns last which documents there are.
"""

from contextlib import suppress
from functools import partial

from cinepi.camera.camera import Camera
from cinepi.capture.folder import KnownFolder
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import Clock
from cinepi.errors import StorageFullError
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from cinepi.service.board import Board
from cinepi.service.configuration import Configuration
from cinepi.service.followers.contract import Followed
from cinepi.service.followers.registry import all_followers
from cinepi.service.giving_up import CameraExits
from cinepi.service.in_force import InForce
from cinepi.service.in_progress import InProgress
from cinepi.service.parts import Parts
from cinepi.service.probe import FolderProbe
from cinepi.service.storage import Storage
from cinepi.service.tidying import Tidying
from cinepi.timing import realtime
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.shutter import Shutter


def assemble(layout: Layout, clock: Clock, journal: Journal, in_force: InForce) -> Parts:
    """Make all parts. Nothing runs yet, and the camera is not touched.

    Blocks until folder and index agree: some ms, after a crash up to some seconds.
    """
    board = Board()
    known = KnownFolder(layout.captures, journal, beside=layout.journal.parent)
    store = Store(layout.captures, clock, known)
    tidying = Tidying(store, journal, known)
    keeper = _keeper(journal, clock, board, tidying)
    exits = CameraExits(journal, keeper)
    camera = _camera(layout, clock, in_force, board, exits)
    taker = _taker(camera, store, journal, clock, board)
    storage = Storage(
        store=store,
        taker=taker,
        journal=journal,
        keeper=keeper,
        clock=clock,
        settings=lambda: in_force.config.capture,
        on_change=partial(board.changed, "storage"),
        tidying=tidying,
    )
    shutter = Shutter(
        keeper=keeper,
        camera=camera,
        taker=taker,
        storage=storage,
        clock=clock,
        config=lambda: in_force.config,
    )
    followers = all_followers(Followed(board, camera, keeper, shutter))
    return Parts(
        layout=layout,
        clock=clock,
        journal=journal,
        in_force=in_force,
        configuration=Configuration(layout, clock, journal, in_force, followers),
        store=store,
        camera=camera,
        taker=taker,
        keeper=keeper,
        storage=storage,
        tidying=tidying,
        shutter=shutter,
        board=board,
        exits=exits,
        in_progress=InProgress(),
        probe=FolderProbe(layout.captures, clock),
    )


def register_documents(parts: Parts) -> None:
    """Tell the board what the documents are, and who else listens to a change."""
    board = parts.board
    board.register("session", parts.keeper.document)
    board.register("camera", parts.camera.document)
    board.register("config", parts.in_force.document)
    board.register("storage", parts.storage.document)
    board.register("capture", parts.journal.newest_capture)
    board.listen("session", parts.shutter.wake)
    parts.journal.on_append(board.journal_grew)


def _keeper(journal: Journal, clock: Clock, board: Board, tidying: Tidying) -> SessionKeeper:
    """Put the folder in order, and make the keeper, who goes on with a session only then.

    A frame of that session may lie on the disk and in no index: it would count as missed.
    """
    tidying.begin()
    keeper = SessionKeeper(journal, clock, on_change=partial(board.changed, "session"))
    if tidying.has_begun:
        with suppress(StorageFullError):  # the monitor tries again
            keeper.take_up()
    return keeper


def _camera(
    layout: Layout, clock: Clock, in_force: InForce, board: Board, exits: CameraExits
) -> Camera:
    return Camera(
        in_force.config.camera,
        layout=layout,
        clock=clock,
        on_change=partial(board.changed, "camera"),
        on_event=exits.camera_event,
        give_up=exits.give_up_camera,
        exits=exits.total,
        exits_in_a_row=exits.in_a_row,
    )


def _taker(camera: Camera, store: Store, journal: Journal, clock: Clock, board: Board) -> Taker:
    return Taker(
        camera,
        store,
        journal,
        clock,
        on_exposed=realtime.give_back,
        on_stored=partial(board.changed, "capture"),
    )
