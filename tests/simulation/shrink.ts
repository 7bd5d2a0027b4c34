import type { Law } from "./history.ts";
import type { Plan } from "./plan.ts";
import { simulate } from "./simulate.ts";

/** The most simulations that shrinking may run. */
const maxTries = 150;

/**
 * The smallest plan found that breaks the same law: with fewer faults, clients, publishers and nodes, and less time. Leaving one
 * out hardly changes what the others do, because each has its own random numbers.
 */
export function shrink(plan: Plan, law: Law): Plan {
  let tries = 0;
  const breaks = (it: Plan) => tries++ < maxTries && simulate(it).violations.some((violation) => violation.law === law);
  let smallest = plan;
  const attempt = (it: Plan): boolean => {
    if (!breaks(it)) return false;
    smallest = it;
    return true;
  };
  for (let before: Plan | undefined; before !== smallest && tries < maxTries; ) {
    before = smallest;
    for (const list of ["actions", "clients", "publishers", "readers"] as const) {
      for (let at = smallest[list].length - 1; at >= 0; at--)
        attempt({ ...smallest, [list]: smallest[list].toSpliced(at, 1) });
    }
    if (smallest.nodes > 1) attempt({ ...smallest, nodes: smallest.nodes - 1 });
    if (smallest.durationMs > 10_000) attempt(withDuration(smallest, Math.ceil(smallest.durationMs / 2)));
  }
  return smallest;
}

function withDuration(plan: Plan, durationMs: number): Plan {
  return { ...plan, durationMs, actions: plan.actions.filter(({ at }) => at < durationMs) };
}
