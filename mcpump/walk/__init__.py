"""The random walk: numba kernels, and the block of walkers that they fill.

`blocks.ground_of(problem).walk(number)` walks one block and returns its `BlockSums`. Everything is in reduced units;
nothing here knows decks, SI or files.

=============== ======================================================================================
blocks          which walk takes a scene; one block of walkers → sums
layout          what a block adds to the books, the same for both walks
known           what is found without walkers, in that layout
fast            a block of the fast walk, from its kernels:
walk            diffusive part along x, in lanes; with `jump`, `emission`, `spin`, `score`, `geometry`
first_flight    local part along x, by expected values
pulse           a plane pulse, both parts
general         a block of the general walk, from its kernels:
transport       any mesh, layers, texture and order in J; with `walker`, `carried`, `course`, `rotation`
charge          charge that first flights carry and leave behind; `charge_profiles` what follows from it
rays            first flights of any periodic scene without walkers, from its kernels: `backward`
lanes, philox   loops side by side; random numbers by counter
replay          the way of one walker, as text
=============== ======================================================================================
"""
