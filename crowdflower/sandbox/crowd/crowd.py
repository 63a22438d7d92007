"""The crowd of one sandbox: who is in it, and letting it work."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from crowdflower.sandbox.crowd.contributor import Contributor
from crowdflower.sandbox.crowd.plan import PAGES_AT_ONCE, Plan, Summary
from crowdflower.sandbox.crowd.profiles import Mix, Profile, find_profile, share_out
from crowdflower.sandbox.crowd.replay import ReplayedContributor, group_votes
from crowdflower.sandbox.crowd.run import Run
from crowdflower.sandbox.crowd.simulation import (
    Difficulty,
    SimulatedContributor,
    SimulationSettings,
)
from crowdflower.sandbox.crowd.truth import Source, Truth
from crowdflower.sandbox.rules.work import workers
from crowdflower.states import ON_DEMAND

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Database, Transaction

COUNTRIES: Final = ("USA", "GBR", "CAN", "IND", "PHL", "VEN")
"""Where people are from where nobody says."""


class HasId(Protocol):
    """A job, as far as a crowd needs to know it."""

    @property
    def id(self) -> int:
        """Its number."""


class Crowd:
    """Contributors who work on the jobs of one sandbox, through the same rules as people.

    They come and go on the sandbox's clock, take pages, wait as long as the work takes, and hand
    in; in virtual time all of that takes none. What somebody answers depends on the clock's seed,
    on them and on the question, and on nothing else.

    :param database: Of the sandbox.
    :param afterwards: Called at the end of every run, when nothing is locked any more; in a sandbox
        it posts what is due to AMPCrowd's requesters.
    """

    def __init__(
        self, database: Database, *, afterwards: Callable[[], object] | None = None
    ) -> None:
        self.contributors: list[Contributor] = []
        """Everybody who joined, in that order."""
        self.afterwards = afterwards
        """Done at the end of every run; ``None`` for nothing."""
        self._database = database
        self._runs = count()

    def __repr__(self) -> str:
        return f"<Crowd of {len(self.contributors)}>"

    def add(
        self,
        number: int,
        *,
        profile: str | Profile | None = None,
        mix: Mix | None = None,
        truth: Mapping[str, Source] | None = None,
        texts: Mapping[str, Sequence[str]] | None = None,
        difficulty: Difficulty = None,
        channel: str = ON_DEMAND,
        countries: Sequence[str] = COUNTRIES,
    ) -> list[Contributor]:
        """Let simulated contributors join.

        :param number: How many.
        :param profile: What kind of people; ``normal`` by default. The kinds are listed in
            :mod:`crowdflower.sandbox.crowd.profiles`.
        :param mix: Several kinds, each with its weight, instead of one.
        :param truth: Question to where its right answers are: the name of a column, a function of
            the row, or the probability of each answer for one to be made up. Test questions have
            theirs without it; where nothing is said, a truth is drawn and kept.
        :param texts: Question to what people write where nothing right is known.
        :param difficulty: How hard each row is, from 0 to 1: a column, or a function of the row.
        :param channel: Where they come from; a job takes those from its own channels.
        :param countries: Codes of the countries they are from, by turns.
        :returns: Those who joined.
        :raises ValueError: Both kinds of kind are given, or one is not known, or a country is not.

        >>> from crowdflower import Sandbox
        >>> with Sandbox() as box:
        ...     box.crowd.add(3, mix={"normal": 2, "random spammer": 1})
        [<SimulatedContributor 1: normal>, <SimulatedContributor 2: normal>,
         <SimulatedContributor 3: random_spammer>]
        """
        if profile is not None and mix is not None:
            raise ValueError("Give a profile for all, or a mix of several, not both.")
        if number < 1:
            raise ValueError(f"Somebody has to join: give a number from 1 up, not {number!r}.")
        kinds = (
            share_out(number, mix)
            if mix is not None
            else [find_profile(profile or "normal")] * number
        )
        clock = self._database.clock
        world = SimulationSettings(Truth(clock, truth or {}), texts or {}, difficulty)
        joined: list[Contributor] = []
        with self._database.transaction() as tx:
            for place, kind in enumerate(kinds, len(self.contributors) + 1):
                worker = _join(tx, place, channel, countries, kind.name)
                joined.append(SimulatedContributor(place, worker, clock, kind, world))
        self.contributors += joined
        return joined

    def replay(
        self,
        votes: Iterable[tuple[Hashable, Hashable, Any]],
        *,
        field: str,
        key: str,
        channel: str = ON_DEMAND,
        countries: Sequence[str] = COUNTRIES,
    ) -> list[Contributor]:
        """Let contributors join who answer what real people answered, and nothing else.

        :param votes: ``(task, worker, label)`` each; every worker becomes one contributor. A list
            of labels answers a question that takes several.
        :param field: The question that the labels answer.
        :param key: The column of the rows that holds the task.
        :param channel: As in :meth:`add`, like ``countries``.
        :returns: Those who joined, in the order in which they first voted.
        :raises ValueError: A vote does not have three parts, or somebody votes twice on a task.

        >>> from crowdflower import Sandbox
        >>> votes = [(25, "ann", "yes"), (25, "bob", "no")]
        >>> with Sandbox() as box:
        ...     box.crowd.replay(votes, field="follows", key="task")
        [<ReplayedContributor 1: ann>, <ReplayedContributor 2: bob>]
        """
        recordings = group_votes(votes, field, key)
        joined: list[Contributor] = []
        with self._database.transaction() as tx:
            for place, recording in enumerate(recordings, len(self.contributors) + 1):
                worker = _join(tx, place, channel, countries, "replayed", recording.name)
                joined.append(ReplayedContributor(place, worker, self._database.clock, recording))
        self.contributors += joined
        return joined

    def run(
        self,
        job: int | HasId,
        *,
        until: Literal["finished"] = "finished",
        pages: int | None = None,
        judgments: int | None = None,
        seconds: float | None = None,
        progress: Callable[[Summary], None] | None = None,
        arrivals_per_minute: float = 1.0,
        pages_per_visit: float = 2.0,
        interactive: bool = False,
    ) -> Summary:
        """Let the crowd work on a job until it is finished, or until one of the limits.

        It also ends when the job stops running, and when nobody has work left: the quiz failed, the
        test questions used up, every row judged. The summary says which, and counts the reasons.

        :param job: A job, or its number.
        :param pages: Stop after so many pages.
        :param judgments: Stop once there are so many; the page that brings them counts whole.
        :param seconds: Stop after so much time on the sandbox's clock.
        :param progress: Told the summary so far, after every transaction.
        :param arrivals_per_minute: How many people come in a minute, at random.
        :param pages_per_visit: How many pages they do on average before they go.
        :param interactive: Commit every page, as it is when people work; otherwise fifty at once.
        :raises LookupError: There is no such job.
        :raises ValueError: There is nobody in the crowd, a limit is not above 0, a truth is none of
            the options, or somebody has an answer that the form refuses. Pages of transactions
            before that stay.

        >>> from crowdflower import Sandbox
        >>> rows = [
        ...     {"text": text} for text in ("Boils fast.", "Leaks.", "Broke.", "Lovely.", "Hm.")
        ... ]
        >>> cml = '<cml:text label="What is it like?" name="like" validates="required"/>'
        >>> with Sandbox() as box:
        ...     job = box.client().upload_job(rows)
        ...     job.title, job.instructions, job.cml = "Reviews", "Read them.", cml
        ...     job.update()
        ...     order = job.launch(5)
        ...     _ = box.crowd.add(3)
        ...     summary = box.crowd.run(job)
        >>> summary.ended, summary.judgments
        ('finished', 15)
        """
        if until != "finished":
            raise ValueError(f"A run goes on until 'finished' or to a limit, not until {until!r}.")
        if not self.contributors:
            raise ValueError("Nobody is in the crowd: let somebody join with add() or replay().")
        plan = Plan(
            pages,
            judgments,
            seconds,
            arrivals_per_minute,
            pages_per_visit,
            pages_at_once=1 if interactive else PAGES_AT_ONCE,
        )
        number = job if isinstance(job, int) else job.id
        run = Run(self._database, number, self.contributors, plan, next(self._runs))
        summary = run.execute(progress)
        if self.afterwards is not None:
            self.afterwards()
        return summary


def _join(
    tx: Transaction,
    place: int,
    channel: str,
    countries: Sequence[str],
    kind: str,
    external_id: str | None = None,
) -> Row[Any]:
    return workers.join(
        tx,
        channel=channel,
        country=countries[place % len(countries)] if countries else None,
        external_id=external_id,
        display_name=f"Contributor {place}",
        simulated=True,
        profile={"name": kind},
    )
