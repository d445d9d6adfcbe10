"""A small copy of the course with a package index of its own, so that set-up is real and takes seconds."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PRINT_HOW_IT_WAS_STARTED = """\
import json, os, sys
import course
print(json.dumps({"python": sys.prefix, "arguments": sys.argv[1:], "course": course.__file__,
                  "path": os.environ.get("PYTHONPATH", "")}))
"""


def write_wheel(folder, name, version, files):
    """Write a pure Python wheel of ``{path: text}``; returns its path."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
    files[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


class Index:
    """A package index on this machine; while ``gate`` is clear, packages named in ``held`` wait."""

    def __init__(self, folder):
        self.folder, self.gate, self.held, self.asked = folder, threading.Event(), set(), threading.Event()
        self.gate.set()
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/").split("/")[-1].split("#")[0]
                if name.endswith(".whl"):
                    index.send_wheel(self, name)
                else:
                    wheels = [path.name for path in folder.glob(f"{name}-*.whl")]
                    links = "".join(f'<a href="/files/{wheel}">{wheel}</a>' for wheel in wheels)
                    index.send(self, links.encode(), "text/html", 200 if wheels else 404)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/simple"

    def add(self, name, version, files):
        """Offer a pure Python package of ``{path: text}``."""
        write_wheel(self.folder, name, version, files)

    def send_wheel(self, handler, name):
        if handler.command == "GET" and name.split("-")[0] in self.held:
            self.asked.set()
            self.gate.wait(60)
        self.send(handler, (self.folder / name).read_bytes(), "application/octet-stream")

    def send(self, handler, body, kind, status=200):
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            if handler.command == "GET":
                handler.wfile.write(body)
        except OSError:
            pass  # the installer was killed

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class House:
    """A copy of the course's command line, with two small packages as its requirements."""

    def __init__(self, folder, index, installer):
        self.root, self.index, self.installer = folder / "Grädient clinic", index, installer
        self.venv = self.root / ".venv"
        self.state = self.venv / "gradient-clinic.json"
        self.python = self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        (self.root / "course").mkdir(parents=True)
        for name in ("__init__.py", "__main__.py", "syllabus.py", "syllabus.toml"):
            shutil.copy(ROOT / "course" / name, self.root / "course" / name)
        shutil.copytree(ROOT / "course" / "cli", self.root / "course" / "cli")
        self.require("jupyterlab>=4,<5", "tinyhelper>=1")
        (self.root / "pyproject.toml").write_text(
            '[project]\nname = "x"\n'
            '[project.optional-dependencies]\ngrade = []\nmaintain = ["tinyextra>=1"]\ntest = []\n'
        )
        hidden = folder / "bin"
        hidden.mkdir()
        if installer == "pip":  # a `uv` that does not start, as a version manager leaves it
            (hidden / "uv").write_text("#!/bin/sh\nexit 127\n")
            (hidden / "uv").chmod(0o755)
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "COURSE_"))
        }
        kept.pop("PYTHONPATH", None)
        self.environment = {
            **kept,
            "PATH": str(hidden) + os.pathsep + os.environ["PATH"],
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.url,
            "PIP_CACHE_DIR": str(folder / "pip-cache"),
            "PIP_RETRIES": "1",
            "UV_NO_CONFIG": "1",
            "UV_DEFAULT_INDEX": index.url,
            "UV_CACHE_DIR": str(folder / "uv-cache"),
            "UV_HTTP_RETRIES": "0",
        }

    def require(self, *lines):
        (self.root / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))

    def disconnect(self):
        for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
            self.environment[name] = "http://127.0.0.1:9/simple"

    def start(self, *arguments, **options):
        """Start ``python -m course ...`` in a process group of its own."""
        return subprocess.Popen(
            [bare_python(), "-m", "course", *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            **options,
        )

    def run(self, *arguments):
        """Run ``python -m course ...``; returns (exit code, stdout, stderr)."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def lab(self):
        """Start the lab, expecting it to come up; returns how JupyterLab was started."""
        code, out, err = self.run("lab", "--no-browser")
        assert code == 0, err
        return json.loads(out.splitlines()[-1])


def bare_python():
    """The Python that virtual environments are made of: it has none of the course's packages."""
    return getattr(sys, "_base_executable", sys.executable)


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    lab = {"jupyterlab/__init__.py": "", "jupyterlab/__main__.py": PRINT_HOW_IT_WAS_STARTED}
    index = Index(folder)
    index.add("jupyterlab", "4.9.0", lab)
    index.add("tinyhelper", "1.0", {"tinyhelper/__init__.py": "", "tinyhelper/part.py": "x = 1\n"})
    index.add("tinyextra", "1.0", {"tinyextra.py": ""})
    yield index
    index.close()


@pytest.fixture(params=["uv", "pip"])
def house(request, tmp_path, index):
    """A course that is not set up yet; each test runs with both installers."""
    if request.param == "uv" and shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    return House(tmp_path, index, request.param)


@pytest.fixture
def quick_house(tmp_path, index):
    """A course that is not set up yet, with the faster installer there is."""
    return House(tmp_path, index, "uv" if shutil.which("uv") else "pip")
