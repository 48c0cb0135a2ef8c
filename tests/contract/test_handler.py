# SPDX-License-Identifier: AGPL-3.0-or-later
"""The handler against TorchServe's real context, from the extracted archive alone."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from evaluation.mosaics import own_sheets
from roomdet.geometry import iou_matrix
from tests.builders import encode
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.s3_servers import Script, serve_badly, serve_moto

if TYPE_CHECKING:
    from pathlib import Path

# Loads the handler as TorchServe's worker does, answers the batches given on standard input, and
# prints what came out: bodies, statuses, content types, the seconds of each batch, the most files
# that were being read at a time, the modules that were imported, and what was logged and measured.
# What hinders a batch stands beside its rows: a reading above fail_above_px fails, one above
# slow_above_px takes too long, and batch_s is all the time that there is.
DRIVER = """
import base64, json, logging, os, sys, threading, time
import sitecustomize
import yaml
import roomdet.errors
sitecustomize.leave_out(sys.modules)
from ts.context import Context, RequestProcessor
from ts.model_loader import TsModelLoader
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

folder, settings = sys.argv[1], json.loads(sys.argv[2])
log, measured = [], {}
class Keep(logging.Handler):
    def emit(self, record):
        text = record.getMessage()
        if hasattr(record, "fields"):
            log.append(record.fields)
        elif text.startswith("[METRICS]roomdet_"):
            name, _, value = text.removeprefix("[METRICS]").partition("|")[0].partition(":")
            measured.setdefault(name.partition(".")[0], []).append(float(value))
logging.basicConfig(level=logging.INFO, handlers=[Keep()])
import ts
metrics = MetricsCacheYamlImpl(ts.__path__[0] + "/configs/metrics.yaml")
service = TsModelLoader().load("rooms", folder, "room_handler.py", None, 4, None, True, metrics)
context = service.context
context.model_yaml_config = yaml.safe_load(open(folder + "/model-config.yaml"))
context.model_yaml_config["roomdet"] |= settings
service._initialize_fn = None
handler = service._entry_point.__self__
handler.initialize(context)

module, far, hindered = sys.modules[type(handler).__module__], 10**6, {}
batch_s = module.BATCH_S
pages, reading, at_once = handler._pages, set(), [0]
read_page = pages.read_page
def slowly(*args, **options):
    if options["side_px"] > hindered.get("fail_above_px", far):
        raise OSError("the file is gone")
    if options["side_px"] > hindered.get("slow_above_px", far):
        assert 0 < options["most_s"] < 8  # of page_seconds, less what the first took
        raise roomdet.errors.PageTooSlow("10 s")
    reading.add(threading.get_ident())
    at_once.append(len(reading))
    time.sleep(0.05)
    try:
        return read_page(*args, **options)
    finally:
        reading.remove(threading.get_ident())
pages.read_page = slowly

answers, seconds = [], []
for hindered in json.load(sys.stdin):
    batch = hindered["rows"]
    module.BATCH_S = hindered.get("batch_s", batch_s)
    rows = [
        {k: base64.b64decode(v["bytes"]) if isinstance(v, dict) and "bytes" in v else v
         for k, v in row["parts"].items()}
        for row in batch
    ]
    context.request_ids = {i: f"id-{i}" for i in range(len(rows))}
    context.request_processor = [RequestProcessor(row["headers"]) for row in batch]
    started_s = time.monotonic()
    bodies = handler.handle(rows, context)
    seconds.append(time.monotonic() - started_s)
    answers.append([
        {"body": json.loads(body), "status": context.get_response_status(i)[0],
         "type": context.get_response_content_type(i)}
        for i, body in enumerate(bodies)
    ])
