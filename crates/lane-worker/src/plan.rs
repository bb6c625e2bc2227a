//! The plan of a zygote's workers, as the code inside gets it.

use crate::limits::{
    ADDRESS_BYTES_MARGIN, CPU_SECONDS_MAX, DESCRIPTORS_OPEN_MAX, SIGNALS_PENDING_MAX, STACK_BYTES_MAX, TMP_BYTES_MAX,
    TMP_FILES_MAX,
};
use crate::policy::{Filters, PolicyError};
use crate::sys;
use crate::sys::inside::plan::{INSTRUCTIONS_MAX, Limit, Plan, TMP_OPTIONS_BYTES};

/// What of a plan depends on the program and the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanFacts {
    pub(crate) memory_bytes_max: u64,
    /// Processes and threads of the user in the zygote's namespace, all workers together.
    pub(crate) processes_max: u64,
    pub(crate) landlock_abi: u32,
    /// Layers that are left out; heeded by builds for the layer tests alone.
    pub(crate) layers_off: u32,
}

/// Makes the plan.
pub(crate) fn plan(filters: &Filters, facts: PlanFacts) -> Result<Box<Plan>, PolicyError> {
    let mut plan = sys::empty_plan();
    plan.landlock_abi = facts.landlock_abi;
    plan.layers_off = facts.layers_off;
    let address_bytes = facts.memory_bytes_max.saturating_add(ADDRESS_BYTES_MARGIN);
    let set: [(u32, u64); 13] = [
        (libc::RLIMIT_AS, address_bytes),
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_CPU, CPU_SECONDS_MAX),
        (libc::RLIMIT_FSIZE, TMP_BYTES_MAX),
        (libc::RLIMIT_LOCKS, 0),
        (libc::RLIMIT_MEMLOCK, 0),
        (libc::RLIMIT_MSGQUEUE, 0),
        (libc::RLIMIT_NICE, 0),
        (libc::RLIMIT_NOFILE, DESCRIPTORS_OPEN_MAX),
        (libc::RLIMIT_NPROC, facts.processes_max),
        (libc::RLIMIT_RTPRIO, 0),
        (libc::RLIMIT_SIGPENDING, SIGNALS_PENDING_MAX),
        (libc::RLIMIT_STACK, STACK_BYTES_MAX),
    ];
    for (resource, value) in set {
        plan.limits_set |= 1 << resource;
        // A second of grace between the signal that can be caught and the one that cannot.
        let hard = if resource == libc::RLIMIT_CPU { value + 1 } else { value };
        if let Some(limit) = plan.limits.get_mut(resource as usize) {
            *limit = Limit { soft: value, hard };
        }
    }
    let options =
        format!("size={TMP_BYTES_MAX},nr_inodes={TMP_FILES_MAX},mode=0700,uid={0},gid={0}", crate::limits::INSIDE_ID);
    if options.len() >= TMP_OPTIONS_BYTES {
        return Err(PolicyError("the options of /tmp are too long".to_owned()));
    }
    plan.tmp_options[..options.len()].copy_from_slice(options.as_bytes());
    let lists = [&filters.refusing, &filters.of_program, &filters.of_init];
    let length = |list: &Vec<_>| u32::try_from(list.len()).unwrap_or(u32::MAX);
    [plan.refusing, plan.of_program, plan.of_init] = lists.map(length);
    if lists.iter().map(|list| list.len()).sum::<usize>() > INSTRUCTIONS_MAX {
        return Err(PolicyError("the filters are too long".to_owned()));
    }
    for (place, instruction) in plan.instructions.iter_mut().zip(lists.into_iter().flatten()) {
        *place = *instruction;
    }
    Ok(plan)
}
