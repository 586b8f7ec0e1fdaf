#!/usr/bin/env bash
# A private Slurm of one machine for the tests: munged, slurmctld and slurmd with all their files in FOLDER, on
# ports of their own; no cgroups, no accounting.
#
#   tests/slurm/cluster.sh install         # Debian's packages, where they are missing (root)
#   tests/slurm/cluster.sh start FOLDER    # prints the slurm.conf to export as SLURM_CONF
#   tests/slurm/cluster.sh stop FOLDER     # jobs first, then the daemons, by the process ids noted at the start
#
# NODES (1) and CPUS (4 a node) are pretended, whatever the machine has. Status 3: there can be no Slurm here, and
# the last line of standard error says why.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
impossible() { echo "$*" >&2; exit 3; }
broken() { echo "$*" >&2; exit 1; }

missing() { # packages whose programs are not there
    local pair
    for pair in munged:munge slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client; do
        command -v "${pair%:*}" > /dev/null || echo "${pair#*:}"
    done
}

install() {
    local packages log policy=/usr/sbin/policy-rc.d status=0
    mapfile -t packages < <(missing)
    ((${#packages[@]})) || return 0
    command -v apt-get > /dev/null || impossible "no Slurm here, and no apt-get to install it with"
    [ "$(id -u)" = 0 ] || impossible "no Slurm here; root may install it: apt-get install ${packages[*]}"
    log=$(mktemp)
    if [ ! -e "$policy" ]; then # or the packages start daemons of their own
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
    else
        policy=
    fi
    get() { DEBIAN_FRONTEND=noninteractive apt-get "$@" < /dev/null >> "$log" 2>&1; }
    get install -y --no-install-recommends "${packages[@]}" ||
        { get update && get install -y --no-install-recommends "${packages[@]}"; } || status=$?
    [ -z "$policy" ] || rm -f "$policy"
    if ((status)); then
        tail -n 5 "$log" >&2
        rm -f "$log"
        impossible "apt-get could not install ${packages[*]}"
    fi
    rm -f "$log"
}

# alive NAME: prints the process id noted for a daemon, if that process is still the one that was started here
alive() {
    local pid
    pid=$(cat "$folder/run/$1.pid" 2> /dev/null) && [ -n "$pid" ] || return 1
    tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -qF "$folder/" && echo "$pid"
}

launch() { # launch NAME COMMAND...: a daemon in a session of its own that keeps none of the caller's pipes
    local name=$1
    shift
    setsid bash -c 'echo $$ > "$0"; for ((fd = 3; fd < 64; fd++)); do eval "exec $fd>&-"; done; exec "$@"' \
        "$folder/run/$name.pid" "$@" < /dev/null > "$folder/log/$name.out" 2>&1 &
    disown
    eventually 10 alive "$name" > /dev/null || { cat "$folder/log/$name.out" >&2; give_up "$name does not start"; }
}

eventually() { # eventually SECONDS COMMAND...: until it succeeds
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
}

give_up() {
    echo "$*" >&2
    stop || true
    exit 1
}

ports() { # so many that are free
    python3 -c 'import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])' "$1"
}

configure() {
    local nodes=${NODES:-1} host place first node
    host=$(uname -n)
    host=${host%%.*}
    place=$(getent ahostsv4 "$host" | awk 'NR == 1 { print $1 }') || true
    [ -n "$place" ] || impossible "this machine cannot find its own name $host: /etc/hosts lacks it"
    mapfile -t port < <(ports $((nodes + 1)))
    # MPICH names its shared memory after the job: numbers that were used before are kept away from
    first=$((1 + (RANDOM * 32768 + RANDOM) % 60000000))
    {
        cat << END
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${port[0]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.own
SlurmdPidFile=$folder/run/%n.own
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
MpiDefault=pmi2
MailProg=/bin/true
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
InactiveLimit=0
KillWait=10
MinJobAge=3600
FirstJobId=$first
JobRequeue=1
PropagateResourceLimits=NONE
END
        [[ $place != 127.* ]] || echo CommunicationParameters=NoCtldInAddrAny,NoInAddrAny # else munge guards alone
        if [[ $(slurmd -V) =~ \ 2[0-2]\. ]]; then
            echo TaskPlugin=task/none
        else # newer ones want cgroups unless told otherwise
            echo CgroupPlugin=disabled > "$folder/cgroup.conf"
        fi
        for ((node = 1; node <= nodes; node++)); do
            echo "NodeName=node$node NodeHostname=$host NodeAddr=127.0.0.1 Port=${port[node]} CPUs=${CPUS:-4} State=UNKNOWN"
        done
        echo "PartitionName=all Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE DefaultTime=60 State=UP"
    } > "$SLURM_CONF"
}

all_up() {
    local states
    states=$(timeout 5 sinfo -h -N -o %t) && [ "$(grep -cE '^(idle|mix|alloc)$' <<< "$states")" = "${NODES:-1}" ]
}

start() {
    local packages node
    mapfile -t packages < <(missing)
    ((${#packages[@]} == 0)) || impossible "no Slurm here: the packages ${packages[*]} are missing"
    [[ $folder != *[[:space:]#]* && ${#folder} -le 80 ]] || broken "not a folder for Slurm's sockets: $folder"
    mkdir -p "$folder"/{run,log,state,spool} && mkdir -p -m 700 "$folder/munge"
    configure
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
    launch munged munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge.socket" \
        --pid-file="$folder/run/munged.own" --seed-file="$folder/munge/seed" --log-file="$folder/log/munged.log"
    eventually 10 munge -n -S "$folder/munge.socket" > /dev/null 2>&1 || give_up "munged does not answer"
    launch slurmctld slurmctld -D -f "$SLURM_CONF"
    for ((node = 1; node <= ${NODES:-1}; node++)); do
        mkdir -p "$folder/spool/node$node"
        launch "node$node" slurmd -D -N "node$node" -f "$SLURM_CONF"
    done
    eventually 60 all_up || { tail -n 20 "$folder"/log/*.log >&2; give_up "the nodes do not come up"; }
    echo "$SLURM_CONF"
}

no_jobs() { [ -z "$(timeout 10 squeue -h -o %A 2> /dev/null)" ]; }
ended() { ! alive "$1" > /dev/null; }

stop() {
    local file name pid left=
    if alive slurmctld > /dev/null; then
        timeout 10 squeue -h -o %A 2> /dev/null | sort -u | xargs -r timeout 10 scancel 2> /dev/null || true
        eventually 30 no_jobs || true # KillWait and a little
    fi
    for name in $(cd "$folder/run" 2> /dev/null && ls -d node*.pid 2> /dev/null) slurmctld.pid munged.pid; do
        name=${name%.pid}
        pid=$(alive "$name") || continue
        kill -TERM "$pid" 2> /dev/null || true
        eventually 10 ended "$name" || { kill -KILL "$pid" 2> /dev/null || true; }
        eventually 5 ended "$name" || left+=" $name"
    done
    [ -z "$left" ] || broken "still running:$left"
}

if [ $# -eq 1 ] && [ "$1" = install ]; then
    install
elif [ $# -eq 2 ] && [[ $1 =~ ^(start|stop)$ ]]; then
    folder=$(realpath -m "$2")
    export SLURM_CONF=$folder/slurm.conf
    "$1"
else
    broken "usage: $0 install | start FOLDER | stop FOLDER"
fi
