"""The charts of the overview: rows over time, judgments an hour, agreement, answers by question."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

from crowdflower.sandbox.desk import charts
from crowdflower.sandbox.desk.desk_rendering import moment
from crowdflower.sandbox.desk.overview.answer_shares import KEEPS_ALL
from crowdflower.sandbox.desk.overview.history import DAY, slot_length
from crowdflower.sandbox.pages.translations import gettext, ngettext

if TYPE_CHECKING:
    from markupsafe import Markup

    from crowdflower.sandbox.desk.charts import Part
    from crowdflower.sandbox.desk.overview.answer_shares import AnswerShares, Question
    from crowdflower.sandbox.desk.overview.figures import Figures
    from crowdflower.sandbox.desk.overview.history import History

STEPS: Final = 48
"""Steps of a line, and bars of a chart, at most."""

NUMBERS: Final = 8
"""Lines of the table below the line."""

HOUR: Final = 3600

LOW: Final = 7
"""Rows with an agreement below this many tenths are marked: look at them first."""

_PAST: Final = 0.8
"""The part of the width that the past takes, where what is expected is drawn too."""


class TimedChart(NamedTuple):
    """A chart with its heading, and a word about the time that it shows."""

    heading: str
    span: str
    html: Markup


class SharedAnswer(NamedTuple):
    """A part of a bar of answers, and where its rows are listed."""

    part: Part
    url: str | None


class QuestionShares(NamedTuple):
    """A question, with the shares of its answers."""

    label: str
    name: str
    bar: Markup | None
    """``None`` if its answers are not counted."""
    answers: list[SharedAnswer]
    agreement: str
    rows: int


def progress_chart(history: History, figures: Figures, end: float, *, has_ended: bool) -> Markup:
    """Return how many rows were finished over time, and what is expected.

    :param end: Where the past ends: now, or at the last page of a job that has ended.
    """
    began, total = history.began_at or end, max(figures.ordered, figures.finished, 1)
    span = max(end - began, 1.0)
    times = [began + span * step / STEPS for step in range(STEPS + 1)]
    finished = _cumulate(history, times)
    finished[-1] = figures.finished
    seconds_left = figures.seconds_left if figures.needed else None
    past = _PAST if seconds_left is not None else 1.0
    points = [charts.Point(past * step / STEPS, rows / total) for step, rows in enumerate(finished)]
    plan: list[charts.Point] = []
    words = [_day_or_time(began + span * part, span) for part in (0, 0.5, 1)]
    words = [word if word not in words[:place] else "" for place, word in enumerate(words)]
    if not has_ended:
        words[-1] = gettext("now")
    name = gettext("%(done)s of %(all)s rows finished") % {
        "done": f"{figures.finished:,}",
        "all": f"{total:,}",
    }
    if seconds_left is not None:
        plan = _plan(points[-1], past * seconds_left / span)
        words = [words[0], "", words[1], "", words[2], ""]
    table = [
        [moment(times[step]), f"{finished[step]:,}", f"{100 * finished[step] // total} %"]
        for step in range(STEPS // NUMBERS, STEPS + 1, STEPS // NUMBERS)
    ]
    caption = gettext("Rows finished over time")
    heads = [gettext("Until"), gettext("Rows finished"), gettext("Share")]
    return charts.line(points, plan, total, words, name) + charts.numbers(caption, heads, table)


def judgments_chart(history: History, end: float) -> TimedChart:
    """Return how many judgments came in each hour of a day; of less in a young job.

    :param end: The end of the day: now, or at the last page of a job that has ended.
    """
    last = history.last_at or end
    is_past = end - last >= DAY
    end = last if is_past else end
    span = min(max(end - (history.began_at or end), 1.0), DAY)
    width = max(slot_length(span, STEPS), history.judgments.seconds)
    count = min(ceil(span / width) + 1, DAY // width if width == HOUR else STEPS + 1)
    final = int(end // width)
    bars = [
        charts.Bar(
            _clock(number * width, width),
            history.judgments.between(number * width, (number + 1) * width),
        )
        for number in range(final - count + 1, final + 1)
    ]
    low, high = min(bar.value for bar in bars), max(bar.value for bar in bars)
    heading = _per_slot(width)
    middle = [bars[len(bars) // 2].label] if len(bars) % 2 else []
    words = [bars[0].label, *middle, bars[-1].label]
    name = f"{heading}: {low:,}–{high:,}"
    table = [[bar.label, f"{bar.value:,}"] for bar in bars]
    heads = [gettext("From"), gettext("Judgments")]
    html = charts.bars(bars, words, name) + charts.numbers(heading, heads, table)
    until = gettext("until %(when)s") % {"when": moment(last)}
    return TimedChart(heading, until if is_past else gettext("times are UTC"), html)


def agreement_chart(history: History) -> Markup:
    """Return how many finished rows have which agreement."""
    bars = [
        charts.Bar(f"{tenth / 10:.1f}–{(tenth + 1) / 10:.1f}", rows, charts.COLORS[tenth < LOW])
        for tenth, rows in enumerate(history.agreement)
    ]
    name = gettext("Rows by agreement: %(low)s of %(all)s are under 0.7") % {
        "low": f"{sum(history.agreement[:LOW]):,}",
        "all": f"{history.agreed_rows:,}",
    }
    words = ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    table = [[bar.label, f"{bar.value:,}"] for bar in bars]
    heads = [gettext("Agreement"), gettext("Rows")]
    caption = gettext("Rows by agreement")
    return charts.bars(bars, words, name) + charts.numbers(caption, heads, table)


def question_shares(shares: AnswerShares, job_url: str) -> list[QuestionShares]:
    """Return the shares of answers to each question of a job."""
    return [_question(each, job_url) for each in shares.questions]


def _question(question: Question, job_url: str) -> QuestionShares:
    agreement = "–"
    if question.is_numeric:
        if question.rows:
            mean = f"{question.total / question.rows:.1f}"
            agreement = gettext("mean %(number)s") % {"number": mean}
    elif question.agreed_rows:
        agreement = f"{question.agreement / question.agreed_rows:.2f}"
    found = question.counts()
    if question.how == KEEPS_ALL or not found:
        return QuestionShares(question.label, question.name, None, [], agreement, question.rows)
    parts = charts.split([(label, rows) for _, label, rows in found], is_scale=question.is_scale)
    is_cut = len(found) > len(parts)
    answers = []
    for place, (part, (value, _, _)) in enumerate(zip(parts, found, strict=False)):
        is_rest = is_cut and place == len(parts) - 1
        link = None
        if not is_rest and not question.is_numeric:
            link = f"{job_url}/rows?{urlencode({'answer': f'{question.name}:{value}'})}"
        answers.append(SharedAnswer(part, link))
    bar = charts.share(parts, question.label)
    return QuestionShares(question.label, question.name, bar, answers, agreement, question.rows)


def _cumulate(history: History, times: list[float]) -> list[int]:
    """Return how many rows were finished at each of some times, ascending."""
    seconds, slots = history.finalized.seconds, sorted(history.finalized.counts.items())
    sums, total, place = [], 0, 0
    for time in times:
        while place < len(slots) and (slots[place][0] + 1) * seconds <= time:
            total += slots[place][1]
            place += 1
        sums.append(total)
    return sums


def _plan(begin: charts.Point, width: float) -> list[charts.Point]:
    """Return a line to the upper edge, cut off at the right one."""
    room = 1 - begin.x
    if width <= room:
        return [begin, charts.Point(begin.x + width, 1.0)]
    return [begin, charts.Point(1.0, begin.y + (1 - begin.y) * room / width)]


def _per_slot(width: int) -> str:
    if width == HOUR:
        return gettext("Judgments an hour")
    if width < 60:  # noqa: PLR2004 - a minute
        text = ngettext("Judgments in %(num)s second", "Judgments in %(num)s seconds", width)
        return text % {"num": width}
    minutes = width // 60
    text = ngettext("Judgments in %(num)s minute", "Judgments in %(num)s minutes", minutes)
    return text % {"num": minutes}


def _clock(at: float, width: int) -> str:
    text = f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
    return text if width < 60 else text[:5]  # noqa: PLR2004 - a minute


def _day_or_time(at: float, span: float) -> str:
    time = datetime.fromtimestamp(at, UTC)
    return f"{time:%Y-%m-%d}" if span > 2 * DAY else f"{time:%H:%M}"
