"""M/M/1 at load 0.8 on Happy Simulator: happy_mm1.py CUSTOMERS.

The quick start of its own documentation with other numbers: Source.poisson, Server, Sink.
"""

import json
import random
import sys
import time

from happysimulator import Instant, Server, Simulation, Sink, Source
from happysimulator.distributions import ExponentialLatency

ARRIVALS_PER_S = 0.8
MEAN_WORK_S = 1.0


def main():
    customers = int(sys.argv[1])
    random.seed(1)
    sink = Sink()
    server = Server("Server", service_time=ExponentialLatency(MEAN_WORK_S), downstream=sink)
    source = Source.poisson(rate=ARRIVALS_PER_S, target=server)
    end = Instant.from_seconds(customers / ARRIVALS_PER_S)
    simulation = Simulation(sources=[source], entities=[server, sink], end_time=end)

    start = time.perf_counter()
    simulation.run()
    seconds = time.perf_counter() - start

    stats = sink.latency_stats()
    print(json.dumps({
        "count": stats["count"],
        "seconds": seconds,
        "mean": stats["avg"],
        "p99": stats["p99"],
    }))


if __name__ == "__main__":
    main()
