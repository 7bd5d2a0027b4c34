import type { RollResult } from "./roll-run.ts";

const counted = ["lost", "doubled", "reordered", "unpublished", "notices", "gaps", "unclean", "dead"] as const;

/** Which guarantees a run did not keep, one line each. Empty if no client noticed anything. */
export function violationsOf(result: RollResult): readonly string[] {
  const { peakClosesPerSecond, closesBound, exitCode, firstNotices, faults } = result;
  return [
    ...counted.flatMap((name) => (result[name] === 0 ? [] : [`${name}: ${result[name]}`])),
    ...(peakClosesPerSecond <= closesBound
      ? []
      : [`closes per second: ${peakClosesPerSecond}, at most ${closesBound}`]),
    ...(exitCode === 0 ? [] : [`exit code: ${exitCode}`]),
    ...firstNotices,
    ...faults,
  ];
}
