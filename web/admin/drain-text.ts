/** The answer of `GET /v1/drain`. */
export interface DrainReport {
  readonly status: "running" | "draining";
  readonly phase: string;
  readonly remaining: number;
  readonly closed: { readonly left: number; readonly moved: number; readonly forced: number };
  readonly deadline_s: number;
  readonly roll?: { readonly number: number; readonly phase: string; readonly message: string };
}

/** One or two sentences about what the server is doing. */
export function progressText({ status, phase, remaining, closed, deadline_s, roll }: DrainReport): string {
  const { left, moved, forced } = closed;
  const counts = `${remaining} ${remaining === 1 ? "connection remains" : "connections remain"}; ${left} left, ${moved} were moved, ${forced} were closed at the deadline.`;
  if (status === "draining") return `Shutting down (${phase}), at most ${deadline_s} s more. ${counts}`;
  if (roll === undefined) return "The server is running.";
  const last = `Reload ${roll.number} (${roll.phase}): ${roll.message}.`;
  return roll.phase === "moving" ? `${last} ${counts}` : last;
}
