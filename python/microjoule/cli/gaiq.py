"""`uj gaiq ask|score|show`: the Green AI Quotient of a project, from answers and evidence."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final

from microjoule.cli import DONE, arguments
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import plain

if TYPE_CHECKING:
    from microjoule.metrics import Quotient
    from microjoule.metrics._gaiq import Question, Questionnaire
    from microjoule.metrics._gaiq_files import Answers

_BAR: Final = 20
_STOP: Final = "q"


def main(argv: list[str]) -> int:
    """Runs the command `gaiq`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    try:
        if args.what == "show":
            told = _show(args)
        elif args.file is None:
            raise ValueError(f"there is no file of answers: uj gaiq {args.what} answers.yml")
        elif args.what == "ask":
            told = _ask(args)
        else:
            told = _score(args)
    except (ValueError, OSError) as error:
        parser.error(arguments.sentence(error))
    sys.stdout.write(told)
    return DONE


def _show(args: argparse.Namespace) -> str:
    """The questionnaire itself, to be read or copied."""
    from microjoule.metrics import read_questionnaire
    from microjoule.metrics._gaiq_files import SHIPPED

    read_questionnaire(args.questionnaire)
    with open(args.questionnaire or SHIPPED, encoding="utf-8") as file:
        return file.read()


def _score(args: argparse.Namespace) -> str:
    from microjoule import metrics

    questionnaire = metrics.read_questionnaire(args.questionnaire)
    answers = metrics.read_answers(args.file, questionnaire)
    records = [metrics.read_record(path) for path in args.evidence]
    found = metrics.quotient(questionnaire, answers.project, answers.levels, records)
    if args.json:
        fields = {
            **found._asdict(),
            "questions": [q._asdict() for q in found.questions],
            "gains": [{"id": g.id, "gain": g.gain, "advice": g.advice} for g in found.gains],
        }
        return json_line(fields) + "\n"
    return "\n".join([*_lines(found, args), ""])


def _lines(found: Quotient, args: argparse.Namespace) -> list[str]:
    digits = args.precision
    band = f"  {found.band}" if found.band else ""
    lines = [
        f"Green AI Quotient  {plain(found.score, digits)}{band}",
        f"answered           {100 * found.coverage:.0f} % of the weight; the rest counts as 0",
        "",
    ]
    width = max(map(len, found.stages))
    for stage, score in found.stages.items():
        if score is None:
            lines.append(f"  {stage:<{width}}  does not apply")
        else:
            full = round(score * _BAR)
            bar = "█" * full + "░" * (_BAR - full)
            lines.append(f"  {stage:<{width}}  {bar}  {plain(score, digits)}")
    proven = [q.id for q in found.questions if q.state == "evidence"]
    if proven:
        lines += ["", f"Answered by evidence: {', '.join(proven)}"]
    if found.gains:
        lines += ["", "What to do next, by gain:"]
        shown = found.gains[: args.gains]
        lines += [f"  +{g.gain:.3f}  {g.id}: {g.advice}" for g in shown]
        left = len(found.gains) - len(shown)
        lines += [f"  … and {left} more (--gains N)"] if left else []
    return [*lines, "", f"{found.questionnaire}; {found.note}"]


# -- asking -----------------------------------------------------------------------------------


def _ask(args: argparse.Namespace) -> str:
    """Asks what is not answered yet; every answer is in the file before the next question."""
    from microjoule import metrics
    from microjoule.metrics._gaiq_files import Answers

    questionnaire = metrics.read_questionnaire(args.questionnaire)
    answers = Answers({}, {})
    if os.path.exists(args.file):
        answers = metrics.read_answers(args.file, questionnaire)
    metrics.write_answers(args.file, questionnaire, answers)
    finished = _ask_project(args.file, questionnaire, answers) and _ask_questions(
        args.file, questionnaire, answers
    )
    end = "" if finished else f"Stopped; `uj gaiq ask {args.file}` goes on from here.\n"
    return f"\nSaved in {args.file}. {end}Its score: uj gaiq score {args.file}\n"


def _ask_project(path: str, questionnaire: Questionnaire, answers: Answers) -> bool:
    from microjoule.metrics import write_answers

    for question in questionnaire.project:
        if question.id in answers.project:
            continue
        options = list(question.options)
        reply = _choose(question.text, list(question.options.values()), more="")
        if reply == _STOP:
            return False
        if reply is not None:
            answers.project[question.id] = options[int(reply)]
            write_answers(path, questionnaire, answers)
    return True


def _ask_questions(path: str, questionnaire: Questionnaire, answers: Answers) -> bool:
    from microjoule.metrics import write_answers
    from microjoule.metrics._gaiq import NOT_APPLICABLE, applies

    left = [
        q
        for q in questionnaire.questions
        if applies(q, answers.project) and q.id not in answers.levels
    ]
    for number, question in enumerate(left, start=1):
        reply = _choose(_title(question, number, len(left)), [v.text for v in question.levels])
        if reply == _STOP:
            return False
        if reply is not None:
            answers.levels[question.id] = NOT_APPLICABLE if reply == "n" else int(reply)
            write_answers(path, questionnaire, answers)
    return True


def _title(question: Question, number: int, count: int) -> str:
    return f"[{number}/{count}] {question.stage}: {question.text}"


def _choose(title: str, options: list[str], more: str = ", n: does not apply") -> str | None:
    """A number, `n`, `q` (also at the end of the input), or None for no answer."""
    lines = ["", title, *(f"  {i}  {text}" for i, text in enumerate(options))]
    sys.stdout.write("\n".join(lines) + "\n")
    while True:
        sys.stdout.write(f"0–{len(options) - 1}{more}, Enter: later, q: stop > ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        reply = line.strip().casefold()
        if not line or reply == _STOP:
            return _STOP
        if not reply:
            return None
        if reply == "n" and more:
            return reply
        if reply.isascii() and reply.isdecimal() and int(reply) < len(options):
            return reply
        sys.stdout.write(f"{reply!r} is none of these.\n")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "gaiq",
        "ask|score|show [OPTION …] [answers.yml]",
        "The Green AI Quotient: what a project does and leaves undone over its life, from 0 to 1,\n"
        "with the next steps by gain. Needs the extra estimate.",
        "Questionnaire: ours; structure after Sikand et al. 2023. `uj gaiq show > mine.yml` gives\n"
        "a copy to change.",
    )
    parser.add_argument(
        "what",
        choices=("ask", "score", "show"),
        metavar="ask|score|show",
        help="ask what is not answered yet, score the answers, or show the questionnaire",
    )
    parser.add_argument("file", nargs="?", metavar="answers.yml", help="the file of answers")
    parser.add_argument("--questionnaire", metavar="FILE.yml", help="another questionnaire")
    parser.add_argument(
        "--evidence",
        action="append",
        default=[],
        metavar="RUN.json",
        help="a run record (uj run --json=RUN.json), without a stage taken for the training's: "
        "answers what it proves and nobody answered; may be repeated",
    )
    parser.add_argument(
        "--gains", type=_count, default=5, metavar="N", help="how many next steps (default: 5)"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser)
    return parser
