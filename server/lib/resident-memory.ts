let latest = 0;

/**
 * Resident memory of this process, bytes. The runtime opens a file to read it. If the process has no free file descriptor, this is
 * the previous value, because no request should fail for that.
 */
export function residentBytes(): number {
  try {
    latest = process.memoryUsage.rss();
  } catch {
    // No free file descriptor. The warning about MAX_CONNECTIONS says what to do.
  }
  return latest;
}
