"""One walker from its birth to its end, as a machine takes it that has a thread for each: a lane of its own."""

from __future__ import annotations

import numpy as np

from mcpump.compiled import part
from mcpump.walk.events import ON, bear, end_walker, happens
from mcpump.walk.jumps import jump
from mcpump.walk.state import FLAG, NUMBER, TOO_MANY_FLIGHTS
from mcpump.walk.walkers import turn


@part
def history(scene, course, walker, spin, tallies, key, block, born):
    """Follow walker `born` of a block in lane 0, as `walkers.follow`; its flights, or −what went wrong."""
    most, line = np.uint64(scene.max_flights), ON
    bear(spin.rows, scene, course, walker, spin, tallies, key, block, born, 0)
    while True:
        if line == ON and scene.jump > 0.0:
            line = jump(spin.rows, scene, course, walker, spin, tallies, key, 0)
        if line != ON:
            if not end_walker(scene, course, walker, spin, tallies, key, line, 0):
                return np.int64(walker.words[NUMBER, 0])
            line = ON
        else:
            flag = 0
            while flag == 0:
                turn(scene, walker, spin, 1, key)
                flag = walker.notes[FLAG, 0]
            if walker.words[NUMBER, 0] > most:
                return np.int64(-TOO_MANY_FLIGHTS)
            line = happens(scene, course, walker, spin, tallies, key, 0)
