"""A client with mocked HTTP (`responses`) and a fake clock; recorded votes, where they are."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import pytest
from responses import RequestsMock

from crowdflower.client import Client
from crowdflower.job import Job

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

KEY = "s3cret-0123456789abcdef"
DATA = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True)
class SentRequest:
    """One request as it was sent, before its key is masked."""

    line: str
    """Verb and path below the API, with the query decoded."""

    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def from_request(cls, request: PreparedRequest) -> SentRequest:
        url = urlsplit(request.url or "")
        query = f"?{unquote_plus(url.query)}" if url.query else ""
        body: Any = request.body or b""
        if not isinstance(body, (str, bytes)):
            body = b"".join(body)
        return cls(
            line=f"{request.method} {url.path.removeprefix('/v1')}{query}",
            headers=request.headers.copy(),
            body=body.encode() if isinstance(body, str) else body,
        )

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode("ascii"), keep_blank_values=True)


class Clock:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ("CROWDFLOWER_API_KEY", "CROWDFLOWER_API_URL", "CROWDFLOWER_JOURNAL")
    for name in (*ours, "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def sent() -> list[SentRequest]:
    """The requests so far, in order, without failed connections."""
    return []


@pytest.fixture
def api(sent: list[SentRequest]) -> Iterator[RequestsMock]:
    """The mocked service; every response that a test registers must be requested."""

    def note(response: Response) -> Response:
        sent.append(SentRequest.from_request(response.request))
        return response

    with RequestsMock(response_callback=note) as service:
        yield service


@pytest.fixture
def payment_reads(api: RequestsMock) -> None:
    """What is read before a payment: the account, and job 7, or the counts of any job."""
    places = re.compile(r"https://api\.appen\.com/v1/(account|jobs/7|jobs/\d+/ping)\.json")
    api.get(places, json={"balance": 5000, "ordered_units": 0})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(api: RequestsMock, clock: Clock) -> Iterator[Client]:
    """A client without lookahead."""
    with Client(KEY, lookahead=1) as client:
        client._clock = clock
        yield client


@pytest.fixture
def job(client: Client) -> Job:
    """A running job with all required attributes."""
    return Job(
        client,
        id=712034,
        title="Sentiment of product reviews",
        instructions="<p>Read the review and pick its sentiment.</p>",
        cml='<cml:text label="Sentiment" validates="required"/>',
        state="running",
        payment_cents=10,
        fields={"sentiment": "agg", "topics": "agg", "any_comments": "all"},
    )


@pytest.fixture(scope="session")
def entailment() -> tuple[list[tuple[str, str, str]], dict[str, str]]:
    """8,000 votes of 164 people on 800 questions, and the labels of experts.

    Source: Snow, O'Connor, Jurafsky and Ng, EMNLP 2008, textual entailment.
    """
    if not (DATA / "rte_judgments.csv").exists():
        pytest.skip("the votes of Snow et al. (2008) are not available on this machine")
    with (DATA / "rte_judgments.csv").open(encoding="utf-8", newline="") as file:
        votes = [(row["task"], row["worker"], row["label"]) for row in csv.DictReader(file)]
    with (DATA / "rte_questions.csv").open(encoding="utf-8", newline="") as file:
        gold = {row["id"]: row["gold"] for row in csv.DictReader(file)}
    return votes, gold
