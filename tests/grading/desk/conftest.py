"""Notebooks as students send them, and the grader with its engine replaced or run as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.grading.desk import fake_engine

ROOT = Path(__file__).resolve().parents[3]


def notebook(*cells, lesson="02", **changes):
    """The text of a notebook with these code cells."""
    made = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "source": cell,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for i, cell in enumerate(cells)
    ]
    metadata = {"gradient_clinic": {"lesson": lesson}} if lesson else {}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made, **changes})


@pytest.fixture
def sent(tmp_path):
    """A folder of submissions, and a function that puts one into it."""
    folder = tmp_path / "submissions"
    folder.mkdir()

    def send(name, text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    send.folder = folder
    return send


@pytest.fixture
def gradings(tmp_path, monkeypatch):
    """The fake engine in this process; call it for the list of gradings that really took place."""
    path = tmp_path / "gradings"
    monkeypatch.setenv("GRADINGS", str(path))
    saved = sys.modules.get("course.grading.engine")
    fake_engine.install()
    yield lambda: path.read_text().splitlines() if path.exists() else []
    sys.modules.pop("course.grading.engine")
    if saved:
        sys.modules["course.grading.engine"] = saved


@pytest.fixture
def grader(tmp_path):
    """Start the grader, with the fake engine, as a process of its own."""
    started = []

    def start(*arguments):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "GRADINGS": str(tmp_path / "gradings")}
        command = [sys.executable, str(Path(__file__).with_name("fake_engine.py")), *map(str, arguments)]
        process = subprocess.Popen(
            command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=tmp_path
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
