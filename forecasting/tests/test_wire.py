"""What goes to an engine on another machine arrives as it left, or is refused."""

import datetime as dt
import json
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import engine, wire
from forecasting.engine import panel

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates() | st.uuids()
KEYS = st.text() | st.dates() | st.uuids() | st.tuples(st.dates(), st.none() | st.uuids())
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner) | st.frozensets(st.uuids()),
    max_leaves=20,
)
DAY = dt.date(2026, 3, 2)
LASAGNE = UUID(int=7)


@given(VALUES)
def test_values_arrive_as_they_left(value):
    assert wire.unpack(json.loads(json.dumps(wire.pack(value)))) == value


@pytest.mark.parametrize(
    "array",
    [
        np.array([[0.1, np.nan], [np.inf, -0.0]]),
        np.array([], dtype=bool).reshape(0, 3),
        np.array(["2026-02-28", "NaT"], dtype="datetime64[D]"),
        np.broadcast_to(np.array([[True]]), (4, 2)),
        np.arange(12).reshape(3, 4)[:, ::2],
    ],
)
def test_arrays_arrive_to_the_bit(array):
    arrived = wire.unpack(json.loads(json.dumps(wire.pack(array))))
    assert (arrived.dtype, arrived.shape, arrived.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert arrived.flags.writeable


@pytest.mark.parametrize("value", [object(), b"bytes", 1 + 2j, np.array(["text"]), dt.timedelta(1)])
def test_other_kinds_are_refused_before_they_leave(value):
    with pytest.raises(wire.CannotBeSent):
        wire.pack({"a": [value]})


def asked():
    rows = [(DAY + dt.timedelta(days=n), LASAGNE, 3.0) for n in range(20)]
    known = panel.build(rows, until=DAY + dt.timedelta(days=19), sold_out=[(DAY, LASAGNE)])
    return wire.question(known, {"horizon_days": 7, "holidays": {DAY}})


def test_a_question_arrives_whole():
    known, arguments = wire.read_question(asked())
    assert known.items == (LASAGNE,)
    assert known.sold.sum() == 60
    assert known.sold_out[:, 0].tolist() == [True] + [False] * 19
    assert arguments == {"horizon_days": 7, "holidays": {DAY}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"body",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"map":[["engine",1]]}',
        b'{"pickle":"gASVAAAA"}',
        b'{"map":[["panel",{"map":[]}],["arguments",{"map":[]}]]}',
        asked()[:-20],
        asked().replace(b'"date":"2026-03-02"', b'"date":"2026-13-02"'),
        asked().replace(b'"<f8"', b'"|O"'),
        asked().replace(b'"shape":[20,1]', b'"shape":[20,2]'),
        asked().replace(b'"shape":[20,1]', b'"shape":[99999999,9999]'),
        asked().replace(b'"shape":[20,1]', b'"shape":[-20,-1]'),
        asked().replace(b'["sold",', b'["sould",'),
    ],
)
def test_what_is_no_question_is_refused(body):
    with pytest.raises((wire.Malformed, wire.OtherEngine)):
        wire.read_question(body)


def test_another_version_of_the_engine_is_noticed(monkeypatch):
    body = asked()
    monkeypatch.setattr(engine, "MODEL_VERSION", "menu-99")
    with pytest.raises(wire.OtherEngine, match="menu-99"):
        wire.read_question(body)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda o: {"items": (UUID(int=8),)}, "of other items"),
        (lambda o: {"mean": o.mean[:-1]}, "incomplete"),
        (lambda o: {"mean": o.mean * np.nan}, "no quantity"),
        (lambda o: {"quantiles": o.quantiles - 1000}, "no quantity"),
    ],
)
def test_an_answer_that_is_not_whole_and_sound_is_refused(spoil, said):
    from dataclasses import replace

    known, arguments = wire.read_question(asked())
    outlook = engine.forecast(known, **arguments)
    assert wire.read_answer(wire.answer(outlook), known).mean.tobytes() == outlook.mean.tobytes()
    with pytest.raises(wire.Malformed, match=said):
        wire.read_answer(wire.answer(replace(outlook, **spoil(outlook))), known)
