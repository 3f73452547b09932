"""The page of a comparison: what it says without scripts, and its data."""

from __future__ import annotations

import re

from helpers.reports import HELD_OUT, chance, compared, entry
from textgen.defaults import SWEEP
from textgen.reports.bench_report import bench_report
from textgen.reports.columns import curves_csv, scores_csv
from textgen.reports.html import to_html
from textgen.results.details import Details
from textgen.runtime.storage.json_records import from_values


def page(*entries: dict[str, object]) -> str:
    result = compared(*entries)
    of_entries = [
        {
            "name": name,
            "settings": {"tokenizer": "char", "model": "lstm", "model.num_layers": str(place)},
            "reading": None,
            "writing": [{"sampler": spec, "metrics": {**HELD_OUT, "distinct_2": 0.5}} for spec in SWEEP],
            "samples": [],
        }
        for place, name in enumerate(dict.fromkeys(row.name for row in result.entries))
    ]
    details = from_values(Details, {"passages": [], "entries": of_entries})
    return to_html(bench_report(result, details))


def test_what_pure_chance_writes_is_folded() -> None:
    text = page(entry("good", 1.7), chance("random", 6.2288)).partition('<script type="application/json"')[0]
    shown, _, folded = text.partition("Samples of pure chance")
    samples = shown.partition('id="samples-static"')[2]
    assert "good</h4>" in samples
    assert "random</h4>" not in samples
    assert "random</h4>" in folded


def test_every_table_and_sample_is_there_without_scripts() -> None:
    text = page(entry("good", 1.7), entry("bad", 2.1)).partition('<script type="application/json"')[0]
    for title in ("Scores", "Where the bits go", "Generated text", "Speed and size", "Learning curves"):
        assert f'aria-label="{title}"' in text
    charts = re.findall(r'<svg class="chart" [^>]*aria-label="([^"]+)"', text)
    assert len(charts) == 3
    assert text.count('<svg class="chart cell"') == 1 + 2 + 3  # the axis, entries and references
    assert "the town was founded in 1867" in text
    assert "textgen bench char-lstm" in text


def test_only_settings_that_differ_are_shown() -> None:
    text = page(entry("good", 1.7), entry("bad", 2.1))
    table = text.partition('id="settings"')[2].partition("</section>")[0]
    assert "model.num_layers" in table
    assert "tokenizer" not in table
    assert re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', table) == ["setting", "good", "bad"]


def test_a_comparison_without_a_rank_has_a_page() -> None:
    result = compared({"name": "bad", "seed": 0, "error": "it <b>failed</b>"})
    text = to_html(bench_report(result))
    assert "No entry has a score that can be ranked." in text
    assert "it &lt;b&gt;failed&lt;/b&gt;" in text


def test_csv_has_a_line_for_each_run_and_each_point() -> None:
    result = compared(entry("good, fast", 1.7), entry("bad", 2.1), {"name": "ugly", "seed": 0, "error": "no"})
    lines = scores_csv(result).text().splitlines()
    assert lines[0].startswith("entry,seed,kind,bits_per_char")
    assert lines[1].startswith('"good, fast",0,entry,1.7,')
    assert lines[3].startswith("uniform,,reference,6.2288,")
    assert lines[-1].startswith("ugly,0,")
    assert lines[-1].endswith(",no")
    assert len(curves_csv(result).text().splitlines()) == 1 + 2 * 20
