"""Two detectors' flags on the same rows: whether one misses more, and how small a difference the rows could show."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special


@dataclass(frozen=True)
class Paired:
    """Rows that one of two detectors got wrong and the other right.

    `worse` are wrong for the candidate alone, `better` for the champion alone, of `n` rows of one class.
    """

    n: int
    worse: int
    better: int

    @classmethod
    def of(cls, champion_right: npt.ArrayLike, candidate_right: npt.ArrayLike) -> "Paired":
        """From two columns of 1 (right) and 0 about the same rows."""
        one, other = np.asarray(champion_right, np.bool_), np.asarray(candidate_right, np.bool_)
        if one.ndim != 1 or one.shape != other.shape:
            raise ValueError("both detectors must answer the same rows")
        return cls(len(one), int(np.sum(one & ~other)), int(np.sum(~one & other)))

    @property
    def loss(self) -> float:
        """The champion's share of right rows less the candidate's."""
        if not self.n:
            raise ValueError("no rows were compared")
        return (self.worse - self.better) / self.n

    @property
    def discordance(self) -> float:
        """Share of rows on which the two differ."""
        return (self.worse + self.better) / self.n if self.n else 0.0

    def chance_of_no_loss(self) -> float:
        """One-sided exact McNemar test: the chance of so many worse rows if neither detector were worse."""
        differing = self.worse + self.better
        return float(special.bdtrc(self.worse - 1, differing, 0.5)) if self.worse else 1.0

    def loss_interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Interval of the loss: Newcombe's for paired shares by the score method on the differing rows.

        Between the exact bounds on the share of differing rows that are worse, times the discordance.
        """
        differing = self.worse + self.better
        if not differing:
            # Nothing differs: at most 3 rows of n plausibly would (rule of three, both ways).
            most = 1 - (1 - confidence) ** (1 / max(self.n, 1))
            return -most, most
        z = float(special.ndtri((1 + confidence) / 2))
        spread = math.sqrt(max(self.discordance - self.loss**2, 1 / self.n**2) / self.n)
        return self.loss - z * spread, self.loss + z * spread


def smallest_loss(n: int, discordance: float, alpha: float, power: float = 0.9) -> float:
    """The smallest loss that a one-sided test at `alpha` sees with this power on n rows (normal approximation).

    Connor 1987 for McNemar's test: with the share of differing rows known. A discordance of 0 is taken as one row.
    """
    if n < 1:
        return math.inf
    share = max(discordance, 1 / n)
    z_alpha, z_power = float(special.ndtri(1 - alpha)), float(special.ndtri(power))
    # z_alpha sqrt(d) + z_power sqrt(d - loss²) = loss sqrt(n), solved for the loss by iteration.
    loss = (z_alpha + z_power) * math.sqrt(share / n)
    for _ in range(30):
        loss = (z_alpha * math.sqrt(share) + z_power * math.sqrt(max(share - loss**2, 0.0))) / math.sqrt(n)
    return loss


def rows_needed(loss: float, discordance: float, alpha: float, power: float = 0.9) -> int:
    """Rows of one class on which a loss of this size would be seen with this power."""
    if not 0 < loss <= 1:
        raise ValueError("a loss lies between 0 and 1")
    # A loss cannot be larger than the share of rows that differ.
    share = max(discordance, loss)
    z_alpha, z_power = float(special.ndtri(1 - alpha)), float(special.ndtri(power))
    root = z_alpha * math.sqrt(share) + z_power * math.sqrt(max(share - loss**2, 0.0))
    return math.ceil((root / loss) ** 2)
