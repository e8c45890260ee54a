"""The site of the documentation, built once for all tests, from a few claims of each study at scale smoke."""

import functools
import tempfile
from pathlib import Path
from typing import NamedTuple

from docs.site import __main__ as site
from docs.site import judging
from stepwell import STUDIES

FEW = 2


class Built(NamedTuple):
    """Where the site is, the report that it was made from, and where its blocks were run."""

    site: Path
    report: Path
    run: Path


@functools.cache
def built() -> Built:
    """The site with all its pages, each of whose blocks was run."""
    folder = Path(tempfile.mkdtemp(prefix="site-"))
    judged = {name: [c.id for c in study.claims if "smoke" in c.scales] for name, study in STUDIES.items()}
    few = {name: ids[:FEW] for name, ids in judged.items() if ids}
    judging.write(folder / "report", "smoke", folder / "store", few)
    site.build(folder / "report", folder / "work", folder / "site")
    return Built(folder / "site", folder / "report", folder / "work" / "run")
