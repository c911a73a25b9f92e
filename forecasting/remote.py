"""[p] The engine, here or on a SageMaker endpoint: the same question, and to the bit the same answer.

An endpoint runs `forecasting.serve` in a container. Where it does not give a whole and sound answer, the engine runs
here instead, and the outlook's report says so: a restaurant has its forecast in the morning either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from forecasting import engine, wire
from forecasting.engine import Outlook
from forecasting.engine.panel import Panel

LARGEST_PAYLOAD = 6 * 1024**2  # bytes that an endpoint takes, and gives back, in one call
CONNECT_SECONDS, ANSWER_SECONDS = 5, 65  # SageMaker itself gives a container 60 seconds
ATTEMPTS = 2
JSON = "application/json"


@dataclass(frozen=True)
class Endpoint:
    """Where the engine runs; credentials are found as boto3 finds them."""

    name: str
    region: str


class Unavailable(Exception):
    """The endpoint has given no answer that can be used; the text says why."""


def forecast(panel: Panel, *, endpoint: Endpoint | None = None, **arguments: Any) -> Outlook:
    """`engine.forecast` with these arguments, at `endpoint` if there is one and it works; the report says where."""
    if endpoint is None:
        return engine.forecast(panel, **arguments)
    try:
        outlook = ask(endpoint, panel, arguments)
    except Unavailable as problem:
        return _noted(engine.forecast(panel, **arguments), str(problem))
    return replace(outlook, report={**outlook.report, "computed_by": f"SageMaker endpoint {endpoint.name}"})


def ask(endpoint: Endpoint, panel: Panel, arguments: Mapping[str, Any]) -> Outlook:
    """What the endpoint says. Raises Unavailable."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        body = wire.question(panel, arguments)
        if len(body) > LARGEST_PAYLOAD:
            raise Unavailable(f"the sales are {len(body) / 1024**2:.1f} MB, more than it takes")
        asked = {"EndpointName": endpoint.name, "ContentType": JSON, "Accept": JSON, "Body": body}
        said = _client(endpoint).invoke_endpoint(**asked)["Body"].read()
        return wire.read_answer(said, panel)
    except (BotoCoreError, ClientError, wire.CannotBeSent, wire.Malformed, wire.OtherEngine) as problem:
        raise Unavailable(f"{type(problem).__name__}: {problem}") from problem


@cache
def _client(endpoint: Endpoint) -> Any:
    """boto3 is loaded by the worker that asks an endpoint, and by nobody else."""
    import boto3
    from botocore.config import Config

    config = Config(
        region_name=endpoint.region,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    return boto3.client("sagemaker-runtime", config=config)


def _noted(outlook: Outlook, problem: str) -> Outlook:
    """The outlook with a sentence on why it was computed here."""
    note = f"The forecast was computed by Flux itself, since the SageMaker endpoint gave no answer to use ({problem})."
    report = {**outlook.report, "notes": [*outlook.report.get("notes", []), note], "computed_by": "Flux"}
    return replace(outlook, report=report)
