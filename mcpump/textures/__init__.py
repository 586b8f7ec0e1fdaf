"""Magnetization textures S(x, y, z, t) and their derivatives.

========== ===========================================================================================
shapes     the family along x in closed form: an envelope times a precession, in harmonics
parameters numbers of every built-in texture, packed for the kernels
moving     S, Ṡ, ∂S and ∇²S of every built-in texture at any place and time
user       a user's Python function S(x, y, z, t), compiled
ovf        OVF files, in and out
sampled    S interpolated between the cells and times of a series of snapshots
snapshots  a series that a deck names, read once in a process and shared by a node
========== ===========================================================================================

Lengths and times are those of the caller; nothing here knows decks. Only `deck`'s quantities know units.
"""
