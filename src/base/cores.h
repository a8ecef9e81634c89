/* cores.h - how many cores this process may keep busy. */
#ifndef HT_BASE_CORES_H
#define HT_BASE_CORES_H

/* Those that the scheduler gives it (taskset, cpuset), and no more than its
 * control groups pay for; at least 1. */
int ht_cores(void);

/*
 * The least that the groups of `path` and above it pay for, in cores: quota /
 * period of each file cpu.max under `root`, rounded up; 0: no limit is set.
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max".
 */
int ht_cores_paid(const char *root, const char *path);

#endif
