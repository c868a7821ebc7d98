"""Who is who: persons with two accounts, devices that two people share, cookies that browsers forget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated.config import ShopConfig
from jobs.land.simulated.people import DEVICES_MAX
from jobs.land.simulated.streams import BoolArray, IntArray, stream


@dataclass(frozen=True)
class Households:
    """One array entry for each customer, and for each of their devices."""

    config: ShopConfig
    person: IntArray  # number of the person's first account
    device: IntArray  # (customer, place): number of the device
    tells_id: BoolArray  # by number of the device

    def visitor(self, customer: IntArray, place: IntArray, day: int) -> IntArray:
        """Visitor number of a browser on a day; new after each forgetting. Those of robots lie between."""
        forgotten = day // self.config.cookie_days if self.config.cookie_days else 0
        numbers: IntArray = self.device[customer, place] + forgotten * 2 * self.config.customers * DEVICES_MAX
        return numbers

    def told_device(self, customer: IntArray, place: IntArray) -> IntArray:
        """Number of the device where it tells its id, else -1."""
        number = self.device[customer, place]
        return np.where(self.tells_id[number], number, -1)


def make_households(config: ShopConfig) -> Households:
    """Of each two neighbouring customers the second may be the first one's other account, or share a device."""
    customers = np.arange(config.customers, dtype=np.int64)
    person, device = customers.copy(), customers[:, None] * DEVICES_MAX + np.arange(DEVICES_MAX)
    draw = stream(config.seed, "households").random(config.customers // 2)
    firsts = 2 * np.arange(len(draw))
    second_account = firsts[draw < config.second_account_share]
    person[second_account + 1] = second_account
    device[second_account + 1] = device[second_account]
    family = firsts[draw >= 1 - config.shared_device_share]
    device[family + 1, 0] = device[family, 0]
    tells_id = stream(config.seed, "devices").random(config.customers * DEVICES_MAX) < config.device_id_share
    return Households(config, person, device, tells_id)
