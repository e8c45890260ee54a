"""A page of the lab in a notebook: the same front end and the same `Session`, through anywidget's
messages."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import anywidget
import jax
import traitlets

from stepwell.lab import PAGES, bundle, wire
from stepwell.lab.session import Session

POOL = ThreadPoolExecutor(2, "lab")
FLOAT32 = (
    "this process computes in float32; put jax.config.update('jax_enable_x64', True) at its start. "
    "What the browser computes works all the same."
)


class Widget(anywidget.AnyWidget):
    """One page. Create it once, in a cell of its own; settings change on the page.

    Args:
        page: its name.
        settings: values that differ from the page's defaults, such as `sigma0=1e-3`.

    Raises:
        ValueError: for an unknown page or setting, or a value out of range.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    page = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, page: str = "training", **settings: Any):
        if page not in PAGES:
            raise ValueError(f"there is no page '{page}'; there are: {', '.join(PAGES)}.")
        table = bundle.contents((PAGES[page],))
        render = f"const render = ({{ model, el }}) => renderCell({table}, model, el);"
        self._tasks: set[asyncio.Task[None]] = set()
        self._session = Session(PAGES, self._say, POOL)
        # The text of the modules is given at creation: anywidget takes a path or a string, and ours is joined
        # from many.
        super().__init__(
            page=page,
            settings=wire.plain(PAGES[page].checked(settings), None),
            _esm=f"{bundle.script()}\n{render}\nexport default {{ render }};\n",
            _css=bundle.style(),
        )
        self.on_msg(self._hear)

    def _hear(self, widget: Any, content: Any, buffers: Any) -> None:
        """Obey one message in the notebook's event loop, or to its end where there is none."""
        work = self._obey(content)
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:
            asyncio.run(work)
        else:
            self._tasks.add(task)  # the loop keeps only a weak reference
            task.add_done_callback(self._tasks.discard)

    async def _obey(self, content: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "greet":
            await self._session.greet(version("stepwell"))
        elif kind == "leave":
            await self._session.close()
        elif kind in ("reset", "ask") and not jax.config.read("jax_enable_x64"):
            await self._say({"type": "error", "about": kind, "gen": content.get("gen"), "why": FLOAT32})
        else:
            await self._session.receive(content)

    async def _say(self, message: dict[str, Any]) -> None:
        header, arrays = wire.parted(message)
        self.send(wire.plain(header), buffers=[array.data for array in arrays] or None)
