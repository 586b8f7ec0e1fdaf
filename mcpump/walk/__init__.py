"""The random walk: numba kernels, and the block of walkers that they fill.

`blocks.ground_of(problem).walk(number)` walks one block and returns its `BlockSums`. Everything is in reduced units;
nothing here knows decks, SI or files.

=============== ====================================================================================================
blocks          which walk takes a scene; what is worked out once; one block of walkers → sums
layout          what a block adds to the books, the same for all walks; `projection`: Fig. 3 in one number
known           what is found without walkers: the local part and what walkers are born from (`source`), by
first_flights   discrete ordinates along x, where the texture precesses rigidly,
rays            rays followed backward, any mesh, stack and texture of a periodic drive; kernels: `backward`;
                where they arrive: `bins`, what arrives, as sums and births: `arrivals`
mesh_reference  what of it diffuses, as a table, and what flights make of it; kernels: `reference_rays`
lane_block      a block of the walk in lanes, from first collisions on, from its
plan            slabs, gates and births; with `births` and `columns`, the numbers that walkers carry
walkers         walkers in lanes, from birth to death, from their
events          births, gates, collisions: rare, walker by walker; with `scores` and `jumps`
turning         spins in flight that any texture turns, for several birth times on one path
lane_loops      pieces of flight, lane by lane; `state` says what a lane holds
flight          scalar physics: directions, pieces, turns, walls, jumps; `arithmetic`: numbers
from_birth      a block of the general walk: transients, fields, static textures, thin samples; from
walked_flights  first flights, one by one, and, from their first collisions on, the same lanes, scored along their way by
marching        what lanes carry there, and take over (`handed`); both with `walker`, `carried`, `course`, `rotation`,
                `geometry`, `natural_sizes`
charge          charge that first flights carry and leave behind; `charge_profiles` what follows from it
pulse_block     a block of a plane pulse, from its kernels: `pulse`, with `lanes` and `philox`
fixed           lanes with sums in fixed point, the same on every machine
gpu             a block on a GPU: `history`, one walker from birth to death; `gpu_kernel` is all that knows the machine
replay          the way of one walker, as text
=============== ====================================================================================================
"""
