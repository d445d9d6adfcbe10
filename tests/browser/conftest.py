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

ROOT = Path(__file__).parent.parent.parent
SHOTS = ROOT / "artifacts" / "browser"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OVERRIDES = '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}'


def chromium():
    """The path of a Chromium or Chrome on this machine, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs a browser: install Debian's package chromium.")
        pytest.skip("No Chromium or Chrome on PATH: install one to run the browser tests.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A JupyterLab that serves a copy of the notebooks; yields its address and its folder."""
    home = tmp_path_factory.mktemp("lab")
    for folder in ("notebooks", "exercises"):
        shutil.copytree(ROOT / folder, home / "course" / folder)
    settings = home / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True)
    (settings / "overrides.json").write_text(OVERRIDES)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "COURSE_DB": f"sqlite:///{home / 'progress.db'}",
        **{f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")},
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="),
        *("--LabApp.expose_app_in_browser=True", f"--LabApp.app_settings_dir={settings}"),
        *(f"--ServerApp.root_dir={home / 'course'}", f"--LabApp.workspaces_dir={home / 'workspaces'}"),
    ]
    log = open(home / "server.log", "w")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api", process, home / "server.log")
        yield address, home
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _wait_for(address, process, log, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


class Lab:
    """One notebook in JupyterLab, as a person uses it."""

    def __init__(self, page, address, shots):
        self.page, self.address, self.shots = page, address, shots

    def open(self, path):
        self.page.goto(f"{self.address}/lab/tree/{path}?reset", wait_until="load")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.sessionContext"
                                    ".session?.kernel?.connectionStatus === 'connected'", timeout=60_000)

    def run_all(self, seconds=180):
        """Run every cell and wait until the kernel is idle and each code cell has its number."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(
            "() => { const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells"
            ".filter(c => c.cell_type === 'code' && c.source.trim()); return cells.length && cells.every(c =>"
            " c.execution_count !== null && c.execution_count > 0) && window.jupyterapp.shell.currentWidget.context"
            ".sessionContext.session.kernel.status === 'idle'; }",
            timeout=seconds * 1000,
        )

    def errors(self):
        """The errors that cells show."""
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.flatMap(c =>"
            " (c.outputs || []).map(o => o.toJSON ? o.toJSON() : o).filter(o => o.output_type === 'error')"
            ".map(o => o.ename + ': ' + o.evalue))"
        )

    def cell(self, text):
        """The first cell whose source contains ``text``, scrolled into view."""
        index = self.page.evaluate(
            "text => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells"
            ".findIndex(c => c.source.includes(text))",
            text,
        )
        assert index >= 0, f"no cell contains {text!r}"
        self.page.evaluate(
            "async index => { const n = window.jupyterapp.shell.currentWidget.content;"
            " n.activeCellIndex = index; await n.scrollToItem(index, 'center'); }",
            index,
        )
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def replace(self, text, source):
        """Write ``source`` into the cell that contains ``text``, and run it."""
        self.cell(text)
        self.page.evaluate(
            "source => { window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel"
            ".setSource(source); return window.jupyterapp.commands.execute('notebook:run-cell'); }",
            source,
        )

    def run(self, text):
        """Run the cell that contains ``text`` and give its place on the page."""
        cell = self.cell(text)
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
        return cell

    def shoot(self, name):
        """Keep a screenshot under artifacts/browser, to be looked at."""
        self.shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(self.shots / f"{name}.png"))


@pytest.fixture
def lab(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield Lab(page, server[0], SHOTS)
    page.close()
