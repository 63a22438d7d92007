"""One AMPCrowd server: groups of points go out, answers come to an inbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, get_args
from weakref import WeakSet

from crowdflower._types import JSON, MISSING, a_type
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
from crowdflower.models.arguments import whole

QualityControl = Literal["mv", "em"]
"""How several answers become one: majority vote, or expectation-maximization."""

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class AMPCrowdClient(BaseClient):
    """One AMPCrowd server.

    :param base_url: Where it is, up to but without ``/crowds``.
    :param token: What a sandbox asks for that listens to other machines; AMPCrowd itself knows no
        keys, and whoever reaches it may use it.
    :param timeout: Seconds to wait for a connection and for each piece of an answer: a pair, or one
        number for both; by default 5 and 30, or 120 where the service is known to take its time.
    :param deadline: Seconds that a call may take, repeated attempts included; 180 by default.
    :param retries: How often a call that failed may be repeated at most, where that is safe.
    :param session: A :class:`requests.Session` to send through; it stays yours to close.
    :param allow_insecure: Send a token over plain HTTP to another machine, where the network on the
        way is yours; ``crowdflower serve`` speaks nothing else.
    :raises ConfigError: The address or the token cannot be used.

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
        if token == "":
            raise ConfigError("the token is empty; leave it off where the server asks for none")
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
        """Put a group of points before a crowd.

        Calls ``POST /crowds/{crowd}/tasks/``. An inbox of this client whose address is the
        ``callback_url`` knows from now on what to wait for.

        :param crowd: ``internal``, ``amt``, or another that the server has.
        :param group_id: A new name; the server takes each once, and so this call is safe to make
            again when its outcome was unknown: it says then that the name is in use.
        :param content: Identifier to point, see :mod:`crowdflower.ampcrowd.points`.
        :param context: What the points share: ``fields`` for ``er`` and ``ft``, and for all types
            an ``instruction`` in HTML.
        :param batch_size: Points on one page.
        :param assignments: How many people answer each point.
        :param callback_url: Where the answers are posted to.
        :param crowd_options: Settings of this crowd; ``amt`` requires ``{"sandbox": True}`` or
            ``False``.
        :param quality_control: How several answers become one. The sandbox does as it is told, by
            default ``mv``; the server of 2017 promises ``em`` and sends the first answer.
        :raises InvalidInput: A point or a setting is not as it has to be; nothing was sent.
        :raises ApplicationError: The server said ``wrong``; the text has its reason.
        :raises OutcomeUnknown: It is not known whether the group was made.

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
        whole("batch_size", batch_size)
        whole("assignments", assignments)
        if not isinstance(group_id, str) or not group_id:
            raise InvalidInput(f"a group is called by a text, not by {group_id!r:.80}")
        if not _is_address(callback_url):
            raise InvalidInput(f"callback_url is where answers go, http://…: {callback_url!r:.80}")
        if quality_control not in (None, *get_args(QualityControl)):
            raise InvalidInput(f"quality_control is mv or em, not {quality_control!r:.80}")
        points = content_on_wire(task_type, context or _NOTHING, content)
        configuration: dict[str, Any] = {
            crowd: dict(crowd_options or {}),  # first: a crowd may be called what it likes
            "task_type": task_type,
            "task_batch_size": batch_size,
            "num_assignments": assignments,
            "callback_url": callback_url,
        }
        if quality_control is not None:
            configuration["quality_control"] = quality_control
        asked = {
            "configuration": configuration,
            "group_id": group_id,
            "group_context": dict(context or {}),
            "content": points,
        }
        body = encoding.form({"data": encoding.encode(asked).decode()})
        # The first answers may be back before this call is.
        with self._lock:
            there = [inbox for inbox in self._inboxes if inbox.url == callback_url]
        waiting = [inbox for inbox in there if inbox.expect(group_id, task_type, points)]
        try:
            self._post(f"crowds/{segment(crowd)}/tasks/", body)
        except ApiError as error:
            made_nothing = isinstance(error, (RefusedError, NotSentError, InvalidInput))
            if made_nothing and not isinstance(error, ServerError):
                for inbox in waiting:
                    inbox.forget(group_id)
            raise

    def purge_tasks(self, crowd: str) -> None:
        """End all tasks of a crowd, whoever made them: no further answers come.

        Calls ``GET /crowds/{crowd}/purge_tasks/``. The names of the groups stay in use, and an
        inbox waits for them all the same, until it is told to ``forget`` them.

        >>> ampcrowd.purge_tasks("internal")
        """
        answer = self.request(
            "GET",
            f"crowds/{segment(crowd)}/purge_tasks/",
            Expected(as_json=False),
        )
        # The document promises nothing, the code sends ok, and the sandbox what other calls get.
        if answer.body is not MISSING:
            self._require_ok(answer)
        elif answer.response.text.strip() not in {"", "ok"}:
            raise self.transport.reader.error(
                UnexpectedContentType, answer.response, "the answer is neither empty nor ok"
            )

    def finish_retainer_pool(self, crowd: str, pool_id: str) -> None:
        """Let go of the people who are paid to wait for work in a pool.

        Calls ``POST /crowds/{crowd}/retainer/finish``. Neither the crowd ``internal`` nor the
        sandbox has pools.

        :raises ApplicationError: There is no such pool.
        """
        body = encoding.form({"pool_id": pool_id})
        self._post(f"crowds/{segment(crowd)}/retainer/finish", body)

    def inbox(self, url: str) -> Inbox:
        """Make an inbox for a web server of yours to serve.

        :param url: Where the AMPCrowd server finds it: the ``callback_url`` of its groups.

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
        """Serve an inbox on a port of this machine while the block lasts.

        Its address ends in a word that nobody can guess: what comes to another one is answered 404.

        :param host: The address to listen at; by default only this machine can connect.
        :param port: 0 for any that is free.
        :param address: Under which the AMPCrowd server reaches it, such as
            ``http://me.example.com:9000``; by default host and port.
        :raises InvalidInput: Nobody could come by that address: where ``host`` is all addresses of
            this machine, say which one is meant.
        :raises OSError: The port is taken, or the host is not this machine's.

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
        with serving.served(host, port, self.inbox, address=address) as inbox:
            yield inbox

    def _post(self, path: str, body: bytes) -> None:
        self._require_ok(self.request("POST", path, data=body, headers=_FORM), change=True)

    def _require_ok(self, answer: Answer, *, change: bool = False) -> None:
        """Go on only if the server says so; it answers a refusal with status 200."""
        body = answer.body if isinstance(answer.body, dict) else {}
        status = body.get("status")
        if status == "wrong":
            said = [body.get("reason"), body.get("detail")]
            reason = " ".join(str(each) for each in said if each) or "the server gives no reason"
            raise self.transport.reader.error(ApplicationError, answer.response, reason)
        if status != "ok":
            self._refuse(answer, change=change)

    def _refuse(self, answer: Answer, *, change: bool) -> NoReturn:
        problem = f"the answer says neither ok nor wrong: {answer.response.text!r:.200}"
        error = self.transport.reader.error(UnexpectedContentType, answer.response, problem)
        if not change:
            raise error
        raise OutcomeUnknown(
            f"{error}. The request had been sent: the change may have been made.",
            evidence="answered, neither ok nor wrong",
            request=error.request,
            response=error.response,
        )


def _require_settings(**settings: object) -> None:
    for name, given in settings.items():
        if given is not None and not isinstance(given, Mapping):
            raise InvalidInput(f"{name} is a dict, not {a_type(given)}")


def _is_address(url: object) -> bool:
    """Tell whether somebody could post to it; the server takes any, and answers would be lost."""
    try:
        scheme, host, _ = origin(url) if isinstance(url, str) else ("", None, None)
    except ValueError:
        return False
    return scheme in {"http", "https"} and bool(host)
