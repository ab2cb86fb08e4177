//! Redis and databases among the workloads, and what the pods know of them.

use super::finding::{Code, Findings, Place};
use super::object::{Known, Object};
use super::units::cores;
use super::workload::{Env, Workload};

/// What a workload stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Redis,
    Sentinel,
    Postgres,
    Other,
}

/// Images of stores by the last part of their name.
const IMAGES: &[(Store, &str)] = &[
    (
        Store::Redis,
        "redis redis-master redis-slave redis-replica redis-stack redis-stack-server redis-cluster gb-redisslave \
         redis-follower valkey keydb dragonfly",
    ),
    (Store::Sentinel, "redis-sentinel valkey-sentinel"),
    (Store::Postgres, "postgres postgresql postgis timescaledb pgvector spilo"),
    (
        Store::Other,
        "mysql mysql-server mariadb percona-server mongo mongodb mongodb-community-server memcached rabbitmq kafka \
         zookeeper nats cassandra elasticsearch opensearch qdrant minio etcd clickhouse-server pgbouncer pgadmin4 redisinsight \
         redis-commander redis_exporter postgres-exporter",
    ),
];

/// What the image of a workload's first container stores, if anything.
pub(super) fn store(workload: &Workload) -> Option<Store> {
    let image = workload.images.first()?;
    let name = image.split('@').next()?.rsplit('/').next()?.split(':').next()?;
    IMAGES.iter().find(|(_, names)| names.split_whitespace().any(|known| known == name)).map(|(store, _)| *store)
}

/// What a scenario says of Redis.
#[derive(Debug)]
pub(super) struct Redis {
    pub adapter: Known<String>,
    pub topology: Known<String>,
    pub cpu: Option<Known<f64>>,
    pub persistence: Option<Known<String>>,
}

/// Reads what there is of Redis: its own workload, or a variable of the pods that names one.
pub(super) fn redis(stores: &[(Store, Workload)], pods: Option<&Workload>, findings: &mut Findings) -> Option<Redis> {
    let sentinel = stores.iter().any(|(store, _)| *store == Store::Sentinel);
    let servers: Vec<&Workload> = stores.iter().filter(|(s, _)| *s == Store::Redis).map(|(_, w)| w).collect();
    let mentioned = pods.and_then(|pods| pods.env.iter().find(|env| names_redis(env)));
    let python = pods.is_some_and(is_python);
    let adapter = if python { "python-socketio" } else { "classic" };
    let reason = match (mentioned, servers.first()) {
        (Some(env), _) => format!("`{}` ({}) says that there is Redis, not what for", env.name, env.from.from),
        (None, Some(server)) => format!("there is {}; what for stands in the application", server.object.label()),
        (None, None) => return None,
    };
    let adapter = Known::assumed(adapter.to_owned(), reason);
    // masters come before replicas: of several servers the one that is named so, else the first
    let server = servers.iter().find(|w| w.name().contains("master")).or(servers.first()).copied();
    let Some(server) = server else {
        let topology = Known::assumed("single".to_owned(), "where Redis runs is not in these files");
        return Some(Redis { adapter, topology, cpu: None, persistence: None });
    };
    let (topology, persistence) = check_server(server, sentinel, findings);
    let limit = server.object.field("spec.template.spec.containers").and_then(|containers| {
        let first = containers.node.items().first()?;
        let field = server.object.below(first, "spec.template.spec.containers[0]", "resources.limits.cpu")?;
        Some(Known { value: cores(field.text()?)?, from: field.from })
    });
    Some(Redis { adapter, topology, cpu: limit, persistence })
}

fn names_redis(env: &Env) -> bool {
    let name = env.name.to_ascii_uppercase();
    name.contains("REDIS") || env.value.starts_with("redis://") || env.value.starts_with("rediss://")
}

/// Whether the pods look like Python; nothing in manifests says so for certain.
pub(super) fn is_python(pods: &Workload) -> bool {
    let words = format!("{} {}", pods.images.join(" "), pods.command).to_lowercase();
    ["uvicorn", "gunicorn", "fastapi", "python", "hypercorn", "daphne", "tornado"]
        .iter()
        .any(|word| words.contains(word))
}

fn check_server(server: &Workload, sentinel: bool, findings: &mut Findings) -> (Known<String>, Option<Known<String>>) {
    let topology = if sentinel {
        Known::assumed("sentinel".to_owned(), "there are Sentinels among the workloads")
    } else {
        Known::assumed("single".to_owned(), format!("{} without Sentinels", server.object.label()))
    };
    let appends = ["--appendonly yes", "--appendonly true"].iter().any(|word| server.command.contains(word));
    let data = has_volume(&server.object);
    let place = server.object.named();
    if server.replicas.value == 1 && !sentinel {
        if data {
            findings.add(
                Code::RedisSingle,
                &place,
                "Redis is a single pod",
                "try `timeline: [{at: 10m, redis_crash: {}}]`; Sentinel or a managed Redis takes over within seconds",
            );
        } else {
            let what = if appends {
                "Redis writes an append-only file, and has no volume to keep it on"
            } else {
                "Redis is a single pod without a volume"
            };
            findings.add(
                Code::RedisWithoutVolume,
                &place,
                what,
                "give a StatefulSet `volumeClaimTemplates` mounted at `/data` and `--appendonly yes`; for an adapter's \
                 pub/sub alone nothing need be kept",
            );
        }
    }
    let kept = match (data, appends) {
        (true, true) => {
            Known::assumed("everysec".to_owned(), "an append-only file on a volume, `appendfsync` as by default")
        }
        (true, false) => Known::assumed("none".to_owned(), "no append-only file: what the last snapshot lacks is lost"),
        (false, _) => Known::assumed("none".to_owned(), "no volume"),
    };
    (topology, Some(kept).filter(|_| !sentinel))
}

