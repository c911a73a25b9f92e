"""[p] A question to the engine and its answer as bytes, for an engine that runs on another machine.

JSON in ASCII, so that nothing on the way has to know about it. Arrays travel as base64 of their compressed bytes: what
arrives is equal to the bit. Whatever the engine takes or reports, made of plain values, dates, keys, collections and
arrays, can be sent; nothing is ever evaluated, and an array may not unfold beyond what its shape says.
"""

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Set
from dataclasses import fields
from datetime import date
from math import prod
from typing import Any
from uuid import UUID

import numpy as np

from forecasting import engine
from forecasting.engine import Outlook
from forecasting.engine.panel import Array, Panel

DTYPES = ("<f8", "<i8", "|b1", "<M8[D]")
LARGEST_ARRAY = 256 * 1024**2  # bytes, unfolded: 5,000 items over 10 years are 146 MB


class CannotBeSent(TypeError):
    """A value of a kind that has no place in a question or an answer."""


class Malformed(ValueError):
    """The bytes are no question, or no answer."""


class OtherEngine(ValueError):
    """The other side runs another version of the engine, whose numbers would be different ones."""


def question(panel: Panel, arguments: Mapping[str, Any]) -> bytes:
    """What `engine.forecast` is to be called with. Raises CannotBeSent."""
    return _sent({"engine": engine.MODEL_VERSION, "panel": _facts(panel), "arguments": arguments})


def read_question(body: bytes) -> tuple[Panel, dict[str, Any]]:
    """Panel and arguments. Raises Malformed and OtherEngine."""
    asked = _received(body, "panel", "arguments")
    try:
        return Panel(**asked["panel"]), dict(asked["arguments"])
    except (TypeError, ValueError) as problem:
        raise Malformed(f"No panel: {problem}") from problem


def answer(outlook: Outlook) -> bytes:
    """What the engine said. Raises CannotBeSent."""
    return _sent({"engine": engine.MODEL_VERSION, "outlook": _facts(outlook)})


def read_answer(body: bytes, panel: Panel) -> Outlook:
    """The whole outlook for the items of `panel`. Raises Malformed and OtherEngine."""
    try:
        outlook = Outlook(**_received(body, "outlook")["outlook"])
    except TypeError as problem:
        raise Malformed(f"No outlook: {problem}") from problem
    shape = (len(outlook.days), len(panel.items))
    numbers = (outlook.mean, outlook.confidence, outlook.quantiles)
    if outlook.items != panel.items or any(n.shape[:2] != shape for n in numbers):
        raise Malformed("The outlook is of other items, or incomplete.")
    if not all(np.isfinite(n).all() and (n >= 0).all() for n in numbers):
        raise Malformed("The outlook holds what is no quantity.")
    return outlook


def _facts(of: Panel | Outlook) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(of)}


def _sent(message: Mapping[str, Any]) -> bytes:
    return json.dumps(pack(message), separators=(",", ":")).encode("ascii")


def _received(body: bytes, *names: str) -> dict[str, Any]:
    try:
        message = unpack(json.loads(body))
    except (ValueError, KeyError, TypeError, zlib.error, RecursionError) as problem:
        raise Malformed(f"It cannot be read: {problem}") from problem
    if not isinstance(message, dict) or any(not isinstance(message.get(name), dict) for name in names):
        raise Malformed(f"It holds no {' and '.join(names)}.")
    if message.get("engine") != engine.MODEL_VERSION:
        raise OtherEngine(f"It is of the engine {message.get('engine')}, and this is {engine.MODEL_VERSION}.")
    return message


def pack(value: Any) -> Any:
    """`value` as JSON: what JSON has not is an object with one key, the kind. Raises CannotBeSent."""
    packed: Any
    match value:
        case None | bool() | int() | float() | str():
            packed = value
        case date():
            packed = {"date": value.isoformat()}
        case UUID():
            packed = {"uuid": value.hex}
        case np.ndarray():
            packed = {"array": _pack_array(value)}
        case Mapping():
            packed = {"map": [[pack(key), pack(each)] for key, each in value.items()]}
        case tuple() | list():
            packed = {type(value).__name__: [pack(each) for each in value]}
        case Set():
            packed = {"set": [pack(each) for each in sorted(value, key=str)]}
        case _:
            raise CannotBeSent(f"A {type(value).__name__} cannot be sent to another machine.")
    return packed


def unpack(value: Any) -> Any:
    """What `pack` was given. Raises ValueError, KeyError, TypeError or zlib.error for anything else."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    return KINDS[kind](content)


def _pack_array(value: Array) -> dict[str, Any]:
    if value.dtype.str not in DTYPES:
        raise CannotBeSent(f"An array of {value.dtype} cannot be sent to another machine.")
    unfolded = np.ascontiguousarray(value).tobytes()
    return {
        "dtype": value.dtype.str,
        "shape": value.shape,
        "zlib": base64.b64encode(zlib.compress(unfolded)).decode("ascii"),
    }


def _unpack_array(content: dict[str, Any]) -> Array:
    shape = tuple(int(length) for length in content["shape"])
    if content["dtype"] not in DTYPES or min(shape, default=0) < 0:
        raise ValueError("an array of another kind")
    dtype = np.dtype(content["dtype"])
    size = prod(shape) * dtype.itemsize
    if size > LARGEST_ARRAY:
        raise ValueError(f"an array of {size:,} bytes")
    unfolded = zlib.decompressobj().decompress(base64.b64decode(content["zlib"], validate=True), size + 1)
    if len(unfolded) != size:
        raise ValueError("an array that does not fill its shape")
    return np.frombuffer(unfolded, dtype).reshape(shape).copy()


KINDS: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "uuid": UUID,
    "array": _unpack_array,
    "map": lambda pairs: {unpack(key): unpack(each) for key, each in pairs},
    "tuple": lambda values: tuple(unpack(each) for each in values),
    "list": lambda values: [unpack(each) for each in values],
    "set": lambda values: frozenset(unpack(each) for each in values),
}
