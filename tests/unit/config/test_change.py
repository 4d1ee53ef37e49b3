import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinepi.config.change import Change, changed_paths, patched, pending_restart, replaced
from cinepi.config.parse import parse_config, read_config
from cinepi.config.template import as_text
from cinepi.errors import InvalidArgumentError
from cinepi.features import Feature, features_of
from cinepi.model.settings import CameraSettings, CaptureSettings, Config, SystemSettings

BY_HAND = """\
# my garden camera   (do not touch, Anna!)
system:                        # first, since I change it most
    log_level: "debug"         # noisy

    # backups are on the NAS
camera:
  iso: 400                     # dusk
  # iso: 800                   # too noisy
  'gain': 2.0
  exposure_mode: 'manual'
  noise_reduction: off         # the word, not false

capture: {interval: 30, quality: 90}   # on one line
# the end
"""


def _patch(text: str, patch: dict[str, object]) -> Change:
    return patched(text, parse_config(text, source="f"), patch)


def test_a_value_is_replaced_where_it_stands() -> None:
    """Only the characters of the value change: order, comments, quotes and spaces stay."""
    change = _patch(
        BY_HAND,
        {"camera": {"iso": 200, "exposure_mode": "auto"}, "system": {"log_level": "info"}},
    )
    assert change.text == BY_HAND.replace("400 ", "200 ").replace("'manual'", "'auto'").replace(
        '"debug"', '"info"'
    )
    assert change.kept_comments
    assert change.changed == ("/camera/exposure_mode", "/camera/iso", "/system/log_level")


def test_a_new_key_goes_below_the_last_of_its_section() -> None:
    """A key that is not in its section is added there, indented as its neighbours are."""
    change = _patch(BY_HAND, {"system": {"backup_days": 7}, "camera": {"ev": -0.5}})
    assert '"debug"         # noisy\n    backup_days: 7\n\n    # backups' in change.text
    assert "# the word, not false\n  ev: -0.5\n\ncapture" in change.text


def test_a_new_key_goes_into_braces() -> None:
    """A section on one line stays on one line."""
    change = _patch(BY_HAND, {"capture": {"when_full": "stop", "quality": 50}})
    assert "capture: {interval: 30, quality: 50, when_full: stop}   # on one line\n" in change.text


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n# bye", "\n# bye\n", "\n\n\n"])
@pytest.mark.parametrize("begin", ["", "\ufeff", "---\n", "# hello\n\n"])
def test_line_ends_stay(newline: str, end: str, begin: str) -> None:
    """CRLF, a byte order mark and a missing last newline survive; all lines end alike."""
    text = f"{begin}camera:\n  iso: 400{end}".replace("\n", newline)
    change = _patch(text, {"camera": {"iso": 100, "gain": 1.5}, "capture": {"interval": 5}})
    assert change.kept_comments
    assert change.text.startswith(text.split("400")[0])
    assert ("  iso: 100\n  gain: 1.5" + end.rstrip("\n")).replace("\n", newline) in change.text
    assert change.text.count("\n") == change.text.count(newline)
    assert change.text.endswith(f"capture:{newline}  interval: 5{newline}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera:\n", "camera:\n  iso: 200\n"),
        ("camera: # later\n# x\n", "camera: # later\n  iso: 200\n# x\n"),
        ("camera: null # later\n", "camera:  # later\n  iso: 200\n"),
        ("camera:\n  # iso: 400\nsystem:\n", "camera:\n  iso: 200\n  # iso: 400\nsystem:\n"),
        ("camera: {} # later\n", "camera: {iso: 200} # later\n"),
        ("{}", "{camera: {iso: 200}}"),
        ("{system: {backup_days: 3}}", "{system: {backup_days: 3}, camera: {iso: 200}}"),
        ("{camera: {gain: 2,\n  ev: 1,\n}}", "{camera: {gain: 2,\n  ev: 1, iso: 200,\n}}"),
        ("# only words", "# only words\n\ncamera:\n  iso: 200\n"),
        ("camera:\n    gain: 2", "camera:\n    gain: 2\n    iso: 200"),
        ("camera:\n  ? iso\n  : 400\n", "camera:\n  ? iso\n  : 200\n"),
        ("camera:\n  iso:\n    400 # x\n", "camera:\n  iso:\n    200 # x\n"),
        ('"camera":\n  "iso": 400\n', '"camera":\n  "iso": 200\n'),
        ("  camera:\n    iso: 400\n", "  camera:\n    iso: 200\n"),
    ],
)
def test_every_way_to_write_it_can_be_edited(text: str, expected: str) -> None:
    """Empty sections, braces, explicit keys and odd indentation all keep what is around."""
    change = _patch(text, {"camera": {"iso": 200}})
    assert change.text == expected
    assert change.kept_comments