print("RESULT" + json.dumps({
    "answers": answers, "seconds": seconds, "at_once": max(at_once), "modules": sorted(sys.modules),
    "log": log, "metrics": measured
}))
"""


SAMPLE_NAMES = sorted(
    ["Kitchen", "Utility", "Bath", "WC", "Entry", "Storage", "Hall", "Living room"]
    + [f"Bedroom {number}" for number in (1, 2, 3)]
)


def part(data: bytes) -> dict[str, str]:
    """A binary body part for the driver."""
    return {"bytes": base64.b64encode(data).decode()}


def row(parts: dict[str, Any], **headers: str) -> dict[str, Any]:
    """A row for the driver."""
    return {"parts": parts, "headers": {k.replace("_", "-"): v for k, v in headers.items()}}


def batch(*rows: dict[str, Any], **hindrance: float) -> dict[str, Any]:
    """A batch for the driver, and what hinders it."""
    return {"rows": rows, **hindrance}


def run_handler(folder: Path, batches: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """Answer batches in a fresh process that sees no source but the extracted archive."""
    process = subprocess.run(
        ["env", "-u", "PYTHONPATH", f"PYTHONPATH={folder}", sys.executable, "-c",
         textwrap.dedent(DRIVER), str(folder), json.dumps(settings)],
        input=json.dumps(batches), capture_output=True, text=True, check=False, cwd=folder,
        timeout=120,
    )  # fmt: skip
    _, marker, result = process.stdout.rpartition("RESULT")
    assert marker, process.stdout + process.stderr
    document: dict[str, Any] = json.loads(result)
    return document


@pytest.fixture(scope="session")
def extracted(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as TorchServe lays it out before it starts a worker."""
    folder = tmp_path_factory.mktemp("extracted")
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def outcome(extracted: Path) -> dict[str, Any]:
    """One run of the handler over a mixed batch and an empty one."""
    plan = SAMPLE_PNG.read_bytes()
    mixed = batch(
        row({"body": part(plan)}),
        row({"body": part(b"hello")}),
        row({"body": {"image": base64.b64encode(plan).decode(), "confidence": 0.9}}),
        row({"body": part(SAMPLE_PDF.read_bytes())}, x_amzn_sagemaker_custom_attributes="page=2"),
        row({"body": part(plan)}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="max_rooms=2"),
        row({"body": {"image_url": "s3://bucket/plans/a.png"}}),
    )
    return run_handler(extracted, [mixed, batch()])


def test_a_batch_is_answered_row_by_row(outcome: dict[str, Any]) -> None:
    """Good and bad rows get their own status, in order."""
    assert [200, 400, 200, 400, 200, 400] == [answer["status"] for answer in outcome["answers"][0]]


def test_an_empty_batch_has_no_answers(outcome: dict[str, Any]) -> None:
    """Nothing in, nothing out."""
    assert outcome["answers"][1] == []


def test_every_answer_is_json(outcome: dict[str, Any]) -> None:
    """Errors too."""
    assert {"application/json"} == {answer["type"] for answer in outcome["answers"][0]}


def test_errors_have_their_code(outcome: dict[str, Any]) -> None:
    """A text and a page that is not there."""
    text, page = outcome["answers"][0][1]["body"], outcome["answers"][0][3]["body"]

    assert (text["error"], page["error"]) == ("invalid_file_format", "validation_error")
    assert page["details"] == {"page": 2, "page_count": 1}


@pytest.fixture(scope="session")
def described(extracted: Path) -> dict[str, Any]:
    """One run over the sample plan, as document and as picture, with and without names."""
    document, picture = SAMPLE_PDF.read_bytes(), SAMPLE_PNG.read_bytes()
    rows = batch(
        row({"body": part(document)}),
        row({"body": part(document)}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="include=name"),
        row({"body": {"image": base64.b64encode(document).decode(), "include": ["name"]}}),
        row({"body": part(picture)}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="include=name"),
        row({"body": part(b"hello")}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="include=name"),
        row(
            {"body": part(document)},
            X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="include=polygon,area;scale=1:100",
        ),
    )
    return run_handler(extracted, [rows])


def test_names_come_only_where_they_are_asked_for(described: dict[str, Any]) -> None:
    """By header and by JSON; boxes and confidences do not depend on it."""
    plain, by_header, by_json, *_ = (
        a["body"]["detected_rooms"] for a in described["answers"][0][:3]
    )
    assert {"id", "bounding_box", "confidence"} == set().union(*plain)
    assert by_header == by_json
    assert SAMPLE_NAMES == sorted(room["name_hint"] for room in by_header)
    assert {"text"} == {room["name_source"] for room in by_header}
    boxes = [{key: room[key] for key in plain[0]} for room in by_header]
    assert plain == boxes


def test_picture_is_named_by_recognition(described: dict[str, Any]) -> None:
    """Where it is installed; a file that is none is refused as ever."""
    picture, refused = described["answers"][0][3:5]
    rooms = picture["body"]["detected_rooms"]
    named = [room for room in rooms if room["name_hint"]]
    assert SAMPLE_NAMES == sorted(room["name_hint"] for room in named)
    assert {"ocr"} == {room["name_source"] for room in named}
    assert 400 == refused["status"]


def test_picture_has_no_names_where_recognition_is_off(extracted: Path) -> None:
    """It says so."""
    asked = row(
        {"body": part(SAMPLE_PNG.read_bytes())},
        X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="include=name",
    )
    ((answer,),) = run_handler(extracted, [batch(asked)], ocr="off")["answers"]
    rooms = answer["body"]["detected_rooms"]
    assert [None] * len(rooms) == [room["name_hint"] for room in rooms]
    assert len(rooms) >= len(SAMPLE_NAMES)
    assert all("name_source" not in room for room in rooms)


