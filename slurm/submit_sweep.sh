#!/usr/bin/env bash
# Submits a sweep as a chain of jobs: an array with a task for each point, the collection into one file when all are complete,
# and the figure. If one fails, those that wait for it are cancelled, and the same command submits the rest again.
#
#   slurm/submit_sweep.sh [--figure COMMAND] [--at-once N] DECK --vary KEY=VALUES [options of mcpump sweep]
#
#   slurm/submit_sweep.sh --figure 'python analysis/plot_crossover.py crossover-sweep/*.h5 -o crossover.png' \
#       run/crossover.toml --vary texture.wavelength="0.06:600:13:log" --with sample.x.length="0.06:600:13:log"
#
# --at-once N: at most N tasks run at a time. Partition, account and the like: SBATCH_PARTITION, SBATCH_ACCOUNT,
# and MCPUMP_ARRAY_OPTIONS="--time=4:00:00 --cpus-per-task=32" for the array alone. Prints the jobs' numbers, a line each.
set -euo pipefail
slurm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

figure='' at_once=''
while [ $# -gt 0 ]; do
    case $1 in
        --figure) figure=${2:?--figure needs a command} && shift 2 ;;
        --at-once) at_once=%${2:?--at-once needs a number} && shift 2 ;;
        --help | -h) usage && exit 0 ;;
        *) break ;;
    esac
done
[ $# -ge 3 ] || { usage >&2 && exit 2; }

ranks=1 threads=1
# shellcheck source=environment.sh
source "$slurm/environment.sh"
command -v mcpump > /dev/null || { echo "no mcpump: $slurm/environment.sh must find it" >&2 && exit 1; }
runs=$(mcpump sweep --list "$@") # refuses a mistake before anything is submitted
points=$(wc -l <<< "$runs")
export MCPUMP_SLURM=$slurm
read -ra options <<< "${MCPUMP_ARRAY_OPTIONS:-}"

submit() { # submit AFTER OPTIONS...: prints the job's number
    local after=() job
    [ -z "$1" ] || after=(--dependency="afterok:$1" --kill-on-invalid-dep=yes)
    shift
    job=$(sbatch --parsable "${after[@]}" "$@")
    echo "${job%%;*}" # with several clusters their name follows
}

sweep=$(submit '' --array="1-$points$at_once" "${options[@]}" "$slurm/sweep_array.sbatch" "$@")
echo "sweep $sweep"
collect=$(submit "$sweep" "$slurm/collect.sbatch" "$@")
echo "collect $collect"
if [ -n "$figure" ]; then
    figures=$(submit "$collect" "$slurm/figures.sbatch" "$figure")
    echo "figures $figures"
fi
