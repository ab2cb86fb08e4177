#!/usr/bin/env bash
# A sweep by GNU parallel, here or over ssh: FOLDER lies where every host sees it under the same path.
#
#   stickysim sweep plan scenario.yaml --axis pods.replicas=3,5,8 --out FOLDER
#   docs/recipes/sweep-parallel.sh FOLDER 16                                        # all cores of this machine
#   docs/recipes/sweep-parallel.sh FOLDER 64 --sshlogin 16/node1,16/node2 --wd .    # sixteen at a time on each of two hosts
#   stickysim sweep merge FOLDER
#
# A part whose worker dies is tried again, on another host if there is one. Given again, it passes over what is finished.
set -euo pipefail
folder=${1:?name the folder that stickysim sweep plan wrote}
parts=${2:?say into how many parts to divide the points}
shift 2
seq 0 $((parts - 1)) | parallel --retries 3 "$@" stickysim sweep run "$folder" --shard "{}/$parts" --threads 1
