"""What is shipped: the package alone, typed, with no dependency of its core."""

import subprocess
import sys
import zipfile
from pathlib import Path

from material import ROOT

PROJECT = ROOT / "clients" / "python"


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        metadata = content.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    folders = {name.split("/")[0] for name in names}
    assert folders == {"crossfade_verify", "crossfade_verify-0.1.0.dist-info"}
    assert "crossfade_verify/py.typed" in names
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert all("extra ==" in line for line in needed), "each is an extra"


def test_the_readmes_way_to_install_it_works(tmp_path: Path) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    commands = [line.split() for line in readme.splitlines() if line.startswith("pip install ")]
    assert commands
    for command in commands:
        arguments = [part.strip("'").replace("PATH-TO", str(ROOT)) for part in command[1:]]
        # Without the network: what builds it is here, and what the extras need is not what is looked at.
        local = ["--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--target", str(tmp_path)]
        subprocess.run([sys.executable, "-m", "pip", *arguments, *local, "--upgrade"], check=True, capture_output=True)
        assert (tmp_path / "crossfade_verify" / "py.typed").exists()


def test_the_core_the_middleware_and_the_source_need_the_standard_library_alone() -> None:
    # -S: without the site's packages.
    code = "import sys; sys.path.insert(0, 'src'); import crossfade_verify, crossfade_verify.asgi"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=PROJECT, check=True)
