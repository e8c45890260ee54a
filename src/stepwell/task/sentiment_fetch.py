"""Fetch the rated movie snippets: from the source distribution of a package, by its checksum, with pip."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from stepwell.task.sentiment_corpus import SNIPPETS, data_folder

PACKAGE = "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
ARCHIVE = "hutto_ICWSM_2014.tar.gz"


def fetch_snippets(folder: Path | None = None) -> Path:
    """Put the snippets, and the other rated texts beside them, into a folder.

    The wheel of the package lacks them, so its source distribution (MIT licence) is downloaded; pip refuses a
    file with another checksum before it looks inside. What is there already is not fetched again.

    Args:
        folder: where to; the user's data folder if None.

    Raises:
        OSError: where pip cannot fetch it, with pip's last words.
    """
    folder = data_folder() / "sentiment" if folder is None else Path(folder)
    if (folder / SNIPPETS).exists():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest", scratch]
        done = subprocess.run([*command, "-r", str(wanted)], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise OSError(f"pip could not fetch {PACKAGE}: {said}")
        unpack(next(Path(scratch).glob("*.tar.gz")), folder)
    return folder


def unpack(distribution: Path, folder: Path) -> None:
    """The rated texts of the source distribution, as plain files."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(distribution) as outer:
        inner = next(member for member in outer if member.name.endswith(ARCHIVE))
        with tarfile.open(fileobj=outer.extractfile(inner)) as archive:
            members = [member for member in archive if member.name.endswith("_GroundTruth.txt")]
            # The one whose presence says that all is there comes last.
            for member in sorted(members, key=lambda member: Path(member.name).name == SNIPPETS):
                content = archive.extractfile(member)
                assert content is not None  # a file, as its name says
                (folder / Path(member.name).name).write_bytes(content.read())
