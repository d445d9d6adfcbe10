"""Setting up on a fresh machine, interrupted and hindered: real processes and environments, tiny packages."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

posix_only = pytest.mark.skipif(os.name != "posix", reason="kills process groups")


def test_the_first_start_makes_an_environment_and_opens_the_lab_in_it(house):
    code, out, err = house.run("lab", "--no-browser")
    assert code == 0, err
    said = err.splitlines()
    assert said[0] == f"Setting up the course in {house.venv}: about 3 GB, once."
    assert any(
        line.lstrip().startswith("Installed" if house.installer == "uv" else "Installing") for line in said
    )
    started = json.loads(out.splitlines()[-1])
    assert os.path.samefile(started["python"], house.venv)
    assert f"--ServerApp.root_dir={house.root}" in started["arguments"]
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in started["arguments"]
    assert "--no-browser" in started["arguments"]
    assert started["path"].split(os.pathsep)[0] == str(house.root)


def test_the_environment_imports_the_course_from_anywhere(quick_house, tmp_path):
    quick_house.lab()
    told = subprocess.run(
        [quick_house.python, "-c", "import course; print(course.__file__)"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert os.path.samefile(told.stdout.strip(), quick_house.root / "course" / "__init__.py")


def test_the_second_start_needs_no_installer_and_no_network(house):
    house.lab()
    house.disconnect()
    code, out, err = house.run("lab")
    assert (code, err) == (0, "")
    assert json.loads(out)["arguments"][-1] != "--no-browser"


@posix_only
def test_a_set_up_killed_in_the_middle_goes_on(house):
    house.index.held.add("tinyhelper")
    house.index.gate.clear()
    process = house.start("lab")
    assert house.index.asked.wait(60)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not json.loads(house.state.read_text())["complete"]
    house.index.gate.set()
    assert os.path.samefile(house.lab()["python"], house.venv)


@posix_only
def test_an_installer_that_outlives_its_set_up_is_waited_for(quick_house):
    quick_house.index.held.add("tinyhelper")
    quick_house.index.gate.clear()
    first = quick_house.start("lab")
    assert quick_house.index.asked.wait(60)
    first.kill()
    second = quick_house.start("lab")
    assert second.stderr.readline() == "Another set-up of this folder is under way: waiting for it to end.\n"
    quick_house.index.gate.set()
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert os.path.samefile(json.loads(out)["python"], quick_house.venv)


@posix_only
def test_ctrl_c_stops_a_set_up_without_a_traceback(quick_house):
    quick_house.index.held.add("tinyhelper")
    quick_house.index.gate.clear()
    process = quick_house.start("lab")
    assert quick_house.index.asked.wait(60)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.endswith("Stopped. The same command starts again; a set-up goes on where it was.\n")


@pytest.mark.parametrize("damage", ["a file is gone", "a file is cut", "not signed"])
def test_a_half_copied_package_is_installed_anew(quick_house, damage):
    quick_house.lab()
    part = next(quick_house.venv.rglob("tinyhelper/part.py"))
    signature = next(quick_house.venv.rglob("tinyhelper-1.0.dist-info/INSTALLER"))
    if damage == "a file is cut":
        part.unlink()  # it may be a hard link into uv's cache
        part.write_text("x")
    else:
        (part if damage == "a file is gone" else signature).unlink()
    quick_house.state.write_text(json.dumps({**json.loads(quick_house.state.read_text()), "complete": False}))
    quick_house.lab()
    assert part.read_text() == "x = 1\n"
    assert signature.exists()


def remove_the_python(house):
    house.python.unlink()


def leave_only_the_state(house):
    for entry in house.venv.iterdir():
        if entry != house.state:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def spoil_the_state(house):
    house.state.write_text('{"python": "3.')


def empty_the_folder(house):
    shutil.rmtree(house.venv)
    house.venv.mkdir()


@pytest.mark.parametrize(
    "damage", [remove_the_python, leave_only_the_state, spoil_the_state, empty_the_folder]
)
def test_a_broken_environment_is_made_anew(quick_house, damage):
    quick_house.lab()
    damage(quick_house)
    assert os.path.samefile(quick_house.lab()["python"], quick_house.venv)


def test_an_environment_made_by_somebody_else_is_left_alone(quick_house):
    (quick_house.venv / "lib").mkdir(parents=True)
    (quick_house.venv / "lib" / "precious.txt").write_text("mine")
    code, out, err = quick_house.run("lab")
    assert (code, out) == (2, "")
    assert err == (
        f"{quick_house.venv} was not made by this command and is left alone: install requirements.txt "
        "into it and run the command with its Python, or move it away.\n"
    )
    assert [path.name for path in quick_house.venv.rglob("*")] == ["lib", "precious.txt"]


def test_a_changed_requirement_is_installed_at_the_next_start(quick_house):
    quick_house.lab()
    quick_house.require("jupyterlab>=4,<5", "tinyhelper>=1", "tinyextra>=1")
    assert not list(quick_house.venv.rglob("tinyextra.py"))
    _, _, err = quick_house.run("lab")
    assert err.startswith(f"Completing the set-up in {quick_house.venv}.\n")
    assert list(quick_house.venv.rglob("tinyextra.py"))


def test_extras_join_an_environment_and_stay_known(quick_house):
    quick_house.lab()
    (quick_house.root / "tests").mkdir()
    quick_house.run("test")  # pytest is not among these packages: it fails after the set-up
    assert json.loads(quick_house.state.read_text())["requirements"] == [
        "jupyterlab>=4,<5",
        "tinyextra>=1",
        "tinyhelper>=1",
    ]


def test_without_a_network_one_sentence_says_so(quick_house):
    quick_house.disconnect()
    code, out, err = quick_house.run("lab")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert err.splitlines()[-1] == (
        "The packages could not be fetched: check the network (and its proxy, if any), "
        "then run the same command again; it goes on where it stopped."
    )


def test_a_package_that_does_not_exist_is_a_sentence(quick_house):
    quick_house.require("jupyterlab>=4,<5", "tinyhelper>=7")
    code, _, err = quick_house.run("lab")
    assert code == 2
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("A package has no release for this machine or Python: ")


@pytest.fixture
def small_disk(quick_house):
    """Mounts a file system of 64 MB where the environment goes."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system, on Linux")
    quick_house.venv.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(quick_house.venv)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    yield quick_house
    subprocess.run(["umount", str(quick_house.venv)], check=True)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_made(small_disk):
    code, _, err = small_disk.run("lab")
    assert code == 2
    assert err == (
        f"The set-up needs 3.0 GB and {small_disk.root} has 0.1 GB free: make room, or move the course "
        "to a larger disk, then run the same command again.\n"
    )
    assert not small_disk.python.exists()


