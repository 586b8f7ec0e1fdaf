"""The random walk: numba kernels, and the block of walkers that they fill.

`blocks.ground_of(problem).walk(number)` walks one block and returns its `BlockSums`. Everything is in reduced units;
nothing here knows decks, SI or files.

=============== ======================================================================================
blocks          one block of walkers → sums
walk            diffusive part along x, in lanes; with `jump`, `emission`, `spin`, `score`, `geometry`
first_flight    local part along x, by expected values
pulse           a plane pulse, both parts
transport       any mesh, layers, texture and order in J; with `walker`, `carried`, `course`, `rotation`
charge          charge that first flights carry and leave behind; `charge_profiles` what follows from it
lanes, philox   loops side by side; random numbers by counter
replay          the way of one walker, as text
=============== ======================================================================================
"""