@pytest.mark.parametrize(
    "text",
    [
        "camera:\n  exposure_mode: |-\n    auto\n",
        "camera:\n  gain: 2\n...\n",
        "{camera: , system: }",
    ],
)
def test_what_cannot_be_edited_is_written_afresh(text: str) -> None:
    """Rare ways of writing are replaced by a clean file, and the change says so."""
    change = _patch(text, {"camera": {"exposure_mode": "manual"}, "capture": {"quality": 3}})
    assert not change.kept_comments
    assert change.text == as_text(change.config)


def test_a_file_that_is_broken_meanwhile_is_written_afresh() -> None:
    """A text that does not parse does not keep a change from being made."""
    change = patched("camera: [", Config(), {"camera": {"iso": 200}})
    assert parse_config(change.text, source="f") == change.config
    assert not change.kept_comments


def test_null_returns_to_the_default_and_keeps_the_line() -> None:
    """A value set to null has its default written in its line, so nothing around it is lost."""
    change = _patch(BY_HAND, {"camera": {"iso": None, "contrast": None}, "capture": None})
    assert "  iso: 100                     # dusk\n" in change.text
    assert "contrast" not in change.text
    assert "capture: {interval: 30, quality: 95}   # on one line" in change.text
    assert change.changed == ("/camera/iso", "/capture/quality")


def test_all_problems_of_a_patch_come_at_once() -> None:
    """Every mistake has its pointer, range and suggestion, and unknown nulls are mistakes too."""
    with pytest.raises(InvalidArgumentError) as caught:
        _patch(
            BY_HAND,
            {
                "camera": {"iso": 50, "gian": None, "gain": "2"},
                "capture": 5,
                "sistem": {"log_level": "info"},
            },
        )
    assert [tuple(problem) for problem in caught.value.problems] == [
        ("/camera/iso", "iso must be a whole number between 100 and 800, not 50"),
        ("/camera/gain", 'gain must be a number between 1 and 8, not "2"'),
        ("/camera/gian", '"gian" is unknown; did you mean gain?'),
        ("/capture", "capture must be an object of keys and values, not 5"),
        ("/sistem", '"sistem" is unknown; did you mean system?'),
    ]


def test_replacing_leaves_nothing_behind() -> None:
    """Values that the new configuration leaves out return to their defaults."""
    old = parse_config(BY_HAND, source="f")
    change = replaced(BY_HAND, old, {"camera": {"iso": 400}})
    assert change.config == Config(camera=CameraSettings(iso=400))
    assert change.kept_comments
    assert "# dusk" in change.text
    assert change.changed == (
        "/camera/exposure_mode",
        "/camera/gain",
        "/camera/noise_reduction",
        "/capture/quality",
        "/system/log_level",
    )


def test_an_empty_patch_changes_nothing() -> None:
    """Saying what is so already leaves every character in place."""
    change = _patch(BY_HAND, {"capture": {"interval": 30.0}, "camera": {}})
    assert (change.text, change.changed) == (BY_HAND, ())


def test_a_change_that_waits_for_a_restart_is_named() -> None:
    """Of the changed values, those that the running service cannot follow are listed."""
    saved = Config(camera=CameraSettings(backend="simulated", iso=800))
    assert pending_restart(Config(), saved) == ("/camera/backend",)
    assert changed_paths(Config(), saved) == ("/camera/backend", "/camera/iso")


def _values(feature: Feature) -> st.SearchStrategy[object]:
    if feature.choices:
        whole = isinstance(feature.default, int)
        return st.sampled_from([int(c) if whole else c for c in feature.choices])
    if feature.kind == "switch":
        return st.booleans()
    if feature.kind == "integer":
        return st.integers(int(feature.minimum or 0), int(feature.maximum or 0))
    if feature.kind == "number":
        return st.floats(feature.minimum, feature.maximum)
    return st.from_regex(
        {"resolution": r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}"}[feature.key],
        fullmatch=True,
        alphabet=st.characters(codec="ascii"),
    )


