"""Plain data survives the wire unchanged; nothing else gets through it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course.grading.wire import MAX_PAYLOAD, BadMessage, Channel, Foreign, Parcel, Unpacker

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(...)
ARRAYS = hnp.arrays(
    st.sampled_from(["f4", "f8", "f2", "i8", "u1", "?", "c16"]), hnp.array_shapes(min_dims=0, min_side=0)
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


def across(value, code=False):
    parcel = Parcel(code=code)
    tree = json.loads(json.dumps(parcel.pack(value)))
    payload = memoryview(b"".join(parcel.blocks))
    return Unpacker(payload, [len(block) for block in parcel.blocks], code=code).unpack(tree)


def equal(a, b):
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        )
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


@given(VALUES)
def test_plain_data_arrives_as_it_was_sent(value):
    assert equal(value, across(value))


def test_scalars_of_numpy_keep_their_type():
    got = across(np.float32(1.5))
    assert type(got) is np.float32 and got == 1.5


def test_an_unknown_object_arrives_as_no_more_than_its_type_name():
    class Model: ...

    got = across(Model())
    assert isinstance(got, Foreign) and type(got).__name__ == "Model"
    strange = across(type("<b>x</b>", (), {})())
    assert type(strange).__name__ == "bxb"


def test_an_array_of_a_subclass_arrives_as_a_plain_array():
    class Sly(np.ndarray):
        def __eq__(self, other):
            return True

    assert type(across(np.zeros(3).view(Sly))) is np.ndarray


def test_functions_travel_only_where_code_is_allowed():
    scale = 3.0
    table = {"cube": lambda x: x**3, "scaled": lambda x: np.sum(x) * scale}
    got = across(table, code=True)
    assert got["cube"](2) == 8 and got["scaled"](np.ones(2)) == 6.0
    assert isinstance(across(table)["cube"], Foreign)


def test_a_function_brings_what_it_uses_and_nothing_else():
    got = across(uses_helper, code=True)
    assert got(2.0) == 5.0
    assert "unrelated_secret" not in got.__globals__


unrelated_secret = "expected values"


def helper(x):
    return x * 2


def uses_helper(x):
    return float(np.asarray(helper(x))) + 1


@given(st.recursive(SCALARS.filter(lambda v: v is not ...), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["array", "list", "dict", "tuple", "bytes", "complex", "foreign", "import", "function"]) |
    st.text(), inner), max_leaves=20))  # fmt: skip
@settings(max_examples=300)
def test_no_tree_raises_anything_but_bad_message(tree):
    with contextlib.suppress(BadMessage):
        Unpacker(memoryview(b"12345678"), [8]).unpack(tree)


@pytest.mark.parametrize("tree", [
    {"import": ["os", "system"]}, {"module": "os"}, {"function": {}}, {"same": 0}, {"array": ["object", [1],
    0, False]}, {"array": ["float64", [-1], 0, False]}, {"array": ["float64", [2], 0, False]}, {"array":
    ["float64", [2**40, 2**40, 0], 0, False]}, {"array": ["float64", [1], 5, False]}, {"dict": [[[], 1]]},
    {"dict": [[{"list": []}, 1]]}, {"dict": [[{"tuple": [{"list": []}]}, 1]]}, {"bytes": -1}, {"a": 1, "b":
    2},
])  # fmt: skip
def test_a_tree_that_no_parcel_writes_is_refused(tree):
    with pytest.raises(BadMessage):
        Unpacker(memoryview(b"12345678"), [8]).unpack(tree)


@given(st.binary(max_size=200))
def test_random_bytes_are_no_message(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.close()
        with pytest.raises((BadMessage, EOFError)):
            Channel(ours).receive(time.monotonic() + 1)


def test_a_message_announced_too_large_is_refused_before_it_comes():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("!IQ", 10, MAX_PAYLOAD + 1))
        with pytest.raises(BadMessage, match="larger"):
            Channel(ours).receive(time.monotonic() + 1)


def test_a_message_that_drips_in_does_not_outlast_the_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\0")
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            Channel(ours).receive(began + 0.1)
        assert time.monotonic() - began < 1


def test_what_is_too_large_is_refused_where_it_is_packed():
    with pytest.raises(BadMessage, match="larger"):
        Parcel().pack(np.zeros(MAX_PAYLOAD // 8 + 1))
    with pytest.raises(BadMessage, match="nested"):
        Parcel().pack([0] * 10**6)
