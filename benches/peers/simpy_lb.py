"""100,000 clients, cookie affinity, 20 single-server pods on SimPy: simpy_lb.py SECONDS.

One process per client, one Resource per pod, as in SimPy's own examples. Delays that follow each other without a
decision are one timeout: thinking and the way to the pod.
"""

import json
import math
import random
import sys
import time

import simpy

CLIENTS = 100_000
PODS = 20
MEAN_THINK_S = 18.0
MEAN_WORK_S = 2.52e-3
# Round trips: log-normal with this median and 95th percentile.
RTT_MEDIAN_S = 25e-3
RTT_P95_S = 67e-3
Z95 = 1.6448536269514722


def client(env, pods, one_way, latencies, sojourns):
    """Thinks, requests, waits for the response, for ever."""
    expovariate = random.expovariate
    cookie = None
    while True:
        think = expovariate(1 / MEAN_THINK_S)
        sent = env.now + think
        yield env.timeout(think + one_way)
        arrived = env.now
        if cookie is None:
            cookie = random.randrange(PODS)
        with pods[cookie].request() as turn:
            yield turn
            yield env.timeout(expovariate(1 / MEAN_WORK_S))
        sojourns.append(env.now - arrived)
        yield env.timeout(one_way)
        latencies.append(env.now - sent)


def main():
    duration = float(sys.argv[1])
    random.seed(1)
    env = simpy.Environment()
    pods = [simpy.Resource(env, capacity=1) for _ in range(PODS)]
    latencies, sojourns = [], []
    sigma = math.log(RTT_P95_S / RTT_MEDIAN_S) / Z95
    for _ in range(CLIENTS):
        rtt = random.lognormvariate(math.log(RTT_MEDIAN_S), sigma)
        env.process(client(env, pods, rtt / 2, latencies, sojourns))

    start = time.perf_counter()
    env.run(until=duration)
    seconds = time.perf_counter() - start

    sojourns.sort()
    print(json.dumps({
        "count": len(latencies),
        "seconds": seconds,
        "mean": sum(sojourns) / len(sojourns),
        "p99": sojourns[int(0.99 * len(sojourns))],
        "latency": sum(latencies) / len(latencies),
    }))


if __name__ == "__main__":
    main()