def test_description_is_timed(described: dict[str, Any]) -> None:
    """In the log and as a metric, of the rows that asked for it and had rooms."""
    requests = [fields for fields in described["log"] if "status" in fields]
    is_described = [False, True, True, True, False, True]
    assert is_described == ["describe_ms" in fields for fields in requests]
    assert 4 == len(described["metrics"]["roomdet_describe_seconds"])


def test_outlines_lie_in_their_boxes_and_are_measured(described: dict[str, Any]) -> None:
    """At most two thousandths outside; most rooms of the sample have one, and an area."""
    rooms = described["answers"][0][5]["body"]["detected_rooms"]
    drawn = [room for room in rooms if room["polygon"]]
    assert len(drawn) >= len(SAMPLE_NAMES) - 2
    for room in drawn:
        x0, y0, x1, y1 = room["bounding_box"]
        assert room["polygon"][0] == room["polygon"][-1]
        for x, y in room["polygon"]:
            assert x0 - 2.5 <= x <= x1 + 2.5  # the box is rounded
            assert y0 - 2.5 <= y <= y1 + 2.5
    measured = [room["area"] for room in drawn if room["area"]]
    assert len(measured) >= len(SAMPLE_NAMES) - 3
    assert {("1:100", "request")} == {(area["scale"], area["scale_source"]) for area in measured}
    for room in rooms:
        assert ("polygon_reason" in room) == (not room["polygon"])
        assert ("area_reason" in room) == (not room["area"])
        assert room["polygon"] or not room["area"]


@pytest.fixture(scope="session")
def sheets(extracted: Path) -> dict[str, Any]:
    """One run over a batch with sheets of sixteen plans and a plan, and one of a sheet alone."""
    sheet, plan = picture_of(own_sheets(4)[0].data), SAMPLE_PNG.read_bytes()
    rows = batch(
        row({"body": part(sheet)}),
        row({"body": part(plan)}),
        row({"body": part(sheet)}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="detail=page"),
        row({"body": {"image": base64.b64encode(plan).decode(), "detail": "sheet"}}),
        row({"body": part(sheet)}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="detail=all"),
    )
    return run_handler(extracted, [rows])


def picture_of(sheet: bytes) -> bytes:
    """A sheet at 1280 px, which is seen on two levels."""
    with Image.open(io.BytesIO(sheet)) as full:
        return encode(full.resize((1280, 905), Image.Resampling.LANCZOS), "PNG")


