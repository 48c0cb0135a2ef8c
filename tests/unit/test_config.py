# SPDX-License-Identifier: AGPL-3.0-or-later
"""A worker's settings are parsed and checked once, and a wrong one stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from roomdet.config import PILLOW_MAX_PIXELS, Config, Limits, Precision, Switch, settings
from roomdet.errors import ConfigError
from roomdet.s3_address import AllowList

NUMBERS: Final = {
    "threads": (0, 256),
    "tta_flip": (0, 1),
    "max_levels": (1, 4),
    "max_seconds": (1, 60),
    "ocr_seconds": (1, 30),
    "fetch_timeout_s": (1, 50),
    "max_bytes": (1, 1024**3),
    "max_pixels": (1, PILLOW_MAX_PIXELS),
    "max_pages": (1, 100_000),
}


def load(section: object = None, **environ: str) -> Config:
    """Load with a ``roomdet:`` section and the environment given as keywords."""
    return Config.load(None if section is None else {"roomdet": section}, environ)


def value_of(config: Config, name: str) -> object:
    """A setting by its name, wherever it is kept."""
    return getattr(config, name) if hasattr(config, name) else getattr(config.limits, name)


class TestSources:
    """Defaults give way to the file, and the file to the environment."""

    @pytest.mark.parametrize("model_yaml", [None, {}, {"roomdet": None}, {"roomdet": {}}])
    def test_defaults_hold_without_a_section(self, model_yaml: dict[str, Any] | None) -> None:
        """A worker needs no configuration."""
        assert Config.load(model_yaml, {}) == Config()

    def test_defaults_are_the_documented_ones(self) -> None:
        """A change of a default is a change for every caller."""
        assert Config() == Config(
            precision=Precision.AUTO,
            threads=0,
            tta_flip=0,
            max_levels=4,
            max_seconds=15,
            page_seconds=8,
            page_mb=900,
            memory_mb=1200,
            image_url_prefixes=AllowList(),
            ocr=Switch.AUTO,
            ocr_seconds=8,
            fetch_timeout_s=10,
            region=None,
            limits=Limits(max_bytes=20_971_520, max_pixels=150_000_000, max_pages=500),
        )

    def test_section_overrides_defaults(self) -> None:
        """What the section does not name keeps its default."""
        config = load({"threads": 3, "max_pages": 7, "precision": "fp32"})

        assert config == Config(Precision.FP32, threads=3, limits=Limits(max_pages=7))

    def test_environment_overrides_section(self) -> None:
        """An operator changes a setting without a new archive."""
        config = load({"threads": 3, "max_pages": 7}, ROOMDET_MAX_PAGES="9")

        assert config == Config(threads=3, limits=Limits(max_pages=9))

    def test_a_setting_keeps_its_former_name(self) -> None:
        """What counted passes over a page says now whether there is a mirrored one."""
        assert load({"passes": 2}) == Config(tta_flip=1)
        assert load({"tta_flip": 1}, ROOMDET_PASSES="1") == Config(tta_flip=0)
        for wrong in ("3", "many"):
            with pytest.raises(ConfigError, match="tta_flip is"):
                load(ROOMDET_PASSES=wrong)
        with pytest.raises(ConfigError, match="unknown key 'passes'"):
            load({"passes": 1, "tta_flip": 0})

    def test_prefixes_come_from_the_environment(self) -> None:
        """As text with spaces."""
        config = load(ROOMDET_IMAGE_URL_PREFIXES="s3://plans/ s3://more/of/them/")

        assert config == Config(image_url_prefixes=AllowList(("s3://plans/", "s3://more/of/them/")))
        assert load(ROOMDET_IMAGE_URL_PREFIXES="") == Config()

    def test_the_region_is_the_containers(self) -> None:
        """Boto3 itself does not read this variable."""
        assert load(AWS_REGION="eu-central-1").region == "eu-central-1"

    def test_other_environment_is_ignored(self) -> None:
        """Only names with our prefix are ours."""
        assert load(PATH="/bin", THREADS="x", MY_ROOMDET_THREADS="x") == Config()

    def test_the_servers_own_variables_are_ignored(self) -> None:
        """PID 1 and the endpoint plugin share the worker's environment."""
        assert load(ROOMDET_STOP_FILE="/some/where") == Config()

    def test_wrong_value_of_the_file_is_forgiven_if_overridden(self) -> None:
        """Only what counts is checked."""
        assert load({"threads": "many"}, ROOMDET_THREADS="2").threads == 2

    def test_keys_of_torchserve_are_left_alone(self) -> None:
        """TorchServe reads the same file."""
        assert Config.load({"minWorkers": 1, "batchSize": 4, "deviceType": "cpu"}, {}) == Config()

    def test_file_of_the_archive_is_accepted(self) -> None:
        """The committed ``model-config.yaml`` has no unknown key."""
        path = Path(__file__).parents[2] / "handler" / "model-config.yaml"

        Config.load(yaml.safe_load(path.read_text(encoding="utf-8")), {})

    @pytest.mark.parametrize("name", [setting.name for setting in settings()])
    def test_every_setting_has_a_meaning(self, name: str) -> None:
        """The operations guide prints it."""
        (setting,) = (setting for setting in settings() if setting.name == name)

        assert setting.metadata["meaning"]


