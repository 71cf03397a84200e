"""The untrained model that settings describe, and what may be set of it."""

import dataclasses
import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any

from keras_cdae.baselines.registry import MODELS
from keras_cdae.errors import shown
from keras_cdae.models import presets
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.settings import RunSettings
from keras_cdae.training.schedule import Schedule

# Arguments that settings give by another name, or that training finds.
ELSEWHERE = ("image_size", "channels", "seed", "calibration", "roi", "own")


def new_model(settings: RunSettings) -> ClipScorer:
    """Return the untrained model that resolved settings describe.

    Args:
        settings: resolved. A dictionary as the override `schedule` changes
            the preset's schedule, and does not replace it.

    Raises:
        ValueError: for an unknown model, or one without such a preset.
    """
    kind = _class(settings.model)
    options = dict(settings.overrides)
    is_cdae = issubclass(kind, CDAE)
    if is_cdae or "schedule" in options:
        changed = options.get("schedule") or {}
        options["schedule"] = _schedule(settings, changed)
    if is_cdae:
        options = {"seed": settings.seed, **options}
    if settings.roi is not None:
        options["roi"] = settings.roi
    return kind.from_preset(
        settings.preset,
        image_size=settings.image_size,
        channels=settings.channels,
        dtype=settings.dtype,
        **options,
    )


def arguments(model: str) -> dict[str, Any]:
    """Return the arguments of a model that overrides may name, sorted.

    Args:
        model: a name in `baselines.MODELS`.

    Returns:
        The default of each; a preset may have another.

    Raises:
        ValueError: for an unknown model.

    Example:
        >>> arguments("cdae")["num_clusters"], arguments("memae")["width"]
        (32, 16)
    """
    found: dict[str, Any] = {}
    for kind in _class(model).__mro__:
        if not issubclass(kind, ClipScorer) or "__init__" not in vars(kind):
            continue
        for name, each in inspect.signature(kind.__init__).parameters.items():
            if each.default is not each.empty and name not in ELSEWHERE:
                found.setdefault(name, each.default)
    return dict(sorted(found.items()))


def model_config(settings: RunSettings) -> dict[str, Any]:
    """Return every argument of the model of resolved settings, for JSON.

    What a preset's name leaves open: another version's may mean another
    network or schedule.

    Args:
        settings: resolved.

    Raises:
        ValueError: for an unknown model, or one without such a preset.
    """
    made = new_model(settings).get_config()
    names = arguments(settings.model)
    kept = {name: made[name] for name in names if name in made}
    return json.loads(json.dumps(kept))


def changed_since(
    settings: RunSettings, recorded: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments that a preset gave once, and no longer does.

    Args:
        settings: of the run, resolved.
        recorded: what `model_config` gave when it began; empty: unknown.

    Returns:
        Overrides by which these settings mean now what they meant then;
        empty where nothing has changed.

    Raises:
        ValueError: for an unknown model, or one without such a preset.
    """
    if not recorded:
        return {}
    now = model_config(settings)
    changed = _differing(recorded, now)
    schedule, since = changed.pop("schedule", None), now.get("schedule")
    if isinstance(schedule, dict) and isinstance(since, dict):
        schedule = _differing(schedule, since)
    return {**changed, "schedule": schedule} if schedule else changed


def argument(settings: RunSettings, name: str) -> Any:
    """Return what settings give an argument of their model.

    Args:
        settings: of the run.
        name: of the argument.

    Returns:
        The override, else the class's default; None where the model has no
        such argument.
    """
    default = arguments(settings.model).get(name)
    return settings.overrides.get(name, default)


def check_names(model: str, names: Iterable[str]) -> None:
    """Refuse a name that is no argument of the model.

    Args:
        model: a name in `baselines.MODELS`.
        names: of overrides.

    Raises:
        ValueError: for an unknown one; the message lists the known ones.
    """
    known = arguments(model)
    for name in names:
        if name not in known:
            raise ValueError(
                f"{model} has no argument {name!r} that can be set: expected "
                f"one of {', '.join(known)}."
            )


def check_overrides(settings: RunSettings) -> None:
    """Refuse overrides that no model can be made with, by making one.

    Args:
        settings: not resolved; the data set need not be there.

    Raises:
        ValueError: for an unknown name, or a value that the model refuses.
    """
    if not settings.overrides:
        return
    check_names(settings.model, settings.overrides)
    try:
        new_model(settings.resolved(settings.channels or 3))
    except (TypeError, ValueError, AttributeError) as error:
        given = ", ".join(f"{k}={v!r}" for k, v in settings.overrides.items())
        why = shown(error, 300)
        if isinstance(error, TypeError):  # Python's words, not ours
            known = arguments(settings.model)
            usual = ", ".join(f"{k}={known[k]!r}" for k in settings.overrides)
            why = f"a value is of the wrong kind ({why}). Usual: {usual}."
        raise ValueError(
            f"No {settings.model} can be made with {given}: {why}"
        ) from error


def _differing(
    was: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    return {k: v for k, v in was.items() if k not in now or v != now[k]}


def _class(model: str) -> Any:
    if model not in MODELS:
        raise ValueError(
            f"Unknown model: expected one of {', '.join(MODELS)}. "
            f"Received: model={model!r}"
        )
    return MODELS[model]


def _schedule(settings: RunSettings, changed: Mapping[str, Any]) -> Schedule:
    """Return the preset's schedule with what the settings change in it."""
    schedule = presets.preset(settings.preset).schedule
    known = [field.name for field in dataclasses.fields(Schedule)]
    for name in changed:
        if name not in known:
            raise ValueError(
                f"a schedule has no {name!r}: expected one of "
                f"{', '.join(known)}."
            )
    if settings.pretrain_epochs is not None:
        changed = {"pretrain_epochs": settings.pretrain_epochs, **changed}
    return dataclasses.replace(schedule, **changed)
