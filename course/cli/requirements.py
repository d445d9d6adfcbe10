"""What the course wants installed, and whether it is. Standard library only.

``requirements.txt`` and the extras of ``pyproject.toml`` are read with the small part of the requirement
syntax that they use: a name and comparisons, such as ``keras>=3.13,<3.16``. A test holds the files to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

# Distributions that bring the same `import tensorflow`.
STAND_INS = {"tensorflow": ("tensorflow-cpu", "tensorflow-rocm")}

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<bounds>[<>=!].*)?")
_BOUND = re.compile(r"(>=|<=|==|!=|>|<)\s*([0-9][0-9.]*)")
_COMPARE = {
    ">=": tuple.__ge__,
    "<=": tuple.__le__,
    "==": tuple.__eq__,
    "!=": tuple.__ne__,
    ">": tuple.__gt__,
    "<": tuple.__lt__,
}


class Requirement(NamedTuple):
    """One line of a requirements file: its text, the distribution's name, and its version bounds."""

    text: str
    name: str
    bounds: tuple[tuple[str, str], ...]

    def accepts(self, version: str) -> bool:
        """Whether this installed version lies within the bounds."""
        return all(_compare(version, operator, bound) for operator, bound in self.bounds)


class Missing(NamedTuple):
    """A requirement that is not met; ``found`` is the version there is, ``None`` when there is none."""

    requirement: Requirement
    found: str | None


def parse(line: str) -> Requirement:
    """Read one line such as ``numpy>=2.1,<3``; raises ``ValueError`` on anything else."""
    text = line.split("#")[0].strip()
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"requirement {text!r}: expected a name and version bounds such as `numpy>=2.1,<3`")
    bounds = []
    for part in filter(None, (part.strip() for part in (match["bounds"] or "").split(","))):
        bound = _BOUND.fullmatch(part)
        if bound is None:
            raise ValueError(f"requirement {text!r}: {part!r} is not one of >= <= > < == != and a version")
        bounds.append((bound[1], bound[2]))
    return Requirement(text, match["name"], tuple(bounds))


def wanted(extras: tuple[str, ...] = (), root: Path = ROOT) -> list[Requirement]:
    """The learner's requirements and those of the named extras."""
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.split("#")[0].strip()]
    if extras:
        import tomllib

        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lines += [line for extra in extras for line in project["optional-dependencies"][extra]]
    return [parse(line) for line in lines]


def missing(requirements: list[Requirement], site_packages: str | None = None) -> list[Missing]:
    """The requirements that the running Python's packages, or those in ``site_packages``, do not meet."""
    from importlib import metadata

    def version_of(name: str) -> str | None:
        where = {} if site_packages is None else {"path": [site_packages]}
        return next((found.version for found in metadata.distributions(name=name, **where)), None)

    unmet = []
    for requirement in requirements:
        names = (requirement.name, *STAND_INS.get(requirement.name, ()))
        found = [version for version in map(version_of, names) if version]
        if not any(requirement.accepts(version) for version in found):
            unmet.append(Missing(requirement, found[0] if found else None))
    return unmet


def _compare(version: str, operator: str, bound: str) -> bool:
    left, right = _release(version), _release(bound)
    width = max(len(left), len(right))
    return _COMPARE[operator](left + (0,) * (width - len(left)), right + (0,) * (width - len(right)))


def _release(version: str) -> tuple[int, ...]:
    """The numbers that lead a version: ``2.21.0rc1`` is ``(2, 21, 0)``."""
    return tuple(int(number) for number in re.match(r"[0-9]+(?:\.[0-9]+)*", version)[0].split("."))
