"""`uj rank` and `uj label` on a table of models, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Uj = Callable[..., Any]
RANK = ("rank", "models.csv", "--quality", "accuracy", "--energy", "inference_j")


def test_for_a_person(uj: Uj) -> None:
    said = uj(*RANK, "--alpha", "0:3", "--pareto", "--reference", "0.85,2")
    assert said.status == 0
    head, *rows = said.out.splitlines()[:5]
    assert head.split()[:3] == ["model", "accuracy", "J"]
    assert [row.split()[0] for row in rows] == ["B", "A", "C", "D"]
    assert "below it A is better, above it B" in said.out
    assert "M(α=1): A and C" in said.out
    assert "D: +200 % energy and -2 points of accuracy beside A" in said.out
    assert "Hypervolume beyond 0.85,2: 0.145" in said.out


def test_in_json(uj: Uj) -> None:
    fields = uj(*RANK, "--alpha", "0:3", "--json").fields
    assert fields["schema"] == 1
    assert [c["name"] for c in fields["columns"]] == [f"M(α={a})" for a in range(4)]
    assert {c["category"] for c in fields["columns"]} == {"climate"}
    by_name = {m["model"]: m for m in fields["models"]}
    assert by_name["A"]["pareto"]["on_front"] is True
    assert by_name["D"]["pareto"]["by"] == "A"
    assert by_name["D"]["pareto"]["extra_energy_rel"] == pytest.approx(2)
    assert by_name["A"]["metrics"]["M(α=1)"]["tied_with"] == ["C"]
    # The uncertainty stands in the cell or in a column of its own.
    assert by_name["A"]["energy_uncertainty_j"] == pytest.approx(0.02)
    assert by_name["B"]["energy_uncertainty_j"] == pytest.approx(0.045)
    star = next(f for f in fields["flips"] if f["better_below"] == "A")
    assert star["alpha"] == pytest.approx(1.7253701)
    assert star["better_above"] == "B"


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [("0:3", 4), ("0:1:0.25", 5), ("2", 1), ("0,2", 2), ("1:1", 1), ("0:0.3:0.1", 4)],
)
def test_alphas(uj: Uj, alpha: str, expected: int) -> None:
    assert len(uj(*RANK, "--alpha", alpha, "--json").fields["columns"]) == expected


def test_further_metrics(uj: Uj) -> None:
    fields = uj(*RANK, "--alpha", "1", "--metric", "edp", "--json").fields
    assert fields["columns"][-1]["unit"] == "J·s"
    edp = {m["model"]: m["metrics"]["edp"] for m in fields["models"]}
    assert edp["A"]["value"] == pytest.approx(0.04)
    assert edp["A"]["uncertainty"] == pytest.approx(0.002)


def test_units_items_and_kinds(uj: Uj, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("name,R2,train_kwh,n\nx,0.97,1.2e-4,10000\n")
    arguments = ("rank", "other.csv", "--quality", "R2", "--energy", "train_kwh", "--items")
    for items in ("n", "10000"):
        (model,) = uj(*arguments, items, "--alpha", "1", "--json").fields["models"]
        assert model["energy_j"] == pytest.approx(0.0432)
        assert model["metrics"]["M(α=1)"]["value"] == pytest.approx(0.001296)
    error = ("rank", "other.csv", "--quality", "R2", "--kind", "error", "--energy", "train_kwh")
    (model,) = uj(*error, "--json").fields["models"]
    assert model["error"] == 0.97


def test_a_table_of_a_spreadsheet(uj: Uj, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(b'\xef\xbb\xbfmodel,err,e_j\r\n"A, big",0.1,2\r\n\r\n')
    said = uj("rank", "s.csv", "--quality", "err", "--energy", "e_j", "--json")
    assert said.fields["models"][0]["model"] == "A, big"


def test_pictures(uj: Uj, tmp_path: Path) -> None:
    assert uj(*RANK, "--plot", "out.svg").status == 0
    text = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert "Pareto front" in text
    assert "energy per item (J)" in text
    assert uj(*RANK, "--alpha", "1", "--plot", "one.png").status == 0
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_odd_names_and_a_model_without_errors(uj: Uj, tmp_path: Path) -> None:
    table = "model,acc $\\frac,e_j\n_hidden,1,2\n$a_{b,0.9,1\n模型,0.8,0.5\n"
    (tmp_path / "odd.csv").write_text(table.replace(",b", ";b"), encoding="utf-8")
    odd = ("rank", "odd.csv", "--quality", "acc $\\frac", "--energy", "e_j", "--tested", "98")
    said = uj(*odd, "--plot", "odd.svg")
    assert (said.status, said.err) == (0, "")
    text = (tmp_path / "odd.svg").read_text(encoding="utf-8")
    assert text.count("_hidden") >= 2
    assert "$a_{b" in text


def test_a_long_table_is_cut_for_a_person_alone(uj: Uj, tmp_path: Path) -> None:
    rows = "".join(f"m{i},{0.5 + i / 100:.2f},{1.3**i}\n" for i in range(40))
    (tmp_path / "long.csv").write_text("model,q,e_j\n" + rows)
    arguments = ("rank", "long.csv", "--quality", "q", "--energy", "e_j", "--alpha", "0:40:10")
    assert "more (--json)" in uj(*arguments).out
    assert len(uj(*arguments, "--json").fields["flips"]) > 20


@pytest.mark.parametrize(
    ("table", "arguments", "sentence"),
    [
        (None, "", "error: bad.csv: No such file or directory"),
        ("", "", "has no model"),
        ("model,q,e\n", "", "has no model"),
        ("model,q,q\na,1,1\n", "", "two columns called 'q'"),
        ("model,q,e\na,.9,1\na,.9,1\n", "", "two models called 'a'"),
        ("model,q,e\na,.9\n", "", "line 2 has 2 cells, the line of names 3"),
        ("model,q,e\na,,1\n", "", "a has no q: fill the cell"),
        ("model,q,e\na,x,1\n", "", "q of a is 'x': pass a number"),
        ("model,q,e\na,92,1\n", "", "a: accuracy is 92: pass the accuracy as a fraction"),
        ("model,q,e\na,.9,0\n", "", "a: energy_j is 0: pass the energy in joules"),
        ("model,q,e\na,1,1\n", "", "--tested n"),
        ("model,q,e\na,-.5,1\n", "--kind r2", "pass an R² from 0 to 1"),
        ("model,q,e_j\na,.9,1\n", "", "has no column 'e': it has model, q, e_j"),
        ("model,qq,e\na,.9,1\n", "", "did you mean qq?"),
        ("model,q,e\na,.9,1\n", "--alpha 3:0", "pass 0:3"),
        ("model,q,e\na,.9,1\n", "--alpha 0:1e9", "at most 100 of them"),
        ("model,q,e\na,.9,1\n", "--alpha nan", "0 or more"),
        ("model,q,e\na,.9,1\n", "--alpha 1:nan", "pass 0:3"),
        ("model,q,e\na,.9,1\n", "--metric edp", "a has no duration_s, which edp needs"),
        ("model,q,e\na,.9,1\n", "--metric epd", "no metric is called 'epd'"),
        ("model,q,e\na,.9,1\n", "--reference 1", "pass the worst quality and energy"),
        ("model,q,e\na,.9,1\n", "--name who", "has no column 'who': it has model, q, e"),
        ("model,q,e\na,.9,1\n", "--plot x.gif", "ends in .svg or .png"),
        ("model,q,e\n\xff,.9,1\n", "", "is no CSV file in UTF-8"),
    ],
)
def test_bad_tables_are_sentences(
    uj: Uj, tmp_path: Path, table: str | None, arguments: str, sentence: str
) -> None:
    if table is not None:
        (tmp_path / "bad.csv").write_bytes(table.encode("latin-1"))
    said = uj("rank", "bad.csv", "--quality", "q", "--energy", "e", *arguments.split())
    assert said.status == 2
    assert said.out == ""
    assert sentence in said.err


class TestLabel:
    @pytest.fixture(autouse=True)
    def table(self, tmp_path: Path) -> None:
        (tmp_path / "a100.csv").write_text(
            "model,inference_energy,inference_time,parameters,top1,flop\n"
            "ResNet101,0.859,1.579,44707176,0.718,7.8e9\n"
            "MobileNet,0.673,1.369,5330571,0.681,3e8\n"
            "Odd,0.859,,44707176,0.718,7.8e9\n"
        )

    def test_letters(self, uj: Uj) -> None:
        said = uj("label", "a100.csv", "--reference", "ResNet101")
        rows = {line.split()[0]: line.split() for line in said.out.splitlines()[1:4]}
        assert rows["MobileNet"][1:3] == ["B", "B"]
        assert "Beside ResNet101" in said.out
        assert "flop" not in said.out
        assert "E (missing)" in said.out

    def test_json(self, uj: Uj) -> None:
        fields = uj("label", "a100.csv", "--reference", "ResNet101", "--json").fields
        mobile = fields["models"]["MobileNet"]
        assert mobile["label"] == "B"
        assert [a["letter"] for a in mobile["axes"].values()] == ["B", "B", "B", "D"]
        assert mobile["probabilities"]["B"] == 1
        assert fields["models"]["Odd"]["axes"]["inference_time"]["letter"] == "E"

    def test_own_axes(self, uj: Uj, tmp_path: Path) -> None:
        (tmp_path / "axes.json").write_text('{"flop": {"boundaries": [1.5, 1.2, 0.95, 0.85]}}')
        said = uj("label", "a100.csv", "--reference", "ResNet101", "--axes", "axes.json", "--json")
        axes = said.fields["models"]["MobileNet"]["axes"]
        assert (axes["flop"]["letter"], axes["flop"]["weight"]) == ("A", 0.2)

    def test_stars(self, uj: Uj) -> None:
        said = uj("label", "models.csv", "--stars", "inference_j")
        assert "A      ★★★★★" in said.out
        assert "not the AI Energy Score" in said.out
        fields = uj("label", "models.csv", "--stars", "inference_j", "--json").fields
        assert fields["models"]["D"]["stars"] == 1
        assert sum(fields["models"]["C"]["probabilities"]) == pytest.approx(1)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ("", "there is no reference model: pass --reference"),
            ("--reference X", "has no model 'X' to refer to: pass one of ResNet101"),
            ("--reference Odd", "Odd has no inference_time: fill the cell"),
            ("--reference ResNet101 --axes models.csv", "holds no axes: pass JSON"),
            ("--stars no", "has no column 'no'"),
        ],
    )
    def test_bad_input(self, uj: Uj, arguments: str, sentence: str) -> None:
        said = uj("label", "a100.csv", *arguments.split())
        assert said.status == 2
        assert sentence in said.err

    def test_a_table_without_axes(self, uj: Uj) -> None:
        said = uj("label", "models.csv", "--reference", "A")
        assert said.status == 2
        assert "has no column to rate: call them parameters" in said.err
