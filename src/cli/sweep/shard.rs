//! Which part of the points this worker is for: by option, or by the environment of an array job.

use crate::cli::Failure;
use crate::study::Shard;

/// The part that is asked for; everything, if none is.
pub fn wanted(asked: Option<Shard>, of: Option<usize>) -> Result<Shard, Failure> {
    if let Some(shard) = asked {
        return Ok(shard);
    }
    from_environment(of, &|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .map_err(Failure::Input)
}

/// Reads what Slurm or Kubernetes say.
fn from_environment(of: Option<usize>, get: &dyn Fn(&str) -> Option<String>) -> Result<Shard, String> {
    let number = |name: &str| -> Result<Option<usize>, String> {
        let Some(text) = get(name) else { return Ok(None) };
        let read = text.trim().parse().map(Some);
        read.map_err(|_| format!("{name} is `{text}`, which is no whole number; write --shard I/N instead"))
    };
    match (number("SLURM_ARRAY_TASK_ID")?, number("JOB_COMPLETION_INDEX")?) {
        (Some(_), Some(_)) => {
            Err("SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX are both set; write --shard I/N".to_owned())
        }
        (Some(id), None) => {
            let name = "SLURM_ARRAY_TASK_ID";
            if let Some(count) = of {
                return Shard::new(id, count).map_err(|what| format!("{name} with --of {count}: {what}"));
            }
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let count = number("SLURM_ARRAY_TASK_COUNT")?.ok_or_else(|| {
                format!("{name} is set, and SLURM_ARRAY_TASK_COUNT is not; add --of N, the number of tasks")
            })?;
            let index = id.checked_sub(first).filter(|rest| rest % step == 0).map(|rest| rest / step);
            index.and_then(|index| Shard::new(index, count).ok()).ok_or_else(|| {
                format!(
                    "task {id} is not one of {count} that begin at {first} in steps of {step}, so its part is not known; submit the \
                     whole array again (finished points are passed over), or add --of N with tasks counted from 0"
                )
            })
        }
        (None, Some(index)) => {
            let name = "JOB_COMPLETION_INDEX";
            let count = of.map_or_else(|| number("JOB_COMPLETIONS"), |count| Ok(Some(count)))?.ok_or_else(|| {
                format!("{name} is set, but not of how many: Kubernetes does not tell; add --of N, the `completions` of the Job")
            })?;
            Shard::new(index, count).map_err(|what| format!("{name}: {what}"))
        }
        (None, None) if of.is_some() => {
            Err("--of goes with SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, and none is set; write --shard I/N"
                .to_owned())
        }
        (None, None) => Ok(Shard::ALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(of: Option<usize>, set: &[(&str, &str)]) -> Result<Shard, String> {
        from_environment(of, &|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }
    fn part(index: usize, count: usize) -> Result<Shard, String> {
        Shard::new(index, count)
    }
    const ID: &str = "SLURM_ARRAY_TASK_ID";
    const COUNT: &str = "SLURM_ARRAY_TASK_COUNT";
    const MIN: &str = "SLURM_ARRAY_TASK_MIN";
    const STEP: &str = "SLURM_ARRAY_TASK_STEP";
    const INDEX: &str = "JOB_COMPLETION_INDEX";

    #[test]
    fn an_array_job_says_which_part() {
        assert_eq!(read(None, &[]), Ok(Shard::ALL));
        assert_eq!(read(None, &[(ID, "3"), (COUNT, "8"), (MIN, "0")]), part(3, 8));
        assert_eq!(read(None, &[(ID, "8"), (COUNT, "8"), (MIN, "1")]), part(7, 8));
        assert_eq!(read(None, &[(ID, "12"), (COUNT, "4"), (MIN, "0"), (STEP, "4")]), part(3, 4));
        assert_eq!(read(Some(8), &[(ID, "5"), (COUNT, "2"), (MIN, "3")]), part(5, 8));
        assert_eq!(read(Some(8), &[(INDEX, "5")]), part(5, 8));
        assert_eq!(read(None, &[(INDEX, "5"), ("JOB_COMPLETIONS", "6")]), part(5, 6));
    }

    #[test]
    fn what_the_environment_leaves_open_is_said() {
        for (of, set, says) in [
            (None, &[(ID, "5")][..], "SLURM_ARRAY_TASK_COUNT is not"),
            (None, &[(ID, "5"), (COUNT, "2"), (MIN, "3")], "submit the whole array again"),
            (None, &[(ID, "2"), (COUNT, "2"), (MIN, "3")], "submit the whole array again"),
            (Some(4), &[(ID, "5")], "not one of 4 parts"),
            (None, &[(INDEX, "5")], "add --of N"),
            (Some(5), &[(INDEX, "5")], "not one of 5 parts"),
            (None, &[(INDEX, "five")], "no whole number"),
            (None, &[(INDEX, "1"), (ID, "1")], "both set"),
            (Some(5), &[], "none is set"),
        ] {
            let error = read(of, set).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }
}