def test_a_disk_that_fills_up_on_the_way_is_a_sentence(small_disk):
    source = small_disk.root / "course" / "cli" / "environment.py"
    source.write_text(source.read_text().replace("BYTES_NEEDED = 3_000_000_000", "BYTES_NEEDED = 1"))
    (small_disk.venv / "gradient-clinic.json").write_text("{}")
    with (small_disk.venv / "install.log.filler").open("wb") as filler:
        filler.write(bytes(40_000_000))
    small_disk.index.add("tinybig", "1.0", {"tinybig.py": "#" * 90_000_000})
    small_disk.require("jupyterlab>=4,<5", "tinybig>=1")
    code, _, err = small_disk.run("lab")
    assert code == 2
    assert err.splitlines()[-1].startswith("The disk is full: make about 0 GB of room in ")


def test_check_setup_works_with_nothing_installed(quick_house):
    code, out, err = quick_house.run("check-setup")
    assert (code, err) == (1, "")
    assert "to mend  Environment  not made yet\n" in out
    assert "`python -m course lab` sets it up.\n" in out


def test_lab_refuses_a_port_in_use_before_it_sets_anything_up(quick_house):
    port = quick_house.index.server.server_port
    code, _, err = quick_house.run("lab", "--port", str(port))
    assert code == 2
    assert err == f"Port {port} is in use: choose another, or leave --port out to get the next free one.\n"
    assert not quick_house.venv.exists()


def test_two_set_ups_at_once_both_come_up(quick_house):
    processes = [quick_house.start("lab") for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert os.path.samefile(json.loads(out)["python"], quick_house.venv)
