"""``python -m course.cli.inside``: what check-setup asks the environment's own Python, as JSON."""

from __future__ import annotations

import json
import os


def main() -> None:
    """Print ``[[what, found, how to mend], ...]``."""
    print(json.dumps([_of("Data", _data), _of("Progress", _progress), *_tensorflow()]))


def _of(what: str, look) -> list[str]:
    try:
        return [what, look(), ""]
    except Exception as error:  # whatever it is, it is the finding
        return [
            what,
            f"{type(error).__name__}: {error}",
            f"{what}: mend what its line names, and look again.",
        ]


def _data() -> str:
    from course import data

    data.digits()
    return "comes with the packages, nothing to download"


def _progress() -> str:
    from course.progress.store import Store, default_path

    if url := os.environ.get("COURSE_DB"):
        Store(url).tallies()
        return "kept in the database that COURSE_DB names"
    path = default_path()
    if path.exists():
        Store().tallies()
        return f"kept in {path}"
    folder = next(parent for parent in path.parents if parent.exists())
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written, and {path} is to lie there")
    return f"will be kept in {path}"


def _tensorflow() -> list[list[str]]:
    from course.startup import hidden_stderr

    def versions() -> str:
        with hidden_stderr():
            import keras
            import tensorflow

            tensorflow.config.list_physical_devices()
        return f"{tensorflow.__version__} with Keras {keras.__version__}"

    def device() -> str:
        import tensorflow

        names = [
            tensorflow.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in tensorflow.config.list_physical_devices("GPU")
        ]
        return f"GPU: {', '.join(names)}" if names else "CPU, which is enough for every lesson"

    first = _of("TensorFlow", versions)
    return [first] if first[2] else [first, _of("Device", device)]


if __name__ == "__main__":
    main()
