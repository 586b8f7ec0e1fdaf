"""The stop rule that a wanted relative error stands for."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from mcpump.deck.deck import Deck
from mcpump.errors import InputError


def target(
    given: Mapping[str, Any], error: Any, walkers_given: Any, read: Callable[[], Deck], said: str
) -> list[str]:
    """Overrides for a wanted relative error: the deck's stop rule, or one for the DC current along z at the middle plane.

    Parameters
    ----------
    given : mapping
        The deck's tables.
    error : number or text
        What is wanted.
    walkers_given : int, text or None
        Most walkers, if they are said beside it.
    read : callable
        Gives the deck as it is without a target; called where it has no stop rule.
    said : str
        How the user said it, for the sentence.

    Raises
    ------
    InputError
        If there is nothing to look at.
    """
    wanted = [f"run.stop.relative_error={error}"]
    run = given.get("run")
    if isinstance(run, Mapping) and "stop" in run:
        return wanted + ([f"run.stop.max_walkers={walkers_given}"] if walkers_given is not None else [])
    deck = read()
    if not deck.results.planes:
        raise InputError(f"{said} needs a target: give the deck a [run.stop], or a plane in results.planes")
    texts = tomllib.loads(deck.resolved)["results"]["planes"]
    by_place = sorted(range(len(texts)), key=lambda i: deck.results.planes[i])
    most = deck.run.walkers if walkers_given is not None else 100 * deck.run.walkers
    return [
        *wanted,
        "run.stop.quantity=spin_current.total.z.dc",
        f"run.stop.at={texts[by_place[len(texts) // 2]]}",
        f"run.stop.max_walkers={most}",
    ]
