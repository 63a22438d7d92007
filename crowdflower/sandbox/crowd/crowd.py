"""The crowd of a sandbox: adds contributors and lets them work on jobs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from sqlalchemy import select

from crowdflower.sandbox.crowd.contributor import Contributor
from crowdflower.sandbox.crowd.plan import PAGES_AT_ONCE, Plan, Summary
from crowdflower.sandbox.crowd.profiles import Mix, Profile, assign_profiles, find_profile
from crowdflower.sandbox.crowd.replay import ReplayedContributor, group_votes
from crowdflower.sandbox.crowd.run import Run, require_fields
from crowdflower.sandbox.crowd.simulation import (
    Difficulty,
    SimulatedContributor,
    SimulationSettings,
)
from crowdflower.sandbox.crowd.truth import Source, Truth
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.rules.work.handout import is_country_allowed
from crowdflower.sandbox.store.tables import job as jobs
from crowdflower.states import INTERNAL, ON_DEMAND

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Database, Transaction

COUNTRIES: Final = ("USA", "GBR", "CAN", "IND", "PHL", "VEN")
"""The default countries of contributors."""


class HasId(Protocol):
    """An object with an id, such as :class:`~crowdflower.job.Job`."""

    @property
    def id(self) -> int:
        """The id."""


@runtime_checkable
class Expires(Protocol):
    """An object that has to be read again after a run, such as the same."""

    def expire(self) -> None:
        """Forget what was read."""


class Crowd:
    """Contributors who work on the jobs of one sandbox, under the same rules as people.

    They come and go on the sandbox's clock, take pages, work on them and submit them; in virtual
    time without waiting. An answer depends only on the clock's seed, the contributor, the unit and
    the question.

    :param database: The database of the sandbox.
    :param afterwards: Called at the end of every run, outside any transaction; the sandbox posts
        due AMPCrowd callbacks then.
    """

    def __init__(
        self, database: Database, *, afterwards: Callable[[], object] | None = None
    ) -> None:
        self.contributors: list[Contributor] = []
        """All contributors, in the order in which they were added."""
        self.afterwards = afterwards
        """Called at the end of every run, unless ``None``."""
        self._database = database
        self._added = 0
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
        channel: str | None = None,
        countries: Sequence[str] | None = None,
    ) -> list[Contributor]:
        """Add simulated contributors.

        :param number: How many.
        :param profile: Their profile, ``normal`` by default. The profiles are listed in
            :mod:`crowdflower.sandbox.crowd.profiles`.
        :param mix: Several profiles with weights, instead of one.
        :param truth: Question to the source of its right answers: the name of a column, a function
            of the row, or answers with probabilities to draw one from. Test questions use their
            gold answers; for any other question, a right answer is drawn once per unit.
        :param texts: Question to texts for open questions without a known answer.
        :param difficulty: How hard each row is, from 0 to 1: a column, or a function of the row.
        :param channel: Their channel; they work on jobs with this channel. By default they come
            from ``on_demand``; if a job takes none of the crowd, they join a channel of the job.
        :param countries: Their countries (ISO 3166-1 alpha-3 codes), assigned in turn. By default
            six of them; if a job takes none of the crowd, countries that it includes.
        :returns: The contributors that were added.
        :raises ValueError: Profile and mix are both given, or a profile or country is unknown, or
            the sandbox has forms and none has a field that ``truth`` or ``texts`` names.

        >>> from crowdflower import Sandbox
        >>> with Sandbox() as box:
        ...     box.crowd.add(3, mix={"normal": 2, "random spammer": 1})
        [<SimulatedContributor 1: normal>, <SimulatedContributor 2: normal>,
         <SimulatedContributor 3: random_spammer>]
        """
        if profile is not None and mix is not None:
            raise ValueError("Pass either profile or mix, not both.")
        if number < 1:
            raise ValueError(f"The number of contributors must be 1 or more, not {number!r}.")
        profiles = (
            assign_profiles(number, mix)
            if mix is not None
            else [find_profile(profile or "normal")] * number
        )
        clock = self._database.clock
        settings = SimulationSettings(Truth(clock, truth or {}), texts or {}, difficulty)
        added: list[Contributor] = []
        with self._database.transaction() as tx:
            require_fields(tx, [*(truth or {}), *(texts or {})])
            for place, each in enumerate(profiles, self._added + 1):
                worker = _add_worker(tx, place, channel, countries, each.name)
                added.append(SimulatedContributor(place, worker, clock, each, settings))
        return self._join(added, channel, countries)

    def replay(
        self,
        votes: Iterable[tuple[Hashable, Hashable, Any]],
        *,
        field: str,
        key: str,
        channel: str | None = None,
        countries: Sequence[str] | None = None,
    ) -> list[Contributor]:
        """Add contributors who repeat recorded answers, and answer nothing else.

        :param votes: Tuples ``(task, worker, label)``; each worker becomes one contributor. For a
            question with several answers, the label is a list.
        :param field: The question that the labels answer.
        :param key: The column of the rows that holds the task.
        :param channel: As in :meth:`add`, like ``countries``.
        :returns: The contributors that were added, in the order of their first votes.
        :raises ValueError: A vote does not have three parts, or a worker votes twice on a task, or
            the sandbox has forms and none has this field.

        >>> from crowdflower import Sandbox
        >>> votes = [(25, "ann", "yes"), (25, "bob", "no")]
        >>> with Sandbox() as box:
        ...     box.crowd.replay(votes, field="follows", key="task")
        [<ReplayedContributor 1: ann>, <ReplayedContributor 2: bob>]
        """
        recordings = group_votes(votes, field, key)
        added: list[Contributor] = []
        with self._database.transaction() as tx:
            require_fields(tx, [field])
            for place, recording in enumerate(recordings, self._added + 1):
                worker = _add_worker(tx, place, channel, countries, "replayed", recording.name)
                added.append(ReplayedContributor(place, worker, self._database.clock, recording))
        return self._join(added, channel, countries)

    def remove(self, contributors: Contributor | Iterable[Contributor]) -> None:
        """Remove contributors from the crowd; their judgments stay.

        :param contributors: One contributor, or several, as :meth:`add` returned them.
        :raises ValueError: One of them is not in this crowd; then none is removed.

        >>> from crowdflower import Sandbox
        >>> with Sandbox() as box:
        ...     spammers = box.crowd.add(2, profile="random spammer")
        ...     perfect = box.crowd.add(1, profile="perfect")
        ...     box.crowd.remove(spammers)
        ...     box.crowd.contributors
        [<SimulatedContributor 3: perfect>]
        """
        gone = [contributors] if isinstance(contributors, Contributor) else list(contributors)
        for each in gone:
            if each not in self.contributors:
                raise ValueError(f"{each!r} is not in this crowd of {len(self.contributors)}.")
        self.contributors = [each for each in self.contributors if each not in gone]

    def clear(self) -> None:
        """Remove all contributors; their judgments stay.

        >>> from crowdflower import Sandbox
        >>> with Sandbox() as box:
        ...     contributors = box.crowd.add(3)
        ...     box.crowd.clear()
        ...     box.crowd
        <Crowd of 0>
        """
        self.contributors = []

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
        """Let the crowd work on a job until it is finished or a limit is reached.

        The run also ends when the job stops running, and when no contributor has work left: they
        failed the quiz, used up the test questions, or judged every unit. The summary says which
        it was, and counts the reasons.

        :param job: A job, or its id.
        :param pages: Stop after this many pages.
        :param judgments: Stop after this many judgments; the last page is counted in full.
        :param seconds: Stop after this many seconds on the sandbox's clock.
        :param progress: Called with the summary so far, after every transaction.
        :param arrivals_per_minute: Mean number of contributors who arrive in a minute.
        :param pages_per_visit: Mean number of pages per visit.
        :param interactive: Commit every page by itself, as when people work, instead of fifty
            together.
        :raises LookupError: The sandbox has no such job.
        :raises ValueError: The crowd is empty, a limit is not above 0, a right answer is not one of
            the options, or the form refuses an answer. Transactions before the error are kept.

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
            raise ValueError(f"until must be 'finished', not {until!r}; pass a limit instead.")
        if not self.contributors:
            raise ValueError("The crowd is empty: add contributors with add() or replay().")
        plan = Plan(
            pages,
            judgments,
            seconds,
            arrivals_per_minute,
            pages_per_visit,
            pages_at_once=1 if interactive else PAGES_AT_ONCE,
        )
        number = job if isinstance(job, int) else job.id
        contributors = self._contributors_to(number)
        run = Run(self._database, number, contributors, plan, next(self._runs))
        summary = run.execute(progress)
        if isinstance(job, Expires):
            job.expire()
        if self.afterwards is not None:
            self.afterwards()
        return summary

    def _join(
        self, added: list[Contributor], channel: str | None, countries: Sequence[str] | None
    ) -> list[Contributor]:
        for each in added:
            each.any_channel, each.any_country = channel is None, countries is None
        self.contributors += added
        self._added += len(added)
        return added

    def _contributors_to(self, job_id: int) -> list[Contributor]:
        """Return the contributors; if a job takes none of them, those who may move do so."""
        with self._database.snapshot() as tx:
            job = tx.one(select(jobs).where(jobs.c.id == job_id))
            enabled = channels.enabled(tx, job_id)
        if not enabled or any(_is_taken(job, enabled, each.worker) for each in self.contributors):
            return self.contributors
        with self._database.transaction() as tx:
            return [_move(tx, job, enabled, each) for each in self.contributors]