/// True when something of a pod's files outlives it.
fn has_volume(object: &Object) -> bool {
    let claims = object.field("spec.volumeClaimTemplates").is_some_and(|field| !field.node.items().is_empty());
    let volumes = object.field("spec.template.spec.volumes");
    let passing = ["emptyDir", "configMap", "secret", "projected", "downwardAPI"];
    let lasting = volumes.is_some_and(|field| {
        field.node.items().iter().any(|volume| {
            volume.entries().iter().any(|entry| entry.key != "name" && !passing.contains(&entry.key.as_str()))
        })
    });
    claims || lasting
}

/// What a scenario says of the database.
#[derive(Debug)]
pub(super) struct Database {
    pub pool: Known<u64>,
    pub max_connections: Known<u64>,
}

/// Reads the database, when the files say how large the pools of connections are.
pub(super) fn database(
    stores: &[(Store, Workload)],
    pods: Option<&Workload>,
    most_pods: u64,
    findings: &mut Findings,
) -> Option<Database> {
    let pods = pods?;
    let (pool, place) = pool(pods)?;
    let server = stores.iter().find(|(store, _)| *store == Store::Postgres).map(|(_, workload)| workload);
    let limit = server
        .and_then(limit)
        .unwrap_or_else(|| Known::assumed(100, "the default of PostgreSQL, of which 3 are reserved"));
    let limit = if (10..=10_000).contains(&limit.value) {
        limit
    } else {
        Known::assumed(100, format!("{} connections ({}) are not possible", limit.value, limit.from))
    };
    let reserve = 3;
    // a surge of more than all pods is never needed
    let rolling = most_pods.saturating_add(pods.surge.of(most_pods).min(most_pods));
    let (rest, during) = (most_pods.saturating_mul(pool.value), rolling.saturating_mul(pool.value));
    let usable = limit.value.saturating_sub(reserve);
    if during > usable {
        let when = if rest > usable { format!("{rest}") } else { format!("{during} during a rollout") };
        let what = format!(
            "{most_pods} pods with {} connections each are {when}; of {} ({}) {reserve} are reserved",
            pool.value, limit.value, limit.from
        );
        let fix = format!(
            "write a pool of {} or fewer, raise `max_connections`, or put a pooler such as PgBouncer between",
            (usable / rolling.max(1)).max(1)
        );
        findings.add(Code::PoolsExceedDatabase, &place, what, fix);
    }
    Some(Database { pool, max_connections: limit })
}

/// Variables that name the size of a pool, and parameters of a URL that do.
fn pool(pods: &Workload) -> Option<(Known<u64>, Place)> {
    const NAMES: [&str; 11] = [
        "DB_POOL_SIZE",
        "DB_POOL",
        "DB_POOL_MAX",
        "DB_MAX_CONNECTIONS",
        "DATABASE_POOL_SIZE",
        "DATABASE_POOL",
        "POSTGRES_POOL_SIZE",
        "PG_POOL_SIZE",
        "PG_POOL_MAX",
        "PGPOOL_SIZE",
        "SQLALCHEMY_POOL_SIZE",
    ];
    for env in &pods.env {
        let direct = NAMES.contains(&env.name.to_ascii_uppercase().as_str()).then_some(env.value.as_str());
        let database = ["postgres://", "postgresql://", "postgresql+"].iter().any(|s| env.value.starts_with(s));
        let parameter = || {
            let query = env.value.split_once('?')?.1;
            query.split('&').find_map(|part| {
                let (key, value) = part.split_once('=')?;
                ["connection_limit", "pool_size", "max_pool_size", "pool_max_conns", "maximumPoolSize"]
                    .contains(&key)
                    .then_some(value)
            })
        };
        let text = direct.or_else(|| if database { parameter() } else { None });
        if let Some(value) = text.and_then(|text| text.trim().parse().ok()).filter(|n| (1..=10_000).contains(n)) {
            return Some((Known { value, from: env.from.from.clone() }, env.place.clone()));
        }
    }
    None
}

/// `max_connections` of a PostgreSQL of these files.
fn limit(server: &Workload) -> Option<Known<u64>> {
    let words = server.command.replace('=', " ");
    let mut words = words.split_whitespace();
    let written = words.find(|word| word.trim_start_matches('-') == "max_connections").and_then(|_| words.next());
    if let Some(value) = written.and_then(|text| text.parse().ok()) {
        let place = server.object.named();
        let field = server.object.entry(&server.object.node, place.line, "args max_connections");
        return Some(Known { value, from: field.from });
    }
    let names = ["POSTGRESQL_MAX_CONNECTIONS", "POSTGRES_MAX_CONNECTIONS"];
    let env = server.env.iter().find(|env| names.contains(&env.name.as_str()))?;
    Some(Known { value: env.value.parse().ok()?, from: env.from.from.clone() })
}
