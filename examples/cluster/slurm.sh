#!/bin/bash
#SBATCH --job-name=lanista
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append

# Ray on the nodes of this job, and the experiment on top:  sbatch slurm.sh [PROGRAM]
# Two minutes before its time is up the job goes back into the queue; then the experiment goes on where it was.

set -euo pipefail
program="${1:-train.py}"
export LANISTA_HOME="${LANISTA_HOME:-$HOME/lanista}"   # on a disk that all nodes share
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
RAY_AUTH_TOKEN="$(python -c 'import secrets; print(secrets.token_hex())')"
export RAY_AUTH_TOKEN                                  # of this job alone; srun hands it on

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
port=$((6400 + SLURM_JOB_ID % 1800))                   # so that two jobs can share a node
address="$(python -c 'import ray; print(ray.util.get_node_ip_address())'):$port"   # this is the first node

quit() { jobs -p | xargs -r kill 2>/dev/null || true; }
trap quit EXIT
trap 'quit; scontrol requeue "$SLURM_JOB_ID"; exit 0' USR1

start() {  # start NODE... -- what `ray start` is told beside
    local where=()
    while [[ "$1" != -- ]]; do where+=("$1"); shift; done
    shift
    srun --overlap --nodes="${#where[@]}" --ntasks="${#where[@]}" --nodelist="$(IFS=,; echo "${where[*]}")" \
        --cpus-per-task="$SLURM_CPUS_PER_TASK" ray start --block --num-cpus="$SLURM_CPUS_PER_TASK" "$@" &
}

start "${nodes[0]}" -- --head --port="$port"
until ray status --address="$address" &>/dev/null; do
    kill -0 $!                                         # a head that cannot start ends the job
    sleep 1
done
if ((${#nodes[@]} > 1)); then
    start "${nodes[@]:1}" -- --address="$address"
fi

RAY_ADDRESS="$address" python "$program" &   # begins on the first node; the others are used as they come
wait $!