def _is_taken(job: Row[Any], enabled: Sequence[str], worker: Row[Any]) -> bool:
    return worker.channel in enabled and is_country_allowed(job, worker.country)


def _move(
    tx: Transaction, job: Row[Any], enabled: Sequence[str], contributor: Contributor
) -> Contributor:
    """Return a contributor in a channel and country of a job, as far as they may move."""
    worker = contributor.worker
    channel, country = worker.channel, worker.country
    if contributor.any_channel and channel not in enabled:
        channel = INTERNAL if INTERNAL in enabled else enabled[0]
    if contributor.any_country and not is_country_allowed(job, country):
        codes = job.included_countries
        country = codes[contributor.number % len(codes)] if codes else None
    if (channel, country) == (worker.channel, worker.country):
        return contributor
    if (channel, country) not in contributor.elsewhere:
        moved = workers.join(
            tx,
            channel=channel,
            country=country,
            external_id=worker.external_id,
            display_name=worker.display_name,
            simulated=True,
            profile=worker.profile,
        )
        contributor.elsewhere[channel, country] = contributor.move_to(moved)
    return contributor.elsewhere[channel, country]


def _add_worker(
    tx: Transaction,
    place: int,
    channel: str | None,
    countries: Sequence[str] | None,
    profile: str,
    external_id: str | None = None,
) -> Row[Any]:
    countries = COUNTRIES if countries is None else countries
    return workers.join(
        tx,
        channel=channel or ON_DEMAND,
        country=countries[place % len(countries)] if countries else None,
        external_id=external_id,
        display_name=f"Contributor {place}",
        simulated=True,
        profile={"name": profile},
    )
