# shellcheck shell=bash
# The one place to adapt to a site. Sourced by every job and by submit_sweep.sh; $slurm is the folder of this file,
# $ranks and $threads are those of the job. What is set in the environment of `sbatch` wins.

# 1. Modules: Python, and the site's MPI if it is to be used (slurm/README.md).
# module purge
# module load python/3.12 openmpi

# 2. Where mcpump is installed: a virtual environment that the compute nodes can read.
: "${MCPUMP_VENV:=$slurm/../.venv}"
[ ! -d "$MCPUMP_VENV/bin" ] || PATH=$(cd "$MCPUMP_VENV/bin" && pwd):$PATH

# 3. Where compiled kernels are kept: by default ~/.cache/mcpump. The compute nodes must be able to write there, and no
# other user, not even into a folder above (slurm/README.md). On the node's own disk: /tmp/mcpump-$USER
# export MCPUMP_CACHE_DIR=${SCRATCH:?}/mcpump-cache

# 4. What starts the ranks: the mpirun of mpi4py's MPI library where there is one, else srun. One rank needs nothing.
# Others: MCPUMP_LAUNCHER="srun --mpi=pmi2 --kill-on-bad-exit=0 --wait=60"     MPICH, MVAPICH, Intel MPI; PyPI's mpich
#         MCPUMP_LAUNCHER="srun --mpi=pmix --kill-on-bad-exit=0 --wait=60"     Open MPI
#         MCPUMP_LAUNCHER="mpirun -n $SLURM_NTASKS --bind-to none"             Open MPI with several threads for a rank
# (with srun: --wait ends a job that has lost a rank; killing at once would hide exit status 75 from the job.)
launcher=()
if [ -n "${MCPUMP_LAUNCHER:-}" ]; then
    read -ra launcher <<< "$MCPUMP_LAUNCHER"
elif [ "$ranks" -gt 1 ] && command -v mpirun > /dev/null; then
    launcher=(mpirun -n "$ranks")
elif [ "$ranks" -gt 1 ]; then
    launcher=(srun --kill-on-bad-exit=0 --wait=60)
fi

# 5. Seconds of life after which `srun`, MPI and Python are surely up: an earlier warning is passed on then.
: "${MCPUMP_SETTLED:=10}"
