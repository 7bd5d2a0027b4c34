import { checkAtRest, restMs, silenceMs } from "./at-rest.ts";
import { City } from "./city.ts";
import { type Dice, drawGlobalsFrom } from "./dice.ts";
import type { Violation } from "./history.ts";
import { heal, perform } from "./perform.ts";
import type { Plan } from "./plan.ts";

/** What came of one simulation. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** The same for two runs of one plan. */
  readonly hash: number;
  readonly simulatedMs: number;
  readonly occurrences: number;
  readonly acknowledged: number;
  readonly seen: number;
}

/** Performs a plan from its beginning until everything is at rest, and checks the laws. Takes no real time but computing. */
export function simulate(plan: Plan, onCity: (city: City) => void = () => undefined): Outcome {
  let dice: () => Dice = () => {
    throw new Error("nothing runs yet");
  };
  using _ = drawGlobalsFrom(() => dice());
  const city = new City(plan, (it) => {
    dice = it;
  });
  onCity(city);
  const { timeline, history } = city;
  for (const action of plan.actions) city.director.setTimeout(() => perform(city, action), action.at);
  if (plan.profile === "roll") city.director.setTimeout(() => forgetNotices(city), 8000);
  timeline.runUntil(plan.durationMs);
  city.endPublishing();
  city.director.post(timeline.now, () => heal(city));
  timeline.runUntil(plan.durationMs + restMs - silenceMs);
  for (const node of city.living) node.fallSilent();
  timeline.runUntil(plan.durationMs + restMs);
  checkAtRest(city);
  return {
    violations: history.violations,
    hash: timeline.hash >>> 0,
    simulatedMs: timeline.now,
    occurrences: timeline.count,
    acknowledged: history.acknowledged,
    seen: history.seen,
  };
}

/** All have come by now: from here on nobody comes or leaves. */
function forgetNotices(city: City): void {
  for (const subscriber of city.subscribers) subscriber.notices = 0;
}
