"""All that the camera service is made of, for the methods to use."""

from dataclasses import dataclass

from cinepi.camera.camera import Camera
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import Clock
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from cinepi.service.board import Board
from cinepi.service.configuration import Configuration
from cinepi.service.giving_up import CameraExits
from cinepi.service.in_force import InForce
from cinepi.service.in_progress import InProgress
from cinepi.service.probe import FolderProbe
from cinepi.service.storage import Storage
from cinepi.service.tidying import Tidying
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.shutter import Shutter


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts, each documented at its class."""

    layout: Layout
    clock: Clock
    journal: Journal
    in_force: InForce
    configuration: Configuration
    store: Store
    camera: Camera
    taker: Taker
    keeper: SessionKeeper
    storage: Storage
    tidying: Tidying
    shutter: Shutter
    board: Board
    exits: CameraExits
    in_progress: InProgress
    probe: FolderProbe
