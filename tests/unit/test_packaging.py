from importlib.metadata import version

import cinepi
import cinepid


def test_version_stands_once() -> None:
    """Both packages and the installed metadata report the one version."""
    assert cinepid.__version__ == cinepi.__version__ == version("cinepi")
