"""A real browser for tests of pages: Chromium, headless, spoken to over its DevTools pipe."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

fcntl = pytest.importorskip("fcntl", reason="a browser is spoken to over descriptors handed to it, as POSIX has them")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

AXE = Path(__file__).parent.parent / "node_modules" / "axe-core" / "axe.min.js"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or chrome on PATH")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="no axe-core: npm install --no-save axe-core")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip

TIMEOUT_S = 60.0

HOSTILE = (
    "</style></bdi><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\u202e🦊" + "x" * 10_000
)

WIDTHS = (360, 768, 1440)

# The browser reads commands from descriptor 3 and writes answers to 4: this puts the pipes there and becomes it.
LAUNCH = (
    "import os, sys; [os.dup2(int(fd), number) for number, fd in zip((3, 4), sys.argv[1:])]; "
    "os.execv(sys.argv[3], sys.argv[3:])"
)


class Browser:
    """A headless browser with one page; what the page asked for and said is kept in `events`.

    Args:
        answers: Descriptor that answers and events are read from.
        commands: Descriptor that commands are written to.
    """

    def __init__(self, answers: int, commands: int) -> None:
        self._in, self._out = answers, commands
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", page=True)

    def call(self, method: str, *, page: bool = False, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer, keeping the events that come before it."""
        self._number += 1
        session = {"sessionId": self._session} if page else {}
        message = {"id": self._number, "method": method, "params": params, **session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, *, width: int, theme: str = "light") -> None:
        """Load a file at a width."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", page=True, width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.call("Emulation.setEmulatedMedia", page=True, features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", page=True, url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def evaluate(self, expression: str) -> dict[str, Any]:
        """What a script of ours finds in the page."""
        found = self.call("Runtime.evaluate", page=True, expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return dict(found["result"]["value"])

    def faults(self) -> list[Any]:
        """What axe-core has against the page as it stands."""
        self.evaluate(f"(() => {{ {AXE.read_text(encoding='utf-8')}; return {{}} }})()")
        found = self.evaluate(
            "axe.run().then(({violations}) => ({ ids: violations.map(({id, impact}) => [id, impact]) }))"
        )
        return list(found["ids"])

    def picture(self, path: Path) -> Path:
        """The whole page as a PNG, as it stands."""
        size = self.call("Page.getLayoutMetrics", page=True)["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", page=True, captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    @property
    def said(self) -> list[dict[str, Any]]:
        """Console messages, exceptions and the browser's own complaints."""
        methods = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [event["params"] for event in self.events if event["method"] in methods]

    @property
    def requested(self) -> list[str]:
        """Addresses the page asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], deadline - time.monotonic())
            assert ready, "the browser does not answer"
            arrived = os.read(self._in, 1 << 16)
            assert arrived, "the browser has gone"
            self._rest += arrived
        message, _, self._rest = self._rest.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser for as long as it is needed.

    Args:
        folder: Where it keeps its profile.
    """
    answers, theirs_out = os.pipe()
    theirs_in, commands = os.pipe()
    theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]  # 10: clear of 3 and 4
    profile = f"--user-data-dir={folder}"
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, *map(str, theirs), str(CHROMIUM), *FLAGS, profile],
        pass_fds=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for fd in (theirs_in, theirs_out, *theirs):
            os.close(fd)
        yield Browser(answers, commands)
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT_S)
        os.close(answers)
        os.close(commands)