def _sections(section: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {}, optional={f.key: st.none() | _values(f) for f in features_of(section)}
    )


_PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "camera": st.none() | _sections(CameraSettings),
        "capture": st.none() | _sections(CaptureSettings),
        "system": st.none() | _sections(SystemSettings),
    },
)


def _expected(config: Config, patch: dict[str, dict[str, object] | None]) -> Config:
    plain, defaults = msgspec.to_builtins(config), msgspec.to_builtins(Config())
    for name, section in patch.items():
        for key, value in (defaults[name] if section is None else section).items():
            plain[name][key] = defaults[name][key] if value is None else value
    return msgspec.convert(plain, Config)


@settings(max_examples=150, deadline=None)
@given(
    text=st.sampled_from([BY_HAND, BY_HAND.replace("\n", "\r\n"), as_text(Config()), "# mine"]),
    patches=st.lists(_PATCHES, min_size=1, max_size=3),
)
def test_any_change_of_a_commented_file(
    text: str, patches: list[dict[str, dict[str, object] | None]]
) -> None:
    """After any valid changes the file says exactly what it should, with every comment."""
    comments = [line[line.index("#") :].strip() for line in text.splitlines() if "#" in line]
    for patch in patches:
        config = parse_config(text, source="f")
        change = patched(text, config, dict(patch))
        assert change.config == _expected(config, patch)
        assert parse_config(change.text, source="f") == change.config
        assert change.kept_comments
        text = change.text
    found = [line[line.index("#") :].strip() for line in text.splitlines() if "#" in line]
    assert found == comments


_STRANGE = (
    "camera:\n  resolution: {resolution}\n  iso: 9000  # mine\n  kelvin: 5000\n"
    'plan: {{"on": true, "from": "06:00"}}\n'
)


@pytest.mark.parametrize(
    ("resolution", "kept_comments"), [("640x480", True), ("|-\n    640x480", False)]
)
def test_what_is_not_understood_stays(resolution: str, kept_comments: bool) -> None:  # noqa: FBT001
    """Also in a file that is written in a way that cannot be edited, and so is written anew."""
    text = _STRANGE.format(resolution=resolution)
    before = Config(camera=CameraSettings(iso=400))
    reading = read_config(text, source="f", before=before)
    unused = tuple(problem.field for problem in reading.problems)
    assert unused == ("/camera/iso", "/camera/kelvin", "/plan")
    change = patched(text, reading.config, {"camera": {"gain": 2.0}}, unused)
    assert (change.changed, change.kept_comments) == (("/camera/gain",), kept_comments)
    again = read_config(change.text, source="f", before=before)
    assert {problem.field for problem in again.problems} == set(unused)
    assert again.config == change.config
    assert change.config.camera.iso == 400
    assert all(each in change.text for each in ("iso: 9000", "kelvin: 5000", '"from": "06:00"'))


@pytest.mark.parametrize("patch", [{"camera": {"iso": 400}}, {"camera": None}])
def test_a_patch_mends_what_it_gives_another_value(patch: dict[str, object]) -> None:
    """Though that value is in force already; a section that returns to its defaults does, too."""
    text = "camera:\n  iso: 9000\n  kelvin: 5000\n"
    config = Config(camera=CameraSettings(iso=400))
    change = patched(text, config, patch, ("/camera/iso", "/camera/kelvin"))
    assert change.changed == ("/camera/iso",)
    assert f"iso: {change.config.camera.iso}\n" in change.text
    assert "kelvin: 5000" in change.text


def test_a_section_of_another_shape_costs_the_section() -> None:
    """It stays as it is until somebody changes a value of it."""
    text = "camera: 5\ncapture:\n  interval: 7\n"
    before = Config(camera=CameraSettings(iso=400))
    reading = read_config(text, source="f", before=before)
    assert reading.config == Config(camera=before.camera, capture=CaptureSettings(interval=7))
    unused = ("/camera",)
    change = patched(text, reading.config, {"capture": {"quality": 60}}, unused)
    assert change.text.startswith("camera: 5\n")
    change = patched(text, reading.config, {"camera": {"gain": 2.0}}, unused)
    assert read_config(change.text, source="f").config == change.config
    assert change.config.camera.iso == 400
