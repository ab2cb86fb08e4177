"""A load balancer before 20 servers on AsyncFlow: asyncflow_lb.py SECONDS.

The nearest workload it can express: the same mean number of users with the same mean rate, one core per server, the
same mean work and the same mean way there and back. It knows neither single clients nor cookies (round robin instead),
and work is constant, not exponential. The series are sampled as seldom as it allows.
"""

import json
import math
import sys
import time

import numpy as np
import simpy
from asyncflow import AsyncFlow
from asyncflow.components import Client, Edge, LoadBalancer, Server
from asyncflow.config.constants import LatencyKey
from asyncflow.runtime.simulation_runner import SimulationRunner
from asyncflow.settings import SimulationSettings
from asyncflow.workload import RqsGenerator

USERS = 100_000
SERVERS = 20
MEAN_THINK_S = 18.0
WORK_S = 2.52e-3
# Round trips: log-normal with this median and 95th percentile.
RTT_MEDIAN_S = 25e-3
RTT_P95_S = 67e-3
Z95 = 1.6448536269514722
MEAN_ONE_WAY_S = RTT_MEDIAN_S * math.exp((math.log(RTT_P95_S / RTT_MEDIAN_S) / Z95) ** 2 / 2) / 2
# Every edge needs a latency; those that are no network get this one.
NO_TIME_S = 1e-6


def edge(source, target, mean):
    latency = {"mean": mean, "distribution": "exponential"}
    return Edge(id=f"{source}-{target}", source=source, target=target, latency=latency, dropout_rate=0.0)


def payload(seconds):
    servers = [f"server-{number}" for number in range(SERVERS)]
    flow = AsyncFlow().add_generator(RqsGenerator(
        id="generator",
        avg_active_users={"mean": USERS, "distribution": "poisson"},
        avg_request_per_minute_per_user={"mean": 60 / MEAN_THINK_S, "distribution": "poisson"},
        user_sampling_window=60,
    ))
    flow.add_client(Client(id="client"))
    flow.add_load_balancer(LoadBalancer(id="lb", algorithms="round_robin", server_covered=set(servers)))
    flow.add_servers(*(Server(
        id=server,
        server_resources={"cpu_cores": 1, "ram_mb": 2048},
        endpoints=[{
            "endpoint_name": "/api",
            "steps": [{"kind": "initial_parsing", "step_operation": {"cpu_time": WORK_S}}],
        }],
    ) for server in servers))
    flow.add_edges(
        edge("generator", "client", NO_TIME_S),
        edge("client", "lb", MEAN_ONE_WAY_S),
        *(edge("lb", server, NO_TIME_S) for server in servers),
        *(edge(server, "client", MEAN_ONE_WAY_S) for server in servers),
    )
    flow.add_simulation_settings(SimulationSettings(total_simulation_time=seconds, sample_period_s=0.1))
    return flow.build_payload()


def main():
    seconds = int(sys.argv[1])
    env = simpy.Environment()
    runner = SimulationRunner(env=env, simulation_input=payload(seconds))
    runner.rng = np.random.default_rng(1)

    start = time.perf_counter()
    results = runner.run()
    took = time.perf_counter() - start

    stats = results.get_latency_stats()
    latency = float(stats[LatencyKey.MEAN])
    print(json.dumps({
        "count": int(stats[LatencyKey.TOTAL_REQUESTS]),
        "seconds": took,
        "mean": latency - 2 * MEAN_ONE_WAY_S - 2 * NO_TIME_S,
        "latency": latency,
    }))


if __name__ == "__main__":
    main()
