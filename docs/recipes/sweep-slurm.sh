#!/usr/bin/env bash
#SBATCH --job-name=stickysim-sweep
#SBATCH --array=0-7
#SBATCH --cpus-per-task=1
#
# A sweep as a Slurm array: each task runs one part of the points. FOLDER lies where every node sees it.
#
#   stickysim sweep plan scenario.yaml --axis pods.replicas=3,5,8 --out FOLDER
#   job=$(sbatch --parsable docs/recipes/sweep-slurm.sh FOLDER)
#   sbatch --dependency="afterok:$job" --wrap 'stickysim sweep merge FOLDER'
#
# Submitted again, it passes over what is finished. `sbatch --array=0-31` makes more and smaller parts, also in between.
set -euo pipefail
exec stickysim sweep run "${1:?name the folder that stickysim sweep plan wrote}" --threads "${SLURM_CPUS_PER_TASK:-1}"
