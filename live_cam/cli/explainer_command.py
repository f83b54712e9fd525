"""Commands with the options of the explainer, which name one model or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Final, get_args, get_type_hints

from live_cam.cli.options import ONE_MODEL, ExplainerOptions
from live_cam.errors import UsageError
from live_cam.models.layers import check_resnet50_layer

_FOR_EACH_MODEL: Final = ("model", "labels", "preprocess", "model_output", "weights", "layer", "head")
"""Options that may be given twice, in the order of two models; given once they are for the first."""


def with_explainer_options(
    command: Callable[..., None], model_arguments: Mapping[str, Any] | None = None
) -> Callable[..., None]:
    """Appends the options of `ExplainerOptions` to a command, which receives them as its argument `explainer_options`.

    typer reads options from a function's signature, so the returned function has one of its own.

    Args:
        command: The command.
        model_arguments: Annotated arguments that name the models, by name, in front of the command's own: in place of
            `--model`. What is then given once for each model may be given once for all.
    """
    annotations = get_type_hints(ExplainerOptions, include_extras=True)
    del annotations["second"]
    annotations |= {name: _as_list(annotations[name]) for name in _FOR_EACH_MODEL}
    models = model_arguments or {}
    if models:
        del annotations["model"]
    parameters = [
        *(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=each) for name, each in models.items()),
        *(each for each in signature(command, eval_str=True).parameters.values() if each.name != "explainer_options"),
        *(
            each.replace(kind=Parameter.KEYWORD_ONLY, annotation=annotations[each.name])
            for each in signature(ExplainerOptions).parameters.values()
            if each.name in annotations
        ),
    ]

    @wraps(command)
    def wrapper(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in annotations}
        if models:
            once = [name for name in _FOR_EACH_MODEL if len(chosen.get(name) or []) == 1]
            chosen |= {name: chosen[name] * len(models) for name in once}
            chosen["model"] = [values.pop(name) for name in models]
        command(**values, explainer_options=_split(chosen))

    wrapper.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapper


def _as_list(annotation: Any) -> Any:
    """Returns the annotation of an option that may be given more than once."""
    optional, option = get_args(annotation)
    value_type, _ = get_args(optional)
    return Annotated[list[value_type] | None, option]  # type: ignore[valid-type]


def _split(values: dict[str, Any]) -> ExplainerOptions:
    """Returns the options of the model, with those of the second if there is one.

    Raises:
        UnknownLayerError: ResNet50 has no such layer.
        UsageError: An option is given more often than `--model`, or that more than twice.
    """
    given = {name: values.pop(name) or [] for name in _FOR_EACH_MODEL}
    models_n = len(given["model"])
    if models_n > 2:
        raise UsageError(f"{models_n} models are more than the two that can be shown side by side; leave out a --model")
    for name, each in given.items():
        if len(each) > max(1, models_n):
            raise UsageError(f"--{name.replace('_', '-')} is given {len(each)} times; give it once for each --model")
    first, second = (
        ExplainerOptions(**values | {name: each[i] if i < len(each) else None for name, each in given.items()})
        for i in range(2)
    )
    if first.model is None and first.layer is not None:
        check_resnet50_layer(first.layer)
    return replace(first, second=second) if models_n == 2 else first


def require_one_model(models: Sequence[str] | None) -> str | None:
    """Returns the only model of a command that takes one, or None for the default.

    Raises:
        UsageError: There are several.
    """
    if models is not None and len(models) > 1:
        raise UsageError(ONE_MODEL)
    return models[0] if models else None
