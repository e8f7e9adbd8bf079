"""Whatever arrives: a typed error that says what and where, one for each message, while the job runs on and scores the good records around it."""

import math
import unittest
from collections import Counter
from typing import Any, Dict, Optional

from lib.console import ScriptError

from . import pmml, services, wire
from .serving import ROW, EndToEndTest, Json, Serving

# Small, so that what is too large is still quickly sent.
MAX_RECORD = 16 << 10
MAX_MODEL = 1 << 20
NOT_SERVED, UNREADABLE, REJECTED = "recordsNotServed", "recordsUnreadable", "modelsRejected"
# Whatever made a record fail but the want of a model.
OF_RECORDS = "records that failed"
OPTIONS = ["--model-serving.max-record-size", f"{MAX_RECORD}b", "--model-serving.max-model-size", f"{MAX_MODEL}b"]


def kind_of(error: Json) -> str:
    if error["code"] in ("NO_MODEL", "MODEL_SUSPENDED"):
        return NOT_SERVED
    return OF_RECORDS if error["code"].startswith(("RECORD", "FIELD", "DATA_TYPE", "SCORING")) else REJECTED


class _BadInput:
    join: str
    serving: Serving

    @classmethod
    def setUpClass(cls):
        cls.serving = Serving(cls.join, services.cluster(), OPTIONS).submit()
        cls.addClassCleanup(cls.serving.stop)
        cls.serving.say(wire.model("good", pmml.constant(5.0), "1", "good"))
        cls.serving.await_model("good", "1", "good")

    def tearDown(self):
        """After each kind of bad input good records are still scored, in every subtask, by the same run of the job."""
        self.assertEqual([each["outputs"] for each in self.serving.probe("good")], [{"quality": 5.0}] * 2)
        self.assert_never_restarted(self.serving)

    def assert_error(self, answer: Json, code: str, *parts: str) -> None:
        self.assertEqual(answer.get("code"), code, answer)
        for part in parts:
            self.assertIn(part, answer["message"])

    def ask(self, key: str, value: Optional[bytes]) -> Json:
        """What one message on the topic of records leaves; it must be one error or one result."""
        errors, results = len(self.serving.errors), len(self.serving.results)
        answer = self.serving.ask({key: value})[key]
        self.serving.answers.poll()
        more = [each for each in self.serving.errors[errors:] + self.serving.results[results:] if each["record_id"] == key]
        self.assertEqual(len(more), 1, more)
        return answer

    def refuse(self, message: Optional[bytes], code: str, *parts: str, **fields: str) -> Json:
        """What one message on the topic of models leaves: exactly one error, also with several subtasks."""
        errors = len(self.serving.errors)
        self.serving.say(message)
        error = self.serving.await_error(code, after=errors)
        # Whatever the first error of a message is followed by would come before what these leave.
        self.serving.probe("nobody")
        own = [each for each in self.serving.errors[errors:] if each["code"] != "NO_MODEL"]
        self.assertEqual(len(own), 1, own)
        self.assert_error(error, code, *parts)
        self.assertEqual({name: error[name] for name in fields}, fields)
        return error

    # Records

    def test_record_that_ends_in_the_middle_of_a_field(self):
        whole = wire.wine(ROW, "good")
        # After the data type a double that has 3 of its 8 bytes.
        self.assert_error(self.ask("cut-number", wire.text(wire.DATA_TYPE, "good") + wire.double(1, 7.4)[:4]), "RECORD_UNREADABLE", "byte 10")
        # Within the data type itself.
        self.assert_error(self.ask("cut-type", whole[:-2]), "RECORD_UNREADABLE")

    def test_record_that_is_not_protobuf(self):
        self.assert_error(self.ask("text", b"7.4;0.7;0;1.9;0.076;11;34;0.9978;3.51;0.56;9.4;5"), "RECORD_UNREADABLE")
        self.assert_error(self.ask("bytes", b"\xff" * 100), "RECORD_UNREADABLE")

    def test_field_of_another_wire_type(self):
        answer = self.ask("other-type", wire.text(wire.DATA_TYPE, "good") + wire.text(11, "strong"))
        self.assert_error(answer, "RECORD_UNREADABLE", "field 11")

    def test_empty_record(self):
        """No bytes are a WineRecord that has no data type; no value is not even that."""
        self.assert_error(self.ask("empty", b""), "DATA_TYPE_MISSING")
        self.assert_error(self.ask("tombstone", None), "RECORD_UNREADABLE", "no value")

    def test_record_without_data_type(self):
        self.assert_error(self.ask("untyped", wire.wine(ROW, None)), "DATA_TYPE_MISSING")
        self.assert_error(self.ask("empty-type", wire.wine(ROW, "")), "DATA_TYPE_MISSING")

    def test_record_of_an_unknown_data_type(self):
        answer = self.ask("cheese", wire.wine(ROW, "cheese"))
        self.assert_error(answer, "NO_MODEL", "cheese")
        self.assertEqual(answer["data_type"], "cheese")

    def test_oversized_record(self):
        filling = wire.text(99, b"x" * MAX_RECORD)
        answer = self.ask("large", wire.wine(ROW, "good") + filling)
        self.assert_error(answer, "RECORD_TOO_LARGE", "model-serving.max-record-size", str(MAX_RECORD))
        # Fields that the record's type does not have are no error in themselves.
        small = self.ask("unknown-field", wire.wine(ROW, "good") + wire.text(99, b"x" * 100))
        self.assertEqual(small.get("outputs"), {"quality": 5.0})

    def test_record_far_beyond_what_kafka_usually_takes(self):
        answer = self.ask("huge", wire.wine(ROW, "good") + wire.text(99, b"x" * (8 << 20)))
        self.assert_error(answer, "RECORD_TOO_LARGE")
        self.assertLessEqual(answer["input_bytes"], 64 << 10)

    def test_records_before_any_model(self):
        data_type = "early"
        answers = self.serving.ask({f"early-{at}": wire.wine(ROW, data_type) for at in range(100)})
        self.assertEqual({answer.get("code") for answer in answers.values()}, {"NO_MODEL"})
        self.serving.say(wire.model("late", pmml.constant(6.0), "1", data_type))
        self.serving.await_model("late", "1", data_type)

    def test_value_that_is_not_a_number(self):
        """PMML: NaN is a missing value; the mining schema says what becomes of it."""
        cases: Dict[str, Any] = {"": None, "returnInvalid": "FIELD"}
        for treatment, expected in cases.items():
            with self.subTest(treatment=treatment):
                data_type = f"nan-{treatment}"
                self.serving.say(wire.model(data_type, pmml.linear(1.0, {"alcohol": 0.5}, treatment or None), "1", data_type))
                self.serving.await_model(data_type, "1", data_type)
                values = dict(zip(wire.FIELDS, ROW))
                answer = self.ask(f"{data_type}-record", wire.wine({**values, "alcohol": math.nan}, data_type))
                if expected is None:
                    # A regression with a missing term has a missing result, which is a result.
                    self.assertEqual(answer.get("outputs"), {"quality": None}, answer)
                else:
                    self.assertIn(answer.get("code"), ("FIELD_MISSING", "FIELD_INVALID"), answer)
                    self.assertIn("alcohol", answer["message"])
                    self.assertEqual((answer["model"], answer["version"]), (data_type, "1"))
                good = self.ask(f"{data_type}-good", wire.wine({**values, "alcohol": 10.0}, data_type))
                self.assertEqual(good.get("outputs"), {"quality": 6.0})

    def test_absent_field_is_zero(self):
        """A proto3 field without presence that is not there is 0 and nothing else: it can't be missing."""
        self.serving.say(wire.model("absent", pmml.linear(1.0, {"alcohol": 0.5}), "1", "absent"))
        self.serving.await_model("absent", "1", "absent")
        self.assertEqual(self.ask("absent-alcohol", wire.wine({"pH": 3.0}, "absent")).get("outputs"), {"quality": 1.0})

    # Models

    def test_model_message_that_is_not_protobuf(self):
        self.refuse(b"<PMML/>", "DESCRIPTOR_UNREADABLE", "ModelDescriptor")
        self.refuse(wire.model("cut", pmml.constant(1.0), "1", "refused")[:-40], "DESCRIPTOR_UNREADABLE")
        self.refuse(None, "DESCRIPTOR_UNREADABLE", "no value")

    def test_model_message_that_says_too_little(self):
        self.refuse(b"", "DESCRIPTOR_INVALID")
        self.refuse(wire.model("", pmml.constant(1.0), "1", "refused"), "DESCRIPTOR_INVALID", "name")
        self.refuse(wire.model("m", pmml.constant(1.0), "1", ""), "DESCRIPTOR_INVALID", "data type")

    def test_oversized_model(self):
        model = pmml.constant(1.0)
        padding = b"<!--" + b"x" * MAX_MODEL + b"-->"
        self.refuse(wire.model("large", model + padding, "1", "refused"), "MODEL_TOO_LARGE", "model-serving.max-model-size")
        # Beyond what is read as a descriptor at all.
        self.refuse(wire.model("huge", model + 9 * padding, "1", "refused"), "MODEL_TOO_LARGE", "model-serving.max-model-size")

    def test_unknown_model_type(self):
        self.refuse(wire.model("odd", b"?", "1", "refused", 77), "MODEL_TYPE_UNKNOWN", "77", model="odd", version="1", data_type="refused")

    def test_model_type_that_is_not_built(self):
        self.refuse(wire.model("pfa", b"{}", "1", "refused", wire.PFA), "MODEL_TYPE_UNSUPPORTED", "PFA", model="pfa")

    def test_model_that_does_not_parse(self):
        """The error names the line, and the data type says why nothing serves it."""
        for version, (good, bad) in enumerate({"</MiningSchema>": "</MiningSchem>", "<RegressionTable ": "<RegressionTable <"}.items()):
            lines = pmml.constant(1.0).decode().split("\n")
            at = next(number for number, line in enumerate(lines) if good in line)
            lines[at] = lines[at].replace(good, bad)
            with self.subTest(line=lines[at]):
                message = wire.model("broken", "\n".join(lines).encode(), str(version), "broken")
                self.refuse(message, "MODEL_UNPARSABLE", f"line {at + 1}", model="broken", version=str(version))
        self.assert_error(self.ask("of-broken", wire.wine(ROW, "broken")), "NO_MODEL", "MODEL_UNPARSABLE")
        self.refuse(wire.model("graph", b"no graph", "1", "broken", wire.TENSORFLOW), "MODEL_UNPARSABLE", model="graph")

    def test_model_that_contradicts_its_specification(self):
        document = pmml.constant(1.0).replace(b'coefficient="0.0"', b'coefficient="much"')
        self.refuse(wire.model("invalid", document, "1", "refused"), "MODEL_INVALID", "line 14", "coefficient", "much", model="invalid")

    def test_model_with_an_entity(self):
        text = pmml.constant(1.0).decode().replace("<PMML", '<!DOCTYPE PMML [<!ENTITY x "y">]>\n<PMML', 1)
        self.refuse(wire.model("entity", text.encode(), "1", "refused"), "MODEL_UNPARSABLE", "line 2", "DOCTYPE")

    def test_model_that_needs_a_field_that_records_lack(self):
        model = pmml.linear(1.0, {"alcohol": 1.0, "vineyard": 2.0})
        self.refuse(wire.model("unbound", model, "1", "refused"), "BINDING_FAILED", "vineyard", model="unbound", version="1")

    def test_refused_model_leaves_the_one_that_serves(self):
        data_type = "steady"
        self.serving.say(wire.model("steady", pmml.constant(4.0), "1", data_type))
        self.serving.await_model("steady", "1", data_type)
        self.refuse(wire.model("steady", b"<PMML", "2", data_type), "MODEL_UNPARSABLE", model="steady", version="2")
        self.assertEqual([(each["version"], each["outputs"]) for each in self.serving.probe(data_type)], [("1", {"quality": 4.0})] * 2)

    def test_same_version_with_other_content(self):
        data_type = "conflict"
        first = wire.model("conflict", pmml.constant(1.0), "1", data_type)
        self.serving.say(first)
        self.serving.await_model("conflict", "1", data_type)
        self.refuse(wire.model("conflict", pmml.constant(2.0), "1", data_type), "VERSION_CONFLICT", model="conflict", version="1")
        # The same content again is no conflict; a refusal of it would come before the next one's.
        self.serving.say(first)
        self.refuse(wire.model("conflict", pmml.constant(3.0), "1", data_type), "VERSION_CONFLICT")
        self.assertEqual([each["outputs"] for each in self.serving.probe(data_type)], [{"quality": 1.0}] * 2)

    def test_content_with_another_digest(self):
        message = wire.model("digest", pmml.constant(1.0), "1", "refused", sha256=bytes(32))
        self.refuse(message, "DIGEST_MISMATCH", model="digest")

    def test_commands_about_nothing(self):
        for action in (wire.REMOVE, wire.SUSPEND, wire.RESUME, wire.ROLLBACK):
            with self.subTest(action=action):
                self.refuse(wire.command(action, "nothing", "nothing"), "NO_SUCH_MODEL", "nothing", model="nothing")
        self.refuse(wire.command(wire.ROLLBACK, "good", "good"), "NO_SUCH_MODEL", model="good")
        self.refuse(wire.command(wire.SUSPEND, "bad", "good"), "NO_SUCH_MODEL", model="bad")

    def test_suspended_model(self):
        data_type, serving = "pausing", self.serving
        serving.say(wire.model("pausing", pmml.constant(3.0), "1", data_type))
        serving.await_model("pausing", "1", data_type)
        serving.say(wire.command(wire.SUSPEND, "pausing", data_type))
        serving.probe_until(lambda answer: answer.get("code") == "MODEL_SUSPENDED", "suspension", data_type)
        self.assert_error(self.ask("while-suspended", wire.wine(ROW, data_type)), "MODEL_SUSPENDED", "pausing")
        serving.say(wire.command(wire.RESUME, "pausing", data_type))
        serving.await_model("pausing", "1", data_type)

    def test_removed_model(self):
        data_type, serving = "leaving", self.serving
        serving.say(wire.model("leaving", pmml.constant(3.0), "1", data_type))
        serving.await_model("leaving", "1", data_type)
        serving.say(wire.command(wire.REMOVE, "leaving", data_type))
        serving.probe_until(lambda answer: answer.get("code") == "NO_MODEL", "removal", data_type)
        self.refuse(wire.command(wire.ROLLBACK, "leaving", data_type), "NO_SUCH_MODEL")

    def test_errors_are_counted(self):
        """The job's metrics count each error that is in the topic: as not served, as unreadable, as a record that its model failed on, or as a refused model."""
        serving = self.serving
        serving.ask({f"uncounted-{at}": wire.wine(ROW, "uncounted") for at in range(7)})
        serving.ask({f"untyped-{at}": wire.wine(ROW, None) for at in range(5)})
        self.ask("uncounted-large", wire.wine(ROW, "good") + wire.text(99, b"x" * MAX_RECORD))
        self.refuse(wire.model("counted", b"<PMML", "1", "refused"), "MODEL_UNPARSABLE")
        self.refuse(b"<PMML/>", "DESCRIPTOR_UNREADABLE")
        reported = Counter(map(kind_of, serving.errors))
        # What is refused before the join has the identity of its message. With the flat join every subtask refuses all else, and one of them reports it.
        early = sum(bool(each["record_id"]) and kind_of(each) == REJECTED for each in serving.errors)
        refused = early + (reported[REJECTED] - early) * (1 if self.join == "keyed" else 2)
        self.assertGreater(min(reported.values()), 0)
        expected = {NOT_SERVED: reported[NOT_SERVED], OF_RECORDS: reported[OF_RECORDS], REJECTED: refused}
        try:
            serving.answers.wait(lambda: self.counted() == expected, f"metrics that say {expected}", 20)
        except ScriptError:
            self.assertEqual(self.counted(), expected)

    def counted(self) -> Dict[str, int]:
        """What the counters of all tasks and subtasks add up to."""
        kinds = {NOT_SERVED: NOT_SERVED, UNREADABLE: OF_RECORDS, "errors": OF_RECORDS, REJECTED: REJECTED}
        rest, job = self.serving.flink.rest, self.serving.job
        sums = dict.fromkeys(kinds.values(), 0)
        for vertex in rest.vertices(job).values():
            names = [name for name in rest.vertex_metric_names(job, vertex) if ".modelServing." in name and name.rsplit(".", 1)[-1] in kinds]
            if names:
                for name, value in rest.vertex_metrics(job, vertex, names).items():
                    sums[kinds[name.rsplit(".", 1)[-1]]] += int(value)
        return sums


class KeyedBadInputTest(_BadInput, EndToEndTest):
    join = "keyed"


class FlatBadInputTest(_BadInput, EndToEndTest):
    join = "flat"


if __name__ == "__main__":
    unittest.main()
