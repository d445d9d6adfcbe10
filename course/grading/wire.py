"""Plain data between two processes that do not trust each other.

A message is a JSON header and, after it, the raw bytes of its arrays. There is no pickle, and nothing that
arrives can name code to run, with one exception: ``Parcel(code=True)`` also carries functions, for the one
way from the checker (trusted) to the solver.

Values: ``None``, ``...``, booleans, numbers, strings, lists, tuples, dicts, arrays of numbers, and whatever
NumPy can turn into such an array (a TensorFlow tensor). Anything else arrives as a :class:`Foreign` object
that knows no more than the name of its type.
"""

from __future__ import annotations

import base64
import builtins
import dis
import json
import marshal
import socket
import struct
import sys
import time
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

DTYPES = frozenset(
    [
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
)
MAX_DEPTH = 24
MAX_ITEMS = 200_000
MAX_DICT = 1000  # keys of a large dict can be made to collide, which takes quadratic time
MAX_HEADER = 4 << 20
MAX_PAYLOAD = 64 << 20
_SIZES = struct.Struct("!IQ")


class BadMessage(Exception):
    """What arrived is no message of this protocol, or is larger than allowed."""


class Foreign:
    """Stands for an object that is no plain data. Its type has the name of the original's type."""


class Parcel:
    """Turns values into a JSON tree and a list of byte blocks.

    Parameters
    ----------
    code : bool
        Also carry functions: only from the checker to the solver.
    """

    def __init__(self, code: bool = False):
        self.blocks: list[bytes] = []
        self.size = 0
        self._items = 0
        self._code = code
        self._functions: dict[int, int] = {}

    def pack(self, value: Any, depth: int = 0) -> Any:
        """``value`` as a JSON tree. Raises BadMessage for what is too large or too deep."""
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise BadMessage("the result is nested too deeply, or is a list of too many items; use arrays")
        if value is None or value is True or value is False:
            return value
        if value is Ellipsis:
            return {"ellipsis": 1}
        kind = type(value)
        if kind in (str, float) or (kind is int and value.bit_length() < 10_000):
            return value
        if kind in (list, tuple):
            return {kind.__name__: [self.pack(item, depth + 1) for item in value]}
        if isinstance(value, Mapping):
            if len(value) > MAX_DICT:
                raise BadMessage(f"the result holds a dict of more than {MAX_DICT} items; use arrays")
            pairs = [[self.pack(key, depth + 1), self.pack(item, depth + 1)] for key, item in value.items()]
            return {"dict": pairs}
        if isinstance(value, (list, tuple)):  # a named tuple, a Keras list wrapper
            return {
                "list" if isinstance(value, list) else "tuple": [self.pack(item, depth + 1) for item in value]
            }
        if kind is complex:
            return {"complex": [value.real, value.imag]}
        if kind is bytes:
            return {"bytes": self._block(value)}
        if self._code and isinstance(
            value, (types.FunctionType, types.ModuleType, types.BuiltinFunctionType, np.ufunc)
        ):
            return self._pack_code(value, depth)
        return self._pack_array(value)

    def _pack_array(self, value: Any) -> Any:
        try:
            array = np.asarray(value)
        except Exception:
            array = None
        if array is not None and array.dtype.name == "bfloat16":
            array = array.astype(np.float32)
        elif array is not None and array.dtype.name in ("longdouble", "float128"):
            array = array.astype(np.float64)
        if array is None or array.dtype.name not in DTYPES:
            if array is not None and array.dtype.kind == "U":
                return self.pack(array.tolist(), 1)
            return {"foreign": type(value).__name__[:60]}
        array = np.ascontiguousarray(np.array(array, subok=False)).reshape(array.shape)
        scalar = isinstance(value, np.generic)
        block = self._block(array.tobytes())
        return {"array": [array.dtype.name, list(array.shape), block, scalar]}

    def _block(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > MAX_PAYLOAD:
            raise BadMessage(f"the result is larger than {MAX_PAYLOAD >> 20} MB")
        self.blocks.append(data)
        return len(self.blocks) - 1

    def _pack_code(self, value: Any, depth: int) -> Any:
        """A function of a ``checks.py`` by its code and what it uses; what a library offers by its name."""
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__}
        module = getattr(value, "__module__", None) or "builtins"
        if not isinstance(value, types.FunctionType) or not _is_local(value):
            module = "numpy" if isinstance(value, np.ufunc) else module
            return {"import": [module, getattr(value, "__qualname__", value.__name__)]}
        if id(value) in self._functions:
            return {"same": self._functions[id(value)]}
        number = self._functions[id(value)] = len(self._functions)
        names = [name for name in _globals_of(value.__code__) if name in value.__globals__]
        return {
            "function": {
                "number": number,
                "code": base64.b64encode(marshal.dumps(value.__code__)).decode(),
                "name": value.__name__,
                "defaults": self.pack(value.__defaults__, depth + 1),
                "kwdefaults": self.pack(value.__kwdefaults__, depth + 1),
                "closure": [self.pack(cell.cell_contents, depth + 1) for cell in value.__closure__ or ()],
                "globals": [[name, self.pack(value.__globals__[name], depth + 1)] for name in names],
            }
        }


def _is_local(function: types.FunctionType) -> bool:
    """The function is part of a lesson, or of a script or test: the solver cannot import it."""
    module = sys.modules.get(function.__module__)
    importable = getattr(module, function.__qualname__, None) is function
    return not importable or "checks" in function.__module__.split(".") or not _is_library(function)


def _is_library(function: types.FunctionType) -> bool:
    where = function.__code__.co_filename
    return (
        "site-packages" in where
        or "dist-packages" in where
        or where.startswith((sys.prefix, sys.base_prefix))
    )


def _globals_of(code: types.CodeType) -> list[str]:
    names = {
        step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(_globals_of(constant))
    return sorted(names)


class Unpacker:
    """Turns a JSON tree and its payload back into values, and trusts nothing unless ``code`` is true."""

    def __init__(self, payload: memoryview, sizes: list[int], code: bool = False):
        ends = [0]
        for size in sizes:
            if type(size) is not int or size < 0:
                raise BadMessage("a block has no valid size")
            ends.append(ends[-1] + size)
        if ends[-1] != len(payload):
            raise BadMessage("the blocks and the payload differ in size")
        self._blocks = [payload[start:end] for start, end in zip(ends, ends[1:], strict=False)]
        self._code = code
        self._functions: dict[int, types.FunctionType] = {}
        self._items = 0

    def unpack(self, tree: Any, depth: int = 0) -> Any:
        """The value of a tree. Raises BadMessage for anything that ``Parcel.pack`` does not write."""
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise BadMessage("nested too deeply, or too many items")
        if tree is None or type(tree) in (bool, int, float, str):
            return tree
        if type(tree) is not dict or len(tree) != 1:
            raise BadMessage("a value has no tag")
        tag, body = next(iter(tree.items()))
        if tag == "ellipsis":
            return ...
        if tag == "list" and type(body) is list:
            return [self.unpack(item, depth + 1) for item in body]
        if tag == "tuple" and type(body) is list:
            return tuple(self.unpack(item, depth + 1) for item in body)
        if tag == "dict" and type(body) is list:
            return self._dict(body, depth)
        if tag == "complex" and _is_pair(body, float):
            return complex(*body)
        if tag == "bytes":
            return bytes(self._block(body))
        if tag == "array" and type(body) is list and len(body) == 4:
            return self._array(*body)
        if tag == "foreign" and type(body) is str:
            name = "".join(c for c in body[:60] if c.isalnum() or c == "_") or "object"
            return type(name, (Foreign,), {})()
        if self._code:
            return self._unpack_code(tag, body, depth)
        raise BadMessage(f"unknown tag {str(tag)[:30]!r}")

    def _dict(self, body: list, depth: int) -> dict:
        if len(body) > MAX_DICT:
            raise BadMessage("a dict of too many items")
        result = {}
        for pair in body:
            if type(pair) is not list or len(pair) != 2:
                raise BadMessage("a dict's item is no pair")
            key = self.unpack(pair[0], depth + 1)
            if not isinstance(key, (str, int, float, bool, tuple, type(None))):
                raise BadMessage("a dict's key is no plain value")
            try:
                result[key] = self.unpack(pair[1], depth + 1)
            except TypeError:
                raise BadMessage("a dict's key is no plain value") from None
        return result

    def _array(self, dtype: Any, shape: Any, block: Any, scalar: Any) -> Any:
        if type(dtype) is not str or dtype not in DTYPES or type(shape) is not list or len(shape) > 16:
            raise BadMessage("an array has no valid dtype or shape")
        if any(type(n) is not int or not 0 <= n < 1 << 40 for n in shape):
            raise BadMessage("an array has no valid shape")
        data = self._block(block)
        count = 1
        for n in shape:
            count *= n
        if count * np.dtype(dtype).itemsize != len(data):
            raise BadMessage("an array's shape and its bytes differ in size")
        try:
            array = np.frombuffer(data, dtype, count).reshape(shape).copy()
        except ValueError:  # e.g. sizes whose product overflows although one of them is 0
            raise BadMessage("an array has no valid shape") from None
        if dtype == "bool":
            array = np.asarray(array.view(np.uint8) != 0)  # any other byte than 0 and 1 would be no boolean
        return array[()] if scalar is True and shape == [] else array

    def _block(self, number: Any) -> memoryview:
        if type(number) is not int or not 0 <= number < len(self._blocks):
            raise BadMessage("a value names no block")
        return self._blocks[number]

    def _unpack_code(self, tag: str, body: Any, depth: int) -> Any:
        if tag == "module":
            __import__(body)
            return sys.modules[body]
        if tag == "import":
            __import__(body[0])
            found = sys.modules[body[0]]
            for name in body[1].split("."):
                found = getattr(found, name)
            return found
        if tag == "same":
            return self._functions[body]
        space: dict[str, Any] = {"__builtins__": builtins, "__name__": "course_drive"}
        cells = tuple(types.CellType() for _ in body["closure"])
        code = marshal.loads(base64.b64decode(body["code"]))
        function = types.FunctionType(code, space, body["name"], closure=cells)
        self._functions[body["number"]] = function
        function.__defaults__ = self.unpack(body["defaults"], depth + 1)
        function.__kwdefaults__ = self.unpack(body["kwdefaults"], depth + 1)
        for cell, content in zip(cells, body["closure"], strict=True):
            cell.cell_contents = self.unpack(content, depth + 1)
        space.update({name: self.unpack(value, depth + 1) for name, value in body["globals"]})
        return function


def _is_pair(body: Any, kind: type) -> bool:
    return type(body) is list and len(body) == 2 and all(type(item) is kind for item in body)


class Channel:
    """Messages over a stream socket, each a dict whose entry ``"value"`` may be any packable value.

    Parameters
    ----------
    code : bool
        Functions may be sent over this channel (in the checker) or received (in the solver).
    """

    def __init__(self, sock: socket.socket, sends_code: bool = False, receives_code: bool = False):
        self.socket = sock
        self._sends_code, self._receives_code = sends_code, receives_code

    def send(self, message: dict, value: Any = None, deadline: float | None = None) -> None:
        """Send ``message`` and ``value`` before ``deadline``, a time.monotonic(). Raises TimeoutError."""
        parcel = Parcel(code=self._sends_code)
        tree = parcel.pack(value)
        sizes = [len(block) for block in parcel.blocks]
        header = json.dumps({**message, "value": tree, "sizes": sizes}).encode()
        if len(header) > MAX_HEADER:
            raise BadMessage(f"the result is larger than {MAX_HEADER >> 20} MB of text")
        self.socket.settimeout(_left(deadline))
        self.socket.sendall(b"".join([_SIZES.pack(len(header), parcel.size), header, *parcel.blocks]))

    def receive(self, deadline: float | None = None) -> dict:
        """The next message. Raises TimeoutError, EOFError when the other side is gone, BadMessage."""
        header_size, payload_size = _SIZES.unpack(self._read(_SIZES.size, deadline))
        if header_size > MAX_HEADER or payload_size > MAX_PAYLOAD:
            raise BadMessage("a message larger than allowed")
        header = bytes(self._read(header_size, deadline))
        payload = self._read(payload_size, deadline)
        try:
            message = json.loads(header)
        except (ValueError, RecursionError):
            raise BadMessage("a header that is no JSON") from None
        if type(message) is not dict or type(message.get("sizes")) is not list or "value" not in message:
            raise BadMessage("a header without its fields")
        unpacker = Unpacker(payload, message.pop("sizes"), code=self._receives_code)
        message["value"] = unpacker.unpack(message["value"])
        return message

    def _read(self, size: int, deadline: float | None) -> memoryview:
        # Grown as bytes come in: an announced size alone costs nothing.
        parts: list[bytes] = []
        missing = size
        while missing:
            self.socket.settimeout(_left(deadline))
            try:
                part = self.socket.recv(min(missing, 1 << 20))
            except ConnectionError:
                part = b""
            if not part:
                raise EOFError("the other side is gone")
            parts.append(part)
            missing -= len(part)
        return memoryview(b"".join(parts))


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