def lines_of(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """What the log says of the rows of a run."""
    return [line for line in outcome["log"] if line["event"] == "request"]


def tight_rooms(answer: dict[str, Any]) -> int:
    """How many of the sheet's true rooms have a box that fits them by 0.8."""
    boxes = [room["bounding_box"] for room in answer["body"]["detected_rooms"]]
    truth = own_sheets(4)[0].rooms_xyxy_norm
    overlaps = iou_matrix(truth, np.array(boxes, np.float32) / np.float32(1000))
    return int((overlaps.max(axis=1) >= 0.8).sum())


def test_a_sheet_is_seen_closer(sheets: dict[str, Any]) -> None:
    """More of its rooms fit then than in one look, and a plan beside it is seen once."""
    closely, plan, once, plan_again, refused = sheets["answers"][0]

    assert [200, 200, 200, 200, 400] == [answer["status"] for answer in sheets["answers"][0]]
    assert tight_rooms(closely) > tight_rooms(once) + 10
    assert 9 <= len(plan["body"]["detected_rooms"]) <= 12
    assert len(plan_again["body"]["detected_rooms"]) >= 9
    assert "detail must be one of auto, page, sheet" in refused["body"]["message"]


def test_the_log_says_how_closely(sheets: dict[str, Any]) -> None:
    """Levels, slices and the largest side; a row that was refused was not seen."""
    told = [
        (line.get("levels"), line.get("slices"), line.get("side_px")) for line in lines_of(sheets)
    ]

    assert told[:3] == [(2, 2, 1280), (1, 1, 640), (1, 1, 640)]
    assert told[3] == (3, 4, 1600)
    assert told[4] == (None, None, None)
    assert not [line for line in lines_of(sheets) if "cut_short" in line]


@pytest.mark.parametrize(
    ("name", "total"),
    [("roomdet_levels_total", 7), ("roomdet_slices_total", 8), ("roomdet_cut_short_total", 0)],
)
def test_the_metrics_say_how_closely(sheets: dict[str, Any], name: str, total: int) -> None:
    """Sums over the rows, from zero on."""
    values = sheets["metrics"][name]

    assert values[0] == 0
    assert sum(values) == total


@pytest.fixture(scope="session")
def sparing(extracted: Path) -> dict[str, Any]:
    """One run of four plans and a sheet, on one CPU, on one level and in bf16."""
    plan = row({"body": part(SAMPLE_PNG.read_bytes())})
    sheet = row({"body": part(picture_of(own_sheets(4)[0].data))})
    batches = [batch(*[plan] * 4), batch(sheet)]
    return run_handler(extracted, batches, threads=1, max_levels=1, precision="bf16")


def test_one_level_is_all_that_may_be_granted(sparing: dict[str, Any]) -> None:
    """A sheet is answered by what is seen on it."""
    assert sparing["answers"][1][0]["status"] == 200
    assert [line["side_px"] for line in lines_of(sparing)][4:] == [640]


@pytest.fixture(scope="session")
def hindered(extracted: Path) -> dict[str, Any]:
    """One run over batches that are hindered in one way each, and one that names a file."""
    plan, sheet = SAMPLE_PNG.read_bytes(), picture_of(own_sheets(4)[0].data)
    rows = (
        row({"body": part(plan)}),
        row({"body": part(sheet)}),
        row({"body": part(sheet)}, X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="detail=page"),
    )
    batches = [
        batch(*rows, fail_above_px=640),
        batch(rows[1], slow_above_px=640),
        batch(rows[1], batch_s=0),
        batch(row({"body": {"image_url": "s3://bucket/other/a.png"}})),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROOMDET_IMAGE_URL_PREFIXES", "s3://bucket/plans/")
        return run_handler(extracted, batches)


def test_a_second_reading_that_fails_is_its_rows_alone(hindered: dict[str, Any]) -> None:
    """Its neighbors are answered, and so is the same page where it is read once."""
    answers, failed = hindered["answers"][0], lines_of(hindered)[1]

    assert [200, 500, 200] == [answer["status"] for answer in answers]
    assert answers[1]["body"]["error"] == "processing_failed"
    assert (failed["outcome"], failed["levels"]) == ("processing_failed", 1)
    assert failed["decode_ms"] > 0
    assert "encode_ms" not in failed


def test_a_second_reading_that_takes_too_long_is_cut_short(hindered: dict[str, Any]) -> None:
    """The answer is of what was seen by then, and the log says so."""
    line = lines_of(hindered)[3]

    assert hindered["answers"][1][0]["status"] == 200
    assert (line["levels"], line["cut_short"]) == (1, True)


def test_a_batch_has_its_time_too(hindered: dict[str, Any]) -> None:
    """Whatever each of its pages may take: beyond it the worker would be ended."""
    line = lines_of(hindered)[4]

    assert hindered["answers"][2][0]["status"] == 200
    assert (line["levels"], line["cut_short"]) == (1, True)


def test_neighbors_of_a_bad_row_are_answered_alike(outcome: dict[str, Any]) -> None:
    """Options apply to their own row alone."""
    full, sure, two = (outcome["answers"][0][i]["body"]["detected_rooms"] for i in (0, 2, 4))

    assert len(full) >= 5
    assert [room for room in full if room["confidence"] >= 0.9] == sure
    assert full[:2] == two


AWS = {"boto3", "botocore", "s3transfer"}


def imported(outcome: dict[str, Any]) -> set[str]:
    """The packages that a run imported."""
    return {name.partition(".")[0] for name in outcome["modules"]}


def test_a_file_cannot_be_named_without_a_setting(outcome: dict[str, Any]) -> None:
    """The answer says so."""
    answer = outcome["answers"][0][5]["body"]

    assert answer["error"] == "validation_error"
    assert "image_url is switched off on this server" in answer["message"]


def test_a_refused_address_imports_nothing_of_aws(hindered: dict[str, Any]) -> None:
    """Also where others are allowed."""
    assert hindered["answers"][3][0]["body"]["error"] == "validation_error"
    assert not AWS & imported(hindered)


def test_one_file_knows_of_boto3(extracted: Path) -> None:
    """And not before it is asked for an object."""
    knowing = {
        path.name
        for path in extracted.rglob("*.py")
        if re.search(r"^\s*(?:import|from) boto", path.read_text("utf-8"), re.MULTILINE)
    }

    assert knowing == {"s3_source.py"}


def test_an_allowed_address_is_fetched(extracted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the archive alone, and its neighbors are answered as ever."""
    plan = SAMPLE_PNG.read_bytes()
    monkeypatch.setenv("ROOMDET_IMAGE_URL_PREFIXES", "s3://my-shelf/plans/")
    with serve_moto() as s3:
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        s3.make_bucket("my-shelf")
        s3.put("my-shelf", "plans/a.png", plan)
        s3.put("my-shelf", "plans/b.txt", b"hello")
        names = ("a.png", "b.txt", "none.png")
        rows = [row({"body": {"image_url": f"s3://my-shelf/plans/{name}"}}) for name in names]
        outcome = run_handler(extracted, [batch(*rows, row({"body": part(plan)}))])
    answers = outcome["answers"][0]

    assert [200, 400, 400, 200] == [answer["status"] for answer in answers]
    assert answers[0]["body"]["detected_rooms"] == answers[3]["body"]["detected_rooms"]
    assert answers[1]["body"]["error"] == "invalid_file_format"
    assert answers[2]["body"]["error"] == "validation_error"
    assert imported(outcome) >= AWS


def test_slow_fetches_of_a_batch_do_not_add_up(
    extracted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one CPU, too: all run into their time-out together, and a row beside them is answered."""
    timeout_s = 3
    monkeypatch.setenv("ROOMDET_IMAGE_URL_PREFIXES", "s3://my-shelf/plans/")
    slow = row({"body": {"image_url": "s3://my-shelf/plans/a.png"}})
    rows = batch(slow, slow, slow, row({"body": part(SAMPLE_PNG.read_bytes())}))
    with serve_badly() as (s3, follow, _):
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        follow(Script(drip="body", size=10_000, body=bytes(10_000)))
        outcome = run_handler(extracted, [rows], threads=1, fetch_timeout_s=timeout_s)

    assert [500, 500, 500, 200] == [answer["status"] for answer in outcome["answers"][0]]
    assert timeout_s <= outcome["seconds"][0] < 2 * timeout_s


def test_each_cpu_reads_one_file_at_a_time(extracted: Path, sparing: dict[str, Any]) -> None:
    """A batch of four needs no more memory and no more time than that."""
    plan = row({"body": part(SAMPLE_PNG.read_bytes())})
    both = run_handler(extracted, [batch(*[plan] * 4)], threads=2, precision="fp32")

    assert (sparing["at_once"], both["at_once"]) == (1, 2)
    # The golden plan, and others, in bf16 and in fp32.
    assert [answer["status"] for answer in sparing["answers"][0] + both["answers"][0]] == [200] * 8


def test_serving_imports_nothing_heavy(outcome: dict[str, Any]) -> None:
    """Not the training stack; tests/e2e/test_imports.py has the whole list for a real worker."""
    forbidden = {"ultralytics", "torchvision", "cv2", "onnxruntime", "matplotlib", "scipy"}

    assert not (forbidden | AWS) & imported(outcome)
    assert not {"openvino.torch.torchdynamo", "openvino.frontend.pytorch", "torch._C"} & set(
        outcome["modules"]
    )


def damage(folder: Path, tmp_path: Path) -> Path:
    """A copy of the extracted archive to damage."""
    copy = tmp_path / "archive"
    shutil.copytree(folder, copy)
    return copy


def refusal(folder: Path, **settings: Any) -> str:
    """What a handler that must not start prints."""
    with pytest.raises(AssertionError) as caught:
        run_handler(folder, [], **settings)
    return str(caught.value)


def test_a_network_that_misses_the_golden_rooms_fails_the_load(
    extracted: Path, tmp_path: Path
) -> None:
    """Digests that fit do not suffice: the rooms expected on the golden plan decide."""
    copy = damage(extracted, tmp_path)
    manifest = json.loads((copy / "network.json").read_text())
    for room in manifest["golden"]:
        room["box_xyxy_norm"] = [edge / 2 for edge in room["box_xyxy_norm"]]
    (copy / "network.json").write_text(json.dumps(manifest))

    missed = len(manifest["golden"])
    assert missed > 0
    assert f"does not find the golden plan's rooms: {missed} of {missed}" in refusal(copy)


def test_an_unknown_setting_fails_the_load(extracted: Path) -> None:
    """The worker refuses to start and names the nearest key."""
    assert "the nearest is 'max_pixels'" in refusal(extracted, max_pixel=5)


def test_the_handler_file_defines_one_class_and_no_handle_function(extracted: Path) -> None:
    """TorchServe's loader takes a module-level handle() first, and exactly one class."""
    source = (extracted / "room_handler.py").read_text()

    assert source.count("\nclass ") == 1
    assert "\ndef " not in source
