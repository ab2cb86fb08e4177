//! Sweeps on real schedulers, by the recipes as they are documented: a worker is killed half-way, and nothing is lost or doubled.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::ports::{free, while_nothing_starts};
use super::programs::{installed, skip};
use super::servers::wait_until;

/// Parts that the points are divided into, and points.
const PARTS: usize = 4;
const POINTS: usize = 24;
const STICKYSIM: &str = env!("CARGO_BIN_EXE_stickysim");

/// A point takes long enough to be met while it runs.
const SCENARIO: &str = "\
name: swept
duration: 10m
replications: 2
clients: [{name: people, count: 300, network: {preset: home}}]
traffic: [{emit: {every: {exp: 10s}, to: room}}, {api: {every: {exp: 10s}}}]
rooms: {sizes: 10}
sweep: {pods.replicas: [2, 3, 4, 5, 6, 7], pods.cpu: [0.5, 1, 2, 4]}
";

/// A folder with a planned sweep, and what an undisturbed run of it gives.
struct Desk {
    folder: TempDir,
    calm: BTreeMap<PathBuf, Vec<u8>>,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().expect("a folder"), calm: BTreeMap::new() };
        fs::write(desk.path("swept.yaml"), SCENARIO).expect("a file of our own");
        desk.stickysim(&["sweep", "swept.yaml", "--out", "calm", "--quiet"]);
        desk.stickysim(&["sweep", "plan", "swept.yaml", "--out", "plan", "--quiet"]);
        let calm = desk.results("calm");
        assert!(calm.contains_key(Path::new("sweep.csv")) && calm.contains_key(Path::new("sweep.html")));
        Desk { calm, ..desk }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// A command in the folder, with the program on its PATH, as recipes have it.
    fn command(&self, program: &Path) -> Command {
        let own = Path::new(STICKYSIM).parent().expect("it lies in a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(own).chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PATH", std::env::join_paths(folders).expect("paths that came from a PATH"));
        command
    }
    fn stickysim(&self, words: &[&str]) -> String {
        good(output(self.command(Path::new(STICKYSIM)).args(words)))
    }
    /// Files of a folder and of its plots, but for the plan.
    fn results(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(folder);
        let inside =
            |below: &str| fs::read_dir(root.join(below)).into_iter().flatten().flatten().map(|entry| entry.path());
        let files = inside("").chain(inside("plots")).filter(|path| path.is_file() && !path.ends_with("plan.json"));
        let named = |path: PathBuf| {
            (path.strip_prefix(&root).expect("it is below").to_owned(), fs::read(&path).expect("a file"))
        };
        files.map(named).collect()
    }
    /// Numbers of the points that are finished.
    fn finished(&self) -> Vec<usize> {
        let names =
            fs::read_dir(self.path("plan/points")).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.to_str()?.strip_suffix(".json")?.parse().ok()).collect()
    }
    /// Kills one of the workers when it has finished a point and is at another one; which part, and how many points it finished.
    fn kill_a_worker(&self, part_of: impl Fn(&[String], &Path) -> Option<usize>) -> (usize, usize) {
        let folder = "plan".to_owned();
        let mut killed = None;
        wait_until("a worker has finished a point and is at another one", || {
            for process in fs::read_dir("/proc").expect("Linux").flatten() {
                let Ok(words) = fs::read(process.path().join("cmdline")) else { continue };
                let words: Vec<String> =
                    words.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                let is_ours = fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == self.folder.path());
                let is_worker =
                    words.first().is_some_and(|name| name.ends_with("stickysim")) && words.contains(&folder);
                let Some(part) = part_of(&words, &process.path()).filter(|_| is_ours && is_worker) else { continue };
                let done = || self.finished().iter().filter(|&point| point % PARTS == part).count();
                if (1..POINTS / PARTS - 1).contains(&done()) {
                    let id = process.file_name();
                    assert!(Command::new("kill").arg("-9").arg(&id).status().expect("kill is there").success());
                    wait_until("it is gone", || {
                        let state = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
                        state.is_empty() || state.contains(") Z ")
                    });
                    killed = Some((part, done()));
                    return true;
                }
            }
            false
        });
        killed.expect("it was waited for")
    }
    /// Merges, and compares with the undisturbed run.
    fn assert_as_calm(&self) {
        self.stickysim(&["sweep", "merge", "plan", "--quiet"]);
        let merged = self.results("plan");
        assert_eq!(merged.keys().collect::<Vec<_>>(), self.calm.keys().collect::<Vec<_>>());
        for (name, bytes) in &self.calm {
            assert!(merged[name] == *bytes, "{} differs from the undisturbed run", name.display());
        }
    }
}

