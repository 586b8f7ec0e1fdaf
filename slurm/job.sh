# shellcheck shell=bash
# Sourced by the jobs: strict mode, the site's environment, and what they share. $slurm is the folder of this file.
set -euo pipefail

# A log that cannot be written, a full disk, ends nothing: what is told is lost then.
say() { (printf '%s %s: %s\n' "$(date '+%F %T')" "${SLURM_JOB_NAME:-job}" "$*" >&2) || true; }
fail() { say "$*" && exit 1; }
trap 'say "line $LINENO of ${BASH_SOURCE[0]} failed with status $?"' ERR

# A warning (USR1, see --signal) is passed on to mcpump, which saves and ends with status 75. It may come at any moment.
: "${warned:=}"
child=
trap 'warned=1; tell_to_stop' USR1

tell_to_stop() {
    [ -n "$child" ] || return 0 # walk will tell
    trap '' USR1 # once is enough
    say "warned: saving"
    [ "$SECONDS" -ge "$MCPUMP_SETTLED" ] || sleep $((MCPUMP_SETTLED - SECONDS))
    kill -USR1 "$child" 2> /dev/null || true
}

[ -n "${SLURM_JOB_ID:-}" ] || fail "this is a job: submit it with sbatch"
ranks=${SLURM_NTASKS:-1}
threads=${SLURM_CPUS_PER_TASK:-1}
# shellcheck source=environment.sh
source "$slurm/environment.sh"
command -v mcpump > /dev/null || fail "no mcpump on $(uname -n): slurm/README.md tells how to install it; $slurm/environment.sh must find it"

# Steps do not inherit --cpus-per-task. Under srun a task is a rank; under mpirun it is the starter of a node's ranks, which
# must not be tied to the cores of one of them. On one node MPICH's mpirun needs no step at all.
if [ "${launcher[0]:-}" = srun ]; then
    export SRUN_CPUS_PER_TASK=$threads
else
    export SRUN_CPUS_PER_TASK=$((threads * ((ranks + SLURM_NNODES - 1) / SLURM_NNODES))) SLURM_CPU_BIND=none
    [ "$SLURM_NNODES" -gt 1 ] || export HYDRA_LAUNCHER=fork
fi
# What a killed MPICH run has left in shared memory would stop the same job when it is started again.
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] || export MPIR_CVAR_NOLOCAL=1

say "job $SLURM_JOB_ID on $SLURM_JOB_NODELIST: $ranks × $threads cores, ${launcher[*]:-one process}, $(mcpump --version)"

# walk COMMAND [ARGUMENTS...]: mcpump COMMAND on all ranks. Sets `status`; `warned` is set after a warning that no
# cancellation followed.
walk() {
    local command=$1
    shift
    status=0
    # after scancel and at the time limit Slurm tells the ranks itself, and srun would take a second word for "at once"
    trap 'warned=' TERM
    "${launcher[@]}" mcpump "$command" --threads "$threads" "$@" &
    child=$!
    [ -z "$warned" ] || tell_to_stop
    while :; do # a signal interrupts `wait`
        wait "$child" && status=0 || status=$?
        kill -0 "$child" 2> /dev/null || break
    done
    wait "$child" && status=0 || status=$?
    trap '' USR1 # there is nothing left to save
    trap - TERM
}

# The job's end: with the status of mcpump.
end() {
    [ "$status" = 0 ] || say "mcpump ended with status $status"
    exit "$status"
}

# The same for a job that was warned and has saved: it goes back into the queue, to go on later.
end_or_requeue() {
    [ -n "$warned" ] && [ "$status" = 75 ] || end
    [ "${SLURM_RESTART_COUNT:-0}" -lt "${MCPUMP_MOST_RESTARTS:-100}" ] ||
        fail "started again ${SLURM_RESTART_COUNT:-0} times, and not complete: submit it again with a longer --time to go on"
    say "saved; back into the queue"
    trap '' TERM # Slurm ends what it requeues
    scontrol requeue "$SLURM_JOB_ID" || fail "this Slurm does not requeue: submit the job again to go on"
    exit 0
}
