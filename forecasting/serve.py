"""The engine behind HTTP, for a container: `python -m forecasting.serve`. No Django, no database, nothing kept.

    GET  /ping          200 once it can work
    POST /invocations   a question of `forecasting.wire`, at most 6 MB; answers with the outlook

which is what a SageMaker endpoint asks of a container. A worker forecasts for one restaurant at a time on one thread;
there are as many workers as processors, or as FORECAST_WORKERS says.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from forecasting import engine, wire
from forecasting.remote import JSON, LARGEST_PAYLOAD

ADDRESS = "0.0.0.0:8080"  # every network of the container
WORKER_SECONDS = 120  # after which a worker that shows no sign of life is replaced
Reply = tuple[str, bytes]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application."""
    status, body = reply(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ)
    start_response(status, [("Content-Type", JSON), ("Content-Length", str(len(body)))])
    return [body]


def reply(method: str, path: str, environ: dict[str, Any]) -> Reply:
    if (method, path) == ("GET", "/ping"):
        return "200 OK", b"{}"
    if (method, path) != ("POST", "/invocations"):
        return problem("404 Not Found", "There are GET /ping and POST /invocations.")
    if int(environ.get("CONTENT_LENGTH") or 0) > LARGEST_PAYLOAD:
        return problem("413 Content Too Large", f"At most {LARGEST_PAYLOAD:,} bytes.")
    return invoke(environ["wsgi.input"].read(LARGEST_PAYLOAD + 1))


def invoke(body: bytes) -> Reply:
    """Forecast; what is wrong with the question is the asker's fault, and anything else is told to the log."""
    try:
        panel, arguments = wire.read_question(body)
        said = wire.answer(engine.forecast(panel, **arguments))
    except (wire.Malformed, wire.OtherEngine) as wrong:
        return problem("400 Bad Request", str(wrong))
    except Exception:
        traceback.print_exc()
        return problem("500 Internal Server Error", "The engine failed; the container's log says how.")
    if len(said) > LARGEST_PAYLOAD:
        return problem("413 Content Too Large", f"The answer is {len(said):,} bytes.")
    return "200 OK", said


def problem(status: str, text: str) -> Reply:
    return status, json.dumps({"detail": text}).encode()


def main() -> None:
    """Serve under gunicorn until SIGTERM; the libraries are loaded once, before the workers are forked."""
    import scipy.stats  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    from gunicorn.app.wsgiapp import WSGIApplication

    workers = os.environ.get("FORECAST_WORKERS") or str(os.cpu_count() or 1)
    address = os.environ.get("FORECAST_ADDRESS", ADDRESS)
    sys.argv = ["serve", "forecasting.serve:app", "--preload", f"--bind={address}", f"--workers={workers}"]
    sys.argv += [f"--timeout={WORKER_SECONDS}", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
    WSGIApplication("%(prog)s").run()


if __name__ == "__main__":
    main()
