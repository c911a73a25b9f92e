"""The engine in its container and behind a SageMaker endpoint: the same bytes, or the engine here and a note."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from decimal import Decimal

import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from forecasting import engine, forecast, history, remote, serve, wire
from forecasting.models import DailyFact, Likeness
from forecasting.remote import Endpoint
from forecasting.tests import generated
from forecasting.tests.factories import NOW, TODAY, trade

ARGUMENTS = {"horizon_days": 14, "holidays": frozenset({generated.FIRST})}
KNOWN = generated.sales(150, 4)
SHORT = generated.until(KNOWN, 20)
ENDPOINT = Endpoint("flux-forecast", "eu-west-1")
START_SECONDS = 60


@pytest.fixture(scope="module")
def local():
    return engine.forecast(KNOWN, **ARGUMENTS)


@pytest.fixture(scope="module")
def container():
    """The container's own command, listening on this machine; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    env = {"PATH": os.environ["PATH"], "FORECAST_ADDRESS": address, "FORECAST_WORKERS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "forecasting.serve", "serve"], env=env)
    url, deadline = f"http://{address}", time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if answers(url):
            break
        time.sleep(0.1)
    yield url
    process.terminate()
    assert process.wait(30) == 0


def answers(url):
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=5) as answer:  # noqa: S310 it is ours
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def served(container):
    """What the container says to the question that `local` answers."""
    return post(f"{container}/invocations", wire.question(KNOWN, ARGUMENTS))


def post(url, body):
    """Status and body of the container's answer."""
    request = urllib.request.Request(url, body, {"Content-Type": remote.JSON}, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.fixture(scope="module")
def aws():
    """AWS as moto plays it: an endpoint answers what it was told to, and `body` to everything else."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _host, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def endpoint(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", aws)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    post(f"{aws}/moto-api/reset", b"")
    remote._client.cache_clear()
    yield ENDPOINT
    remote._client.cache_clear()


def tell(aws, body):
    """Let moto's endpoint answer with `body`."""
    results = [{"Body": body.decode(), "ContentType": remote.JSON}]
    told = {"region": ENDPOINT.region, "results": results}
    assert post(f"{aws}/moto-api/static/sagemaker/endpoint-results", json.dumps(told).encode())[0] == 201


def same(one, other):
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("days", "mean", "quantiles", "confidence")
    )


def test_the_container_answers_what_the_engine_says_here(served, local):
    assert served == (200, wire.answer(local))


def test_an_endpoint_gives_the_same_forecast_to_the_byte(served, aws, endpoint, local):
    tell(aws, served[1])
    outlook = remote.forecast(KNOWN, endpoint=endpoint, **ARGUMENTS)
    assert same(outlook, local)
    assert outlook.report == {**local.report, "computed_by": "SageMaker endpoint flux-forecast"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/invocations", b"nonsense", 400),
        ("/elsewhere", b"{}", 404),
    ],
)
def test_the_container_says_what_is_wrong(container, path, body, status):
    answer = post(f"{container}{path}", body)
    assert answer[0] == status
    assert json.loads(answer[1])["detail"]


def test_the_container_reads_no_more_than_it_takes():
    status, said = serve.reply("POST", "/invocations", {"CONTENT_LENGTH": str(remote.LARGEST_PAYLOAD + 1)})
    assert (status, json.loads(said)) == ("413 Content Too Large", {"detail": "At most 6,291,456 bytes."})


def test_the_container_needs_neither_django_nor_a_database():
    code = (
        "import sys, forecasting.serve; print([m for m in sys.modules if m.partition('.')[0] in {'django', 'psycopg'}])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert found.stdout.strip() == "[]"


def noted(outlook):
    [note] = [note for note in outlook.report["notes"] if "SageMaker" in note]
    return note


def test_an_answer_that_is_none_leaves_the_forecast_to_flux(endpoint):
    outlook = remote.forecast(SHORT, endpoint=endpoint, **ARGUMENTS)
    assert same(outlook, engine.forecast(SHORT, **ARGUMENTS))
    assert outlook.report["computed_by"] == "Flux"
    assert "Malformed: It cannot be read" in noted(outlook)


def test_an_endpoint_out_of_reach_leaves_the_forecast_to_flux(endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:9")
    outlook = remote.forecast(SHORT, endpoint=endpoint, **ARGUMENTS)
    assert np.isfinite(outlook.mean).all()
    assert "EndpointConnectionError" in noted(outlook)


def test_sales_too_large_for_an_endpoint_are_not_sent(endpoint, monkeypatch):
    monkeypatch.setattr(remote, "LARGEST_PAYLOAD", 1000)
    outlook = remote.forecast(SHORT, endpoint=endpoint, **ARGUMENTS)
    assert "more than it takes" in noted(outlook)


def test_a_fault_of_flux_is_not_taken_for_the_endpoints(endpoint):
    with pytest.raises(TypeError, match="unheard_of"):
        remote.forecast(KNOWN, endpoint=None, unheard_of=1, **ARGUMENTS)


def test_all_that_the_engine_is_told_can_be_sent(restaurant):
    soup, special = trade(40, 2)
    DailyFact.objects.create(date=TODAY, kind="bookings", value=40, source="csv", updated_at=NOW)
    Likeness.objects.create(menu_item=special, like=soup, share=Decimal("0.6"), created_at=NOW)
    known = history.read(TODAY)
    told = forecast.told(restaurant, known, as_of=TODAY)
    assert told["facts"]
    assert told["likeness"] == {special.pk: (soup.pk, 0.6)}
    arrived, arguments = wire.read_question(wire.question(known, told))
    assert arguments == told
    assert arrived.sold.tobytes() == known.sold.tobytes()


def test_a_run_says_that_its_endpoint_was_of_no_use(restaurant, endpoint, settings):
    settings.FORECAST_ENDPOINT = {"name": ENDPOINT.name, "region": ENDPOINT.region}
    trade(40, 2)
    made = forecast.make(restaurant, now=NOW)
    assert made.status == "completed"
    assert (made.report["computed_by"], made.forecasts.count()) == ("Flux", 70)
