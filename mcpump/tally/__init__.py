"""From sums over blocks to estimates with standard errors.

=================== ==================================================================================
exact_sums          sums without rounding
tally               sums of all blocks and of 64 groups of them: means, errors, covariances
estimates           `Estimate` (mean, error, axes, unit) and `Result` (a whole run)
scales              names and units of results
observables         spin density, current, torque, budget; `scene_observables` on meshes and in time
equilibrium         static polarization, super-current; `scene_equilibrium` on meshes and in time
charge              charge currents, densities, voltage
pumping             Tserkovnyak's form fitted to the currents
selfcheck           what must agree within a run
=================== ==================================================================================
"""
