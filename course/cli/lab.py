"""``python -m course lab``: the course in JupyterLab."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from course.cli import environment
from course.cli.environment import ROOT, CannotGoOn

FIRST_PAGE = "notebooks/00_start_here.ipynb"


def main(argv: list[str]) -> int:
    """Open JupyterLab on the first page, installed if need be. Does not return when it starts."""
    parser = argparse.ArgumentParser(
        prog="python -m course lab",
        description="Open the course in JupyterLab. The first time, this sets it up (a few minutes).",
        epilog="Any other argument goes to JupyterLab, e.g. --ip=0.0.0.0.",
        allow_abbrev=False,
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    parser.add_argument("--port", type=_port, help="the port to listen on (else 8888 or the next free one)")
    options, others = parser.parse_known_args(argv)
    if not (ROOT / "requirements.txt").exists():
        raise CannotGoOn(
            "The notebooks are not in this installation: clone the repository and run the command there."
        )
    if options.port:
        _refuse_taken(options.port)
    environment.enter()
    environment.hand_over(jupyter_command(options, others))


def jupyter_command(options: argparse.Namespace, others: list[str]) -> list[str]:
    """The command line that starts JupyterLab."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{FIRST_PAGE}",
    ]
    if options.no_browser:
        command.append("--no-browser")
    if options.port is not None:
        command += [f"--ServerApp.port={options.port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # the only user there is in many containers
    return command + others


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a whole number up to 65535")
    return int(text)


def _refuse_taken(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CannotGoOn(f"Port {port} is reserved by the system: choose one above 1023.") from None
        except OSError:
            raise CannotGoOn(
                f"Port {port} is in use: choose another, or leave --port out to get the next free one."
            ) from None
