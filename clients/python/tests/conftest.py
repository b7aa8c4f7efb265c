"""What several test files begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is ready."""
    with Daemon(tmp_path / "daemon") as daemon:
        yield daemon.start()
