"""Tables and charts of what benchmarks found."""

import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from . import support

from lib import bench_chart, bench_report
from lib.console import ScriptError

SVG = "{http://www.w3.org/2000/svg}"


def line(name, value, unit="x", goal=None, holds=True, spread=0.0):
    return {"name": name, "value": value, "unit": unit, "min": value - spread, "max": value + spread, "goal": goal, "holds": holds, "ratios": {}}


LINES = [
    line("scoring.tree.record", 135.0, "ns/record", spread=10.0),
    line("scoring.tree.to-jpmml", 10.8, goal=">= 12", holds=False),
    line("scoring.forest.record", 1055.0, "ns/record"),
    line("scoring.forest.to-jpmml", 104.0, goal=">= 60", spread=4.0),
    line("scoring.forest.to-onnxruntime-batch-64", 0.87),
]


class TableTest(unittest.TestCase):
    def test_models_are_columns(self):
        self.assertEqual(
            [
                "|  | tree | forest |",
                "| --- | --- | --- |",
                "| record, ns/record | 135.0 (125.0..145.0) | 1055 |",
                "| to-jpmml, x | **10.8 < 12** | 104.0 (100.0..108.0) ≥ 60 |",
                "| to-onnxruntime-batch-64, x |  | 0.87 |",
            ],
            bench_report.document_table(LINES).splitlines(),
        )

    def test_a_benchmark_without_models_has_one_column(self):
        lines = [line("boundary.record", 77.5, "ns/record", goal="<= 80"), line("boundary.batch-64", 99.0, "ns/record", goal="<= 80", holds=False)]
        table = bench_report.document_table(lines)
        self.assertEqual("|  | value |", table.splitlines()[0])
        self.assertIn("| record, ns/record | 77.5 ≤ 80 |", table)
        self.assertIn("| batch-64, ns/record | **99.0 > 80** |", table)

    def test_what_follows_the_variant_stays_together(self):
        lines = [line("pipeline.keyed.serving.busiest-task", 205.0, "ns/record")]
        self.assertIn("| serving.busiest-task, ns/record | 205.0 |", bench_report.document_table(lines))

    def test_terminal_table_names_what_is_missed(self):
        shown = {row.split("|")[1].strip(): row for row in bench_report.terminal_table(LINES).splitlines()}
        self.assertIn("NO", shown["scoring.tree.to-jpmml"])
        self.assertIn("yes", shown["scoring.forest.to-jpmml"])


class DocumentTest(unittest.TestCase):
    def setUp(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.document = folder / "benchmarks.md"
        self.run_ = bench_report.Run("scoring", 11, 0.1, 1.2, "models of a test")

    def sections(self, *names):
        marked = (f"<!-- bench {name}: written by scripts/bench --write-docs -->\nold {name}\n<!-- end of bench {name} -->\n" for name in names)
        self.document.write_text("before\n" + "between\n".join(marked) + "after\n", encoding="utf-8")

    def test_only_the_section_of_the_benchmark_changes(self):
        self.sections("scoring", "tensors")
        written = bench_report.write(self.run_, LINES, self.document)
        text = self.document.read_text(encoding="utf-8")
        self.assertEqual(["benchmarks-scoring.svg", "benchmarks.md"], [file.name for file in written])
        self.assertNotIn("old scoring", text)
        for kept in ("before\n", "between\n", "old tensors", "after\n", "(benchmarks-scoring.svg)", "11 rounds; load 0.1 before, 1.2 after; models of a test."):
            self.assertIn(kept, text)

    def test_writing_again_changes_nothing(self):
        self.sections("scoring")
        bench_report.write(self.run_, LINES, self.document)
        once = self.document.read_bytes()
        bench_report.write(self.run_, LINES, self.document)
        self.assertEqual(once, self.document.read_bytes())

    def test_a_document_without_the_section_is_refused(self):
        self.sections("tensors")
        before = self.document.read_bytes()
        with self.assertRaisesRegex(ScriptError, "bench scoring"):
            bench_report.write(self.run_, LINES, self.document)
        self.assertEqual(before, self.document.read_bytes())

    def test_the_real_document_has_a_section_for_every_benchmark(self):
        listed = subprocess.run([sys.executable, support.SCRIPTS / "bench", "--list"], capture_output=True, text=True, check=True).stdout
        text = bench_report.DOCUMENT.read_text(encoding="utf-8")
        for name in (row.split()[0] for row in listed.splitlines()):
            self.assertIn(f"\nNEW {name}\n", bench_report.replaced(text, name, f"NEW {name}"))


class ChartTest(unittest.TestCase):
    def setUp(self):
        self.root = ElementTree.fromstring(bench_chart.draw("scoring", LINES))

    def marks(self, tag, kind):
        return [element for element in self.root.iter(SVG + tag) if element.get("class") == kind]

    def test_a_bar_for_each_ratio_and_a_mark_for_each_goal(self):
        self.assertEqual(2, len(self.marks("rect", "bar")))
        self.assertEqual(1, len(self.marks("rect", "missed")))
        self.assertEqual(2, len(self.marks("line", "goal")))
        texts = [element.text for element in self.root.iter(SVG + "text")]
        self.assertIn("10.8x (goal 12x)", texts)
        self.assertIn("104x", texts)

    def test_the_scale_is_logarithmic_and_starts_at_one(self):
        (one,) = self.marks("line", "one")
        one = float(one.get("x1"))
        missed, (held, slower) = self.marks("rect", "missed")[0], self.marks("rect", "bar")
        self.assertEqual(one, float(missed.get("x")))
        self.assertAlmostEqual(float(held.get("width")) / float(missed.get("width")), 1.952, places=2)  # log 104 / log 10.8
        # Slower than the peer: to the left.
        self.assertAlmostEqual(one, float(slower.get("x")) + float(slower.get("width")), places=1)

    def test_everything_is_within_the_picture(self):
        width, height = float(self.root.get("width")), float(self.root.get("height"))
        for element in self.root.iter():
            for key, most in (("x", width), ("x1", width), ("y", height), ("y2", height)):
                if element.get(key):
                    self.assertTrue(0 <= float(element.get(key)) <= most, ElementTree.tostring(element))

    def test_no_ratios_no_chart(self):
        self.assertIsNone(bench_chart.draw("boundary", [line("boundary.record", 77.5, "ns/record")]))


class OptionsTest(unittest.TestCase):
    def test_a_quick_run_is_not_written_to_the_documentation(self):
        done = subprocess.run([sys.executable, support.SCRIPTS / "bench", "boundary", "--quick", "--write-docs"], capture_output=True, text=True)
        self.assertEqual(2, done.returncode)
        self.assertIn("--quick", done.stderr)


if __name__ == "__main__":
    unittest.main()
