//! Memory in huge pages, where the system gives them only to programs that ask.
//!
//! Clients come to their turn in no order, so a large simulation reads all over its memory, and in pages of 4 KiB nearly every
//! read waits twice: for its address to be translated, then for what is there. glibc's allocator asks for huge pages if a
//! variable says so when a program starts; therefore the program starts itself again with it, as the same process
//! (docs/decisions/020-memory-in-huge-pages.md).

/// Starts the program again, with the same arguments, if that gives it huge pages; returns if it does not, or if they are asked
/// for already. To be called before anything is read or written.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn ask() {
    use std::os::unix::process::CommandExt;

    /// What glibc reads when a program starts. Who sets it has the say.
    const TUNABLES: &str = "GLIBC_TUNABLES";
    /// Says that this has been tried.
    const TRIED: &str = "STICKYSIM_ASKED_FOR_HUGE_PAGES";
    /// Which of `always`, `madvise` and `never` is in brackets.
    const WHO_GETS_THEM: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

    let is_set = |name| std::env::var_os(name).is_some();
    if is_set(TUNABLES) || is_set(TRIED) {
        return;
    }
    if !std::fs::read_to_string(WHO_GETS_THEM).is_ok_and(|who| who.contains("[madvise]")) {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    // returns only if it cannot be done: small pages will do
    let _ = std::process::Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(TUNABLES, "glibc.malloc.hugetlb=1")
        .env(TRIED, "1")
        .exec();
}

/// Other systems are not asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn ask() {}
