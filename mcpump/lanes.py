"""State of the walkers that the fast walk leads side by side: one row a number, one column a walker."""

import numpy as np

X, AGE, T_END, RELAXES, MU, LENGTH, NEXT = range(7)
"""Place, age; age of its end and whether that is relaxation; direction and length of the flight, where it would end."""
STREAM_WALK = np.uint64(0)
"""Stream of random numbers of the walk."""
