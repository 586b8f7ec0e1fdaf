"""Which channel a run's headlines tell: table, stop rule, mixing conductance, damping, figures and export.

Channels by order in J hold where Jτ/ħ is small, `exact` everywhere. So `exact` comes first where Jτ/ħ is not small;
where it is small the sum of `first` and `second`, the paper, does, for its errors are smaller. The order of the channels
in the deck does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SMALL = 0.2
"""Numbers that the theory wants small are not small above this."""
_PREFERRED = ("sum", "exact", "second_ladder", "second", "first", "spin_hall")
_HOLD_ANYWHERE = ("exact", "spin_hall")


class Headline(NamedTuple):
    """The channel to tell, and whether it holds."""

    channel: str
    """Its name in the results."""
    exchange: float
    """Jτ/ħ; NaN where nothing is turned."""

    @property
    def words(self) -> str:
        """Name of the channel in a sentence."""
        return "first + second" if self.channel == "sum" else self.channel

    @property
    def holds(self) -> bool:
        """Whether the channel is more than the lowest order in a number that is not small."""
        return self.channel in _HOLD_ANYWHERE or not self.exchange > SMALL

    @property
    def doubt(self) -> str:
        """What is wrong with the channel, after its title or a relative pronoun; empty where it holds."""
        if self.holds:
            return ""
        return f"do{'' if self.channel == 'sum' else 'es'} not hold at Jτ/ħ = {self.exchange:.3g}"

    @property
    def marked(self) -> str:
        """Name, with what is wrong with the channel."""
        return self.words if self.holds else f"{self.words}, which {self.doubt}"

    @property
    def title(self) -> str:
        """The same with the word channel before it."""
        return f"channel{'s' * (self.channel == 'sum')} {self.marked}"


def headline(channels: Sequence[str], exchange: float) -> Headline:
    """Headline of a run.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels in its results, in any order.
    exchange : float
        Jτ/ħ; NaN where nothing is turned.

    Returns
    -------
    Headline
    """
    if "exact" in channels and exchange > SMALL:
        return Headline("exact", exchange)
    return Headline(next(name for name in _PREFERRED if name in channels), exchange)
