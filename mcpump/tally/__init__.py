"""From sums over blocks to estimates with standard errors.

=================== ==================================================================================
exact_sums          sums without rounding
tally               sums of all blocks and of 64 groups of them: means, errors, covariances
estimates           `Estimate` (mean, error, axes, unit) and `Result` (a whole run)
amplitudes          from the last axis of the books to channels, time functions and components
scales              names and units of results
observables         spin density, current, torque, budget, on meshes and in time
equilibrium         static polarization, super-current
charge              charge currents, densities, voltage
exact_charge        charge that first flights of `exact` make
inverse_spin_hall   the inverse spin Hall formula of every channel, and its voltage
pumping             Tserkovnyak's form fitted to the currents
damping             what pumping costs the magnet
selfcheck           what must agree within a run
resolved, marks     numbers that a run does not resolve, NaN in their place
rare_flights, reach the same of walks that sample first flights
=================== ==================================================================================
"""