class TestRefusals:
    """A setting that is not understood is never ignored."""

    @pytest.mark.parametrize(
        ("section", "environ", "message"),
        [
            pytest.param(
                {"max_byte": 1},
                {},
                r"unknown key 'max_byte' in section `roomdet:`.* the nearest is 'max_bytes'",
                id="section",
            ),
            pytest.param(
                {},
                {"ROOMDET_THREAD": "1"},
                r"unknown key 'thread' in the ROOMDET_\* environment; the nearest is 'threads'",
                id="environment",
            ),
            pytest.param({7: 1}, {}, "unknown key 7", id="key-that-is-no-text"),
        ],
    )
    def test_unknown_key_names_the_nearest(
        self, section: dict[Any, Any], environ: dict[str, str], message: str
    ) -> None:
        """A slip of the pen is pointed at."""
        with pytest.raises(ConfigError, match=message):
            load(section, **environ)

    def test_unknown_key_of_torchserve_names_the_nearest(self) -> None:
        """TorchServe itself would ignore it without a word."""
        with pytest.raises(ConfigError, match=r"'batchsize'.*the nearest is 'batchSize'"):
            Config.load({"batchsize": 4}, {})

    def test_our_keys_belong_into_our_section(self) -> None:
        """A setting one level too high is not silently ignored."""
        with pytest.raises(ConfigError, match=r"unknown key 'threads' in model-config.yaml"):
            Config.load({"threads": 4}, {})

    def test_an_archive_does_not_decide_what_is_read(self) -> None:
        """Whoever runs the container does."""
        with pytest.raises(
            ConfigError, match="image_url_prefixes is taken from ROOMDET_IMAGE_URL_PREFIXES alone"
        ):
            load({"image_url_prefixes": "s3://plans/"}, ROOMDET_IMAGE_URL_PREFIXES="s3://plans/")

    def test_a_malformed_prefix_is_refused(self) -> None:
        """Before anything is served."""
        with pytest.raises(ConfigError, match="ROOMDET_IMAGE_URL_PREFIXES has 's3://plans'"):
            load(ROOMDET_IMAGE_URL_PREFIXES="s3://plans")

    @pytest.mark.parametrize("section", [["threads"], "threads", 3], ids=["list", "text", "number"])
    def test_section_must_be_a_mapping(self, section: object) -> None:
        """Anything else is refused by name."""
        with pytest.raises(ConfigError, match=r"`roomdet:` in model-config.yaml must be a mapping"):
            load(section)

    @pytest.mark.parametrize("name", NUMBERS)
    def test_ends_of_the_range_are_allowed(self, name: str) -> None:
        """The range is inclusive."""
        for end in NUMBERS[name]:
            assert value_of(load({name: end}), name) == end

    @pytest.mark.parametrize("name", NUMBERS)
    @pytest.mark.parametrize("side", ["below", "above"])
    def test_value_out_of_range_is_refused(self, name: str, side: str) -> None:
        """The message says what came and what is allowed."""
        low, high = NUMBERS[name]
        value = low - 1 if side == "below" else high + 1

        with pytest.raises(ConfigError, match=f"{name} is {value}; allowed: {low} to {high}"):
            load({name: value})

    @pytest.mark.parametrize("value", ["many", 1.5, True, None, [], "1e3", ""], ids=repr)
    def test_number_must_be_an_integer(self, value: object) -> None:
        """Nothing is rounded and nothing guessed."""
        with pytest.raises(ConfigError, match=r"max_pages is .*; it must be an integer"):
            load({"max_pages": value})


class TestPrecision:
    """The arithmetic of the network is one of three."""

    @pytest.mark.parametrize("precision", Precision)
    def test_each_is_known_by_its_name(self, precision: Precision) -> None:
        """The section and the environment take the same names."""
        assert load({"precision": precision.value}).precision is precision
        assert load(ROOMDET_PRECISION=precision.value).precision is precision

    @pytest.mark.parametrize("value", ["int8", "FP32", True, 16, [], None], ids=repr)
    def test_any_other_is_refused(self, value: object) -> None:
        """The message lists the three."""
        with pytest.raises(ConfigError, match=r"precision is .*; allowed: auto, fp32, bf16"):
            load({"precision": value})


class TestSwitch:
    """Reading names from pictures: on, off, or where it is installed."""

    @pytest.mark.parametrize("switch", Switch)
    def test_each_is_known_by_its_name(self, switch: Switch) -> None:
        """In the file and in the environment."""
        assert load({"ocr": switch.value}).ocr is switch
        assert load(ROOMDET_OCR=switch.value).ocr is switch

    @pytest.mark.parametrize(("text", "switch"), [("on", Switch.ON), ("off", Switch.OFF)])
    def test_yaml_has_words_of_its_own_for_it(self, text: str, switch: Switch) -> None:
        """There ``on`` is true, and ``off`` is false."""
        assert load(yaml.safe_load(f"ocr: {text}")).ocr is switch

    @pytest.mark.parametrize("value", ["", "yes", "ON", 1, None])
    def test_any_other_is_refused(self, value: object) -> None:
        """The message names those that are allowed."""
        with pytest.raises(ConfigError, match=r"ocr is .*; allowed: auto, on, off"):
            load({"ocr": value})
