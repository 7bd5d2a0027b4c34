import { checkAtRest, restMs, silenceMs } from "./at-rest.ts";
import { type Dice, drawGlobalsFrom } from "./dice.ts";
import type { Violation } from "./history.ts";
import { endFaults, perform } from "./perform.ts";
import type { Plan } from "./plan.ts";
import { Simulation } from "./simulation.ts";

/** The result of one simulation. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** The same for two runs of one plan. */
  readonly hash: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly seen: number;
}

/** Performs a plan, waits until the system is at rest, and checks the laws. It takes only processor time. */
export function simulate(plan: Plan, onSimulation: (simulation: Simulation) => void = () => undefined): Outcome {
  let dice: () => Dice = () => {
    throw new Error("nothing runs yet");
  };
  using _ = drawGlobalsFrom(() => dice());
  const simulation = new Simulation(plan, (it) => {
    dice = it;
  });
  onSimulation(simulation);
  const { timeline, history } = simulation;
  for (const action of plan.actions) simulation.director.setTimeout(() => perform(simulation, action), action.at);
  if (plan.profile === "roll") simulation.director.setTimeout(() => forgetNotices(simulation), 8000);
  timeline.runUntil(plan.durationMs);
  simulation.endPublishing();
  simulation.director.post(timeline.now, () => endFaults(simulation));
  timeline.runUntil(plan.durationMs + restMs - silenceMs);
  for (const node of simulation.living) node.stopSchedules();
  timeline.runUntil(plan.durationMs + restMs);
  checkAtRest(simulation);
  return {
    violations: history.violations,
    hash: timeline.hash >>> 0,
    simulatedMs: timeline.now,
    events: timeline.count,
    acknowledged: history.acknowledged,
    seen: history.seen,
  };
}

/** All clients have connected by now, so a later notice is a fault. */
function forgetNotices(simulation: Simulation): void {
  for (const subscriber of simulation.subscribers) subscriber.notices = 0;
}
