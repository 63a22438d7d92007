"""AMPCrowdClient: creates groups of points, and an inbox for their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, get_args
from weakref import WeakSet

from crowdflower._types import JSON, MISSING, describe_type, masked
from crowdflower.ampcrowd import serving
from crowdflower.ampcrowd.endpoints import ENDPOINTS
from crowdflower.ampcrowd.inbox import Inbox
from crowdflower.ampcrowd.points import Point, TaskType, content_on_wire
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    ConfigError,
    InvalidInput,
    NotSentError,
    OutcomeUnknown,
    RefusedError,
    ServerError,
    UnexpectedContentType,
)
from crowdflower.http import encoding
from crowdflower.http.base_client import BaseClient
from crowdflower.http.credentials import NoKey, origin
from crowdflower.http.encoding import segment
from crowdflower.http.responses import Answer
from crowdflower.http.transport import Expected, Session
from crowdflower.models.arguments import check_count

QualityControl = Literal["mv", "em"]
"""How the answers for a point are aggregated: majority vote, or expectation-maximization."""

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class AMPCrowdClient(BaseClient):
    """Client of one AMPCrowd server.

    :param base_url: URL of the server, without ``/crowds``.
    :param token: Required by a sandbox that other machines can reach. AMPCrowd itself has no keys:
        anyone who can reach it may use it.
    :param timeout: Connect and read timeout in seconds: a pair, or one number for both; by default
        5 and 30, or 120 for endpoints that are known to be slow.
    :param deadline: Seconds that a call may take, including retries; 180 by default.
    :param retries: Maximum number of retries of a failed call, where a retry is safe.
    :param session: A :class:`requests.Session` to use; you close it yourself.
    :param allow_insecure: Send a token over plain HTTP to another machine. Only for a network that
        you trust; ``crowdflower serve`` has no TLS.
    :raises ConfigError: The URL or the token is invalid.

    >>> with AMPCrowdClient("http://localhost:8000") as client:
    ...     client
    <AMPCrowdClient http://localhost:8000>

    Source: AMPLab, `Web Service User-Facing APIs
    <https://amplab.github.io/ampcrowd/user_api.html>`_, and the server's code, which differs.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        timeout: float | tuple[float, float] | None = None,
        deadline: float | None = None,
        retries: int = 3,
        session: Session | None = None,
        allow_insecure: bool = False,
    ) -> None:
        base_url, token = masked(base_url), token if token is None else masked(token)
        if token == "":
            raise ConfigError("the token is empty; pass none if the server requires none")
        super().__init__(
            NoKey() if token is None else token,
            base_url,
            endpoints=ENDPOINTS,
            timeout=timeout,
            deadline=deadline,
            retries=retries,
            session=session,
            allow_insecure=allow_insecure or token is None,
        )
        self._inboxes: WeakSet[Inbox] = WeakSet()
        self._lock = Lock()

    def create_tasks(
        self,
        crowd: str,
        group_id: str,
        content: Mapping[str, Point | JSON],
        *,
        task_type: TaskType,
        context: Mapping[str, Any] | None = None,
        batch_size: int = 1,
        assignments: int = 1,
        callback_url: str,
        crowd_options: Mapping[str, Any] | None = None,
        quality_control: QualityControl | None = None,
    ) -> None:
        """Create a group of points for a crowd to answer.

        Calls ``POST /crowds/{crowd}/tasks/``. The group is registered with the inboxes of this
        client whose URL is the ``callback_url``.

        :param crowd: ``internal``, ``amt``, or another crowd of the server.
        :param group_id: A new id. The server accepts each id once, so it is safe to repeat a call
            with an unknown outcome: if the group exists, the error says that the id is in use.
        :param content: Identifier to point; see :mod:`crowdflower.ampcrowd.points`.
        :param context: What the points share: ``fields`` for ``er`` and ``ft``, and for all types
            optionally an ``instruction`` in HTML.
        :param batch_size: Points on one page.
        :param assignments: How many contributors answer each point.
        :param callback_url: URL that the answers are posted to.
        :param crowd_options: Settings of this crowd; ``amt`` requires ``{"sandbox": True}`` or
            ``False``.
        :param quality_control: How answers are aggregated. The sandbox uses this method, ``mv`` by
            default; the server of 2017 documents ``em`` but sends the first answer.
        :raises InvalidInput: A point or a setting is invalid; nothing was sent.
        :raises ApplicationError: The server answered ``wrong``; the message has its reason.
        :raises OutcomeUnknown: The group may or may not have been created.

        >>> from crowdflower.ampcrowd import Question
        >>> with ampcrowd.callbacks() as inbox:
        ...     ampcrowd.create_tasks(
        ...         "internal",
        ...         "GroupId3",
        ...         {"p1": Question("Is it about databases?", ["icde", "Michael Franklin"])},
        ...         task_type="ft",
        ...         context={"fields": ["Conference", "First Author"]},
        ...         callback_url=inbox.url,
        ...     )
        ...     inbox.group("GroupId3").missing
        ('p1',)
        """
        _require_settings(context=context, crowd_options=crowd_options)
        check_count("batch_size", batch_size)
        check_count("assignments", assignments)
        if not isinstance(group_id, str) or not group_id:
            raise InvalidInput(f"group_id must be a non-empty string, not {group_id!r:.80}")
        if not _is_http_url(callback_url):
            raise InvalidInput(f"callback_url must be an http(s) URL, not {callback_url!r:.80}")
        if quality_control not in (None, *get_args(QualityControl)):
            raise InvalidInput(f"quality_control must be mv or em, not {quality_control!r:.80}")
        points = content_on_wire(task_type, context or _EMPTY, content)
        configuration: dict[str, Any] = {
            crowd: dict(crowd_options or {}),  # first, so that no crowd's name replaces a setting
            "task_type": task_type,
            "task_batch_size": batch_size,
            "num_assignments": assignments,
            "callback_url": callback_url,
        }
        if quality_control is not None:
            configuration["quality_control"] = quality_control
        request = {
            "configuration": configuration,
            "group_id": group_id,
            "group_context": dict(context or {}),
            "content": points,
        }
        body = encoding.encode_form({"data": encoding.encode_json(request).decode()})
        # Registered before the request: answers may arrive before its response.
        with self._lock:
            inboxes = [inbox for inbox in self._inboxes if inbox.url == callback_url]
        registered = [inbox for inbox in inboxes if inbox.expect(group_id, task_type, points)]
        try:
            self._post(f"crowds/{segment(crowd)}/tasks/", body)
        except ApiError as error:
            not_created = isinstance(error, (RefusedError, NotSentError, InvalidInput))
            if not_created and not isinstance(error, ServerError):
                for inbox in registered:
                    inbox.forget(group_id)
            raise

    def purge_tasks(self, crowd: str) -> None:
        """Cancel all tasks of a crowd, also those of other clients; no more answers are posted.

        Calls ``GET /crowds/{crowd}/purge_tasks/``. The group ids stay in use, and inboxes expect
        the groups until :meth:`Inbox.forget <crowdflower.ampcrowd.inbox.Inbox.forget>`.

        >>> ampcrowd.purge_tasks("internal")
        """
        answer = self.request(
            "GET",
            f"crowds/{segment(crowd)}/purge_tasks/",
            Expected(as_json=False),
        )
        # The documentation names no response; the code sends ok, and the sandbox {"status": "ok"}.
        if answer.body is not MISSING:
            self._require_ok(answer)
        elif answer.response.text.strip() not in {"", "ok"}:
            raise self.transport.reader.error(
                UnexpectedContentType, answer.response, "the response is neither empty nor ok"
            )

    def finish_retainer_pool(self, crowd: str, pool_id: str) -> None:
        """Dismiss a retainer pool: contributors who are paid to wait for work.

        Calls ``POST /crowds/{crowd}/retainer/finish``. Neither the crowd ``internal`` nor the
        sandbox has pools.

        :raises ApplicationError: The crowd has no such pool.
        """
        body = encoding.encode_form({"pool_id": pool_id})
        self._post(f"crowds/{segment(crowd)}/retainer/finish", body)

    def inbox(self, url: str) -> Inbox:
        """Create an inbox that your own web server serves.

        :param url: URL at which the AMPCrowd server reaches it: the ``callback_url`` of groups.

        >>> ampcrowd.inbox("https://example.com/answers").url
        'https://example.com/answers'
        """
        inbox = Inbox(url)
        with self._lock:
            self._inboxes.add(inbox)
        return inbox

    @contextmanager
    def callbacks(
        self, host: str = "127.0.0.1", port: int = 0, *, address: str | None = None
    ) -> Iterator[Inbox]:
        """Serve an inbox on a port of this machine until the block ends.

        The path of its URL is random, so that it cannot be guessed; other paths are answered 404.

        :param host: The address to listen on; by default only this machine can connect.
        :param port: 0 for any free port.
        :param address: Scheme, host and port by which the AMPCrowd server reaches this machine,
            such as ``http://me.example.com:9000``; by default host and port.
        :raises InvalidInput: The address cannot be reached from outside; if ``host`` stands for all
            addresses of this machine, pass ``address``.
        :raises OSError: The port is in use, or the host is not an address of this machine.

        >>> from crowdflower.ampcrowd import Text
        >>> with ampcrowd.callbacks() as inbox:
        ...     ampcrowd.create_tasks(
        ...         "internal",
        ...         "GroupId1",
        ...         {"t1": Text("this is a tweet!"), "t2": Text("this is another tweet")},
        ...         task_type="sa",
        ...         batch_size=2,
        ...         callback_url=inbox.url,
        ...     )
        ...     _ = box.crowd.add(1), box.crowd.run(box.ampcrowd.job("GroupId1"))
        ...     inbox.wait("GroupId1", timeout=5).answers
        {'t1': 5, 't2': 5}
        """
        with serving.serve_inbox(host, port, self.inbox, address=address) as inbox:
            yield inbox

    def _post(self, path: str, body: bytes) -> None:
        self._require_ok(self.request("POST", path, data=body, headers=_FORM), change=True)

    def _require_ok(self, answer: Answer, *, change: bool = False) -> None:
        """Raise an error unless the body says ``ok``; the server refuses with HTTP status 200."""
        body = answer.body if isinstance(answer.body, dict) else {}
        status = body.get("status")
        if status == "wrong":
            texts = [body.get("reason"), body.get("detail")]
            reason = " ".join(str(each) for each in texts if each) or "the server gives no reason"
            raise self.transport.reader.error(ApplicationError, answer.response, reason)
        if status != "ok":
            self._raise_unclear(answer, change=change)

    def _raise_unclear(self, answer: Answer, *, change: bool) -> NoReturn:
        problem = f"the response says neither ok nor wrong: {answer.response.text!r:.200}"
        error = self.transport.reader.error(UnexpectedContentType, answer.response, problem)
        if not change:
            raise error
        raise OutcomeUnknown(
            f"{error}; the request was sent, so the change may have been made",
            evidence="a response with neither ok nor wrong",
            request=error.request,
            response=error.response,
        )


def _require_settings(**settings: object) -> None:
    for name, value in settings.items():
        if value is not None and not isinstance(value, Mapping):
            raise InvalidInput(f"{name} must be a dict, not {describe_type(value)}")


def _is_http_url(url: object) -> bool:
    """Return whether answers can be posted to a URL; the server accepts any string."""
    try:
        scheme, host, _ = origin(url) if isinstance(url, str) else ("", None, None)
    except ValueError:
        return False
    return scheme in {"http", "https"} and bool(host)
