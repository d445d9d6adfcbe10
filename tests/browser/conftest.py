"""JupyterLab in headless Chromium, with folders of its own: no setting of the user's is read or written."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from course.cli.environment import child_environment
from course.progress import Progress

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "artifacts" / "browser"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 60_000  # for one step on a busy machine; a step that works takes well under a second
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OVERRIDES = (
    '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}'
)
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
CELLS = f"{NOTEBOOK}.content.model.sharedModel.cells"
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs a browser: install Debian's package chromium.")
        pytest.skip("No Chromium or Chrome on PATH: install one to run the browser tests.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield running
        running.close()


class Server:
    """A JupyterLab with folders of its own."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "course"
        self.database = home / "progress" / "progress.db"
        self.url = f"sqlite:///{self.database.as_posix()}"
        self._log = home / "server.log"
        settings = home / "settings"
        for folder in (self.folder, settings):
            folder.mkdir()
        (settings / "overrides.json").write_text(OVERRIDES)
        port = _free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="),
            *("--LabApp.expose_app_in_browser=True", f"--LabApp.app_settings_dir={settings}"),
            *(f"--ServerApp.root_dir={self.folder}", f"--LabApp.workspaces_dir={home / 'workspaces'}"),
        ]
        own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        self._env = {**child_environment(), **own, "COURSE_DB": self.url}

    def start(self) -> None:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/api", timeout=2)
                return
            except OSError:
                time.sleep(0.2)
        self.stop()
        pytest.fail(f"JupyterLab did not start:\n{self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def clear(self) -> None:
        """Give the notebooks as they are in the repository, to a learner who has done nothing yet."""
        for kind in ("notebooks", "exercises"):
            shutil.rmtree(self.folder / kind, ignore_errors=True)
            shutil.copytree(ROOT / kind, self.folder / kind)
        shutil.rmtree(self.database.parent, ignore_errors=True)
        self.database.parent.mkdir()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server(browser, tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("lab"))
    running.start()
    yield running
    running.stop()


class Lab:
    """A notebook in JupyterLab, as a person uses it."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self._server = page, server

    def open(self, path: str) -> None:
        """Open a notebook, alone."""
        self.page.goto(f"{self._server.address}/lab/tree/{path}?reset", wait_until="load")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel answers: sooner, a run would ask which kernel to take."""
        self.page.wait_for_function(f"() => {NOTEBOOK}?.context?.sessionContext?.session?.kernel")
        self.page.evaluate(
            f"async () => {{ const context = {NOTEBOOK}.context.sessionContext;"
            " await context.ready; await context.session.kernel.info; }"
        )

    def run_all(self, seconds: float = 180) -> None:
        """Run every cell, and wait until the last one is done."""
        self.page.evaluate(
            "() => { window.ran = false; window.jupyterapp.commands.execute('notebook:run-all-cells')"
            ".then(() => { window.ran = true; }); }"
        )
        self.page.wait_for_function("() => window.ran", timeout=seconds * 1000)

    def outputs(self, kind: str) -> list[dict]:
        """The outputs of one type (``error``, ``stream``, ``display_data``, ...) of all cells."""
        outputs = self.page.evaluate(
            f"() => {CELLS}.flatMap(c => (c.outputs || []).map(o => o.toJSON ? o.toJSON() : o))"
        )
        return [output for output in outputs if output["output_type"] == kind]

    def cell(self, text: str) -> Locator:
        """The first cell whose source contains ``text``, made the active one and scrolled into view."""
        index = self.page.evaluate(f"text => {CELLS}.findIndex(c => c.source.includes(text))", text)
        assert index >= 0, f"no cell contains {text!r}"
        panel = self.page.evaluate(
            f"async index => {{ const n = {NOTEBOOK}.content; n.mode = 'command'; n.activeCellIndex = index;"
            f" n.activate(); await n.scrollToItem(index, 'start'); return {NOTEBOOK}.id; }}",
            index,
        )
        return self.page.locator(f'[id="{panel}"] .jp-Cell[data-windowed-list-index="{index}"]')

    def run(self, text: str) -> Locator:
        """Run the cell that contains ``text``, and give its place on the page."""
        cell = self.cell(text)
        self.command("notebook:run-cell")
        return cell

    def replace(self, text: str, source: str) -> Locator:
        """Type ``source`` in place of all that stands in the cell that contains ``text``, and run it."""
        cell = self.cell(text)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")
        return cell

    def tab_to(self, target: Locator, most: int = 30) -> None:
        """Press Tab until the keyboard is at ``target``."""
        for _ in range(most):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"{most} times Tab do not lead to {target}.")

    def command(self, name: str, **arguments: str) -> None:
        """Give one of JupyterLab's commands, as its menus do, and wait until it is done."""
        self.page.evaluate(
            "async ([name, given]) => { await window.jupyterapp.commands.execute(name, given); }",
            [name, arguments],
        )

    def restart_kernel(self) -> None:
        """Kill the kernel and start another: what the old one held in memory is gone."""
        self.page.evaluate(f"() => {NOTEBOOK}.context.sessionContext.session.kernel.restart()")

    def passed(self) -> set[str]:
        """The IDs of the exercises and questions that the learner's database holds as passed."""
        return {item for (_, item), tally in self._tallies().items() if tally.passed}

    def attempts(self, item: str) -> int:
        """How often an exercise, a question or a prediction was answered, as the database has it."""
        return sum(tally.attempts for (_, found), tally in self._tallies().items() if found == item)

    def _tallies(self) -> dict:
        progress = Progress.open(self._server.url)
        try:
            return progress.tallies()
        finally:
            progress.close()

    def shoot(self, name: str) -> Path:
        """Keep a screenshot under artifacts/browser, to be looked at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path


@pytest.fixture
def lab(browser, server, request):
    """A page of its own; its options can be given as an indirect parameter."""
    server.clear()
    page = browser.new_page(**getattr(request, "param", {"viewport": {"width": 1280, "height": 1000}}))
    page.set_default_timeout(PATIENCE_MS)
    yield Lab(page, server)
    page.evaluate("async () => { await window.jupyterapp?.serviceManager.sessions.shutdownAll(); }")
    page.close()