fn output(command: &mut Command) -> Output {
    let child = while_nothing_starts(|| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
    child.and_then(Child::wait_with_output).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[track_caller]
fn good(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The recipe of this name.
fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes").join(name)
}

/// How many points workers say to have run, and to have found finished, and how many workers say so.
fn said(text: &str) -> (usize, usize, usize) {
    let mut sums = (0, 0, 0);
    for line in text.lines().filter(|line| line.contains(" points run")) {
        let numbers: Vec<usize> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        sums = (sums.0 + numbers[0], sums.1 + numbers.get(1).copied().unwrap_or(0), sums.2 + 1);
    }
    sums
}

#[test]
fn gnu_parallel_tries_a_killed_part_again() {
    let Some(parallel) = installed("parallel") else { return };
    let desk = Desk::new();
    let mut command = desk.command(&recipe("sweep-parallel.sh"));
    // where GNU parallel keeps what it knows of its user
    command.env("HOME", desk.folder.path()).env("PARALLEL_HOME", desk.path("home"));
    command.args(["plan", &PARTS.to_string(), "-j2", "--will-cite"]);
    let begun = while_nothing_starts(|| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
    let begun = begun.unwrap_or_else(|error| panic!("{}: {error}", parallel.display()));
    let (part, survived) = desk.kill_a_worker(|words, _| {
        let shard = words.iter().position(|word| word == "--shard")?;
        words[shard + 1].split('/').next()?.parse().ok()
    });
    let text = good(begun.wait_with_output().expect("it ends"));
    // the second try of the part found what the first had finished
    assert_eq!(said(&text), (POINTS - survived, survived, PARTS), "part {part} was killed: {text}");
    let text =
        good(output(desk.command(&recipe("sweep-parallel.sh")).env("HOME", desk.folder.path()).args(["plan", "3"])));
    assert_eq!(said(&text), (0, POINTS, 3), "in other parts: {text}");
    desk.assert_as_calm();
}

/// Slurm on this machine alone: an authority, a controller and a node, all of it in one folder.
struct Slurm {
    config: PathBuf,
    /// In the order in which they are stopped.
    daemons: Vec<Child>,
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            drop(daemon.kill());
            drop(daemon.wait());
        }
    }
}

/// The programs of Slurm that are needed, in /usr/sbin or on PATH.
const PROGRAMS: [&str; 5] = ["munged", "slurmctld", "slurmd", "sbatch", "squeue"];

impl Slurm {
    fn start(desk: &Desk) -> Option<Slurm> {
        let found: Vec<PathBuf> = PROGRAMS.into_iter().map(installed).collect::<Option<_>>()?;
        if fs::metadata("/proc/self").expect("Linux").uid() != 0 {
            skip("Slurm runs jobs for others, and needs root".to_owned());
            return None;
        }
        let at = |name: &str| desk.path("slurm").join(name).display().to_string();
        for folder in ["", "state", "spool"] {
            fs::create_dir_all(at(folder)).expect("a folder of our own");
        }
        let key: Vec<u8> = (0..1024).map(|n| (n * 37 % 251) as u8).collect();
        fs::write(at("munge.key"), key).expect("a file of our own");
        let locked = std::os::unix::fs::PermissionsExt::from_mode(0o400);
        fs::set_permissions(at("munge.key"), locked).expect("a file of our own");
        let host = fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux");
        let host = host.trim().split('.').next().unwrap_or_default();
        let config = format!(
            "ClusterName=stickysim\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmctldPort={}\nSlurmdPort={}\n\
             AuthType=auth/munge\nAuthInfo=socket={}\nStateSaveLocation={}\nSlurmdSpoolDir={}\nSlurmctldPidFile={}\n\
             SlurmdPidFile={}\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_Core\nAccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none\n\
             MpiDefault=none\nReturnToService=2\nSchedulerParameters=sched_min_interval=0,batch_sched_delay=0\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=2\nPartitionName=main Nodes={host} Default=YES OverSubscribe=FORCE:2\n",
            free(),
            free(),
            at("munge.socket"),
            at("state"),
            at("spool"),
            at("slurmctld.pid"),
            at("slurmd.pid")
        );
        fs::write(at("slurm.conf"), config).expect("a file of our own");
        let mut slurm = Slurm { config: at("slurm.conf").into(), daemons: Vec::new() };
        let munge = [
            "key-file=munge.key",
            "socket=munge.socket",
            "pid-file=munge.pid",
            "log-file=munge.log",
            "seed-file=munge.seed",
        ];
        let munge = munge.map(|option| {
            option.split_once('=').map_or(String::new(), |(name, file)| format!("--{name}={}", at(file)))
        });
        slurm.daemon(
            &found[0],
            ["--foreground", "--force"].map(str::to_owned).into_iter().chain(munge),
            &at("munged.out"),
        );
        wait_until("munged listens", || Path::new(&at("munge.socket")).exists());
        let conf = ["-D".to_owned(), "-f".to_owned(), at("slurm.conf")];
        slurm.daemon(&found[1], conf.clone().into_iter(), &at("slurmctld.out"));
        slurm.daemon(&found[2], conf.into_iter().chain(["-N".to_owned(), host.to_owned()]), &at("slurmd.out"));
        // the node first, or the controller would wait for it
        slurm.daemons.reverse();
        wait_until("the node is idle", || {
            let nodes =
                output(desk.command(Path::new("sinfo")).env("SLURM_CONF", &slurm.config).args(["-h", "-o", "%T"]));
            String::from_utf8_lossy(&nodes.stdout).trim() == "idle"
        });
        Some(slurm)
    }
    fn daemon(&mut self, program: &Path, words: impl Iterator<Item = String>, log: &str) {
        let log = || fs::OpenOptions::new().create(true).append(true).open(log).expect("a file of our own");
        let mut command = Command::new(program);
        command.args(words).env("SLURM_CONF", &self.config).stdin(Stdio::null()).stdout(log()).stderr(log());
        let daemon =
            while_nothing_starts(|| command.spawn()).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        self.daemons.push(daemon);
    }
    /// Submits the recipe; the number of the job.
    fn submit(&self, desk: &Desk) -> String {
        let array = format!("--array=0-{}", PARTS - 1);
        let mut command = desk.command(Path::new("sbatch"));
        command.env("SLURM_CONF", &self.config).args(["--parsable", "--output=%A_%a.out", &array]);
        good(output(command.arg(recipe("sweep-slurm.sh")).arg("plan"))).trim().to_owned()
    }
    /// Waits until a job is over; what its tasks said.
    fn wait(&self, desk: &Desk, job: &str) -> String {
        wait_until("the job is over", || {
            let queue =
                output(desk.command(Path::new("squeue")).env("SLURM_CONF", &self.config).args(["-h", "-j", job]));
            queue.stdout.is_empty()
        });
        let texts =
            (0..PARTS).map(|part| fs::read_to_string(desk.path(&format!("{job}_{part}.out"))).unwrap_or_default());
        texts.collect()
    }
}

#[test]
fn a_slurm_array_submitted_again_finishes_what_a_killed_task_left() {
    if installed("slurmctld").is_none() {
        return;
    }
    let desk = Desk::new();
    let Some(slurm) = Slurm::start(&desk) else { return };
    let job = slurm.submit(&desk);
    let (part, survived) = desk.kill_a_worker(|_, process| {
        let set = fs::read(process.join("environ")).ok()?;
        let set = String::from_utf8_lossy(&set).into_owned();
        set.split('\0').find_map(|entry| entry.strip_prefix("SLURM_ARRAY_TASK_ID="))?.parse().ok()
    });
    let text = slurm.wait(&desk, &job);
    let each = POINTS / PARTS;
    assert_eq!(said(&text), (POINTS - each, 0, PARTS - 1), "task {part} was killed: {text}");
    assert_eq!(desk.finished().len(), POINTS - each + survived, "nothing is lost");
    let refused = output(desk.command(Path::new(STICKYSIM)).args(["sweep", "merge", "plan"]));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && why.contains("missing"), "{refused:?}");
    let job = slurm.submit(&desk);
    let text = slurm.wait(&desk, &job);
    assert_eq!(said(&text), (each - survived, POINTS - each + survived, PARTS), "nothing is run twice: {text}");
    desk.assert_as_calm();
}
