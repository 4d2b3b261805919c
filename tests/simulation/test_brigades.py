import numpy as np
from tests.simulation.staging import live, make_platform

from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.brigades import Brigades
from gatehouse.simulation.cast import HOUR
from gatehouse.simulation.world import Role


def test_many_report_one_innocent_within_hours():
    platform, acts, _ = live(Brigades(count=3, size=(20, 30), start=(1, 1)), 6, make_platform(2_000))
    reports = acts.take(acts.kind == Act.REPORT)
    assert (reports.harm == Harm.FALSE_REPORT).all()
    assert not acts.harm[acts.kind != Act.REPORT].any()
    for number in range(3):
        done = reports.take(reports.campaign == number)
        targets = np.unique(done.target)
        assert (platform.world["role"][targets] == Role.MEMBER).all()
        for target in targets:
            these = done.take(done.target == target)
            assert len(np.unique(these.actor)) >= 10
            assert np.ptp(these.at) <= 5 * HOUR
            assert len(np.unique(these.parent)) == 1
    assert (reports.parent != NONE).all()
