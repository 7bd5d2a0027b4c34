import { type Command, Option } from "commander";
import { scheduleLimits } from "../api/schedule-limits.ts";
import { ConfigError } from "../config/settings.ts";
import type { FieldNames } from "./field-names.ts";
import { channelOf, durationOf, jsonTextOf, userOf, wholeNumberOf } from "./flag-values.ts";

/** The flags that make the body of a request. Times are milliseconds. */
export interface CreateFlags {
  readonly channel?: string;
  readonly user?: string;
  readonly event?: string;
  readonly sender?: string;
  /** JSON text. */
  readonly data?: string;
  readonly at?: string;
  readonly in?: number;
  readonly every?: number;
  readonly cron?: string;
  readonly tz?: string;
  readonly jitter?: number;
  readonly maxRuns?: number;
  readonly starts?: string;
  readonly ends?: string;
  readonly catchUp?: string;
  readonly catchUpWindow?: number;
  readonly paused?: true;
}

export function addScheduleFlags(command: Command): Command {
  const time = (flags: string, help: string, range: { readonly min: number; readonly max: number }) =>
    new Option(flags, help).argParser(durationOf(flags.split(" ", 1)[0] ?? "", range));
  return command
    .addOption(new Option("--channel <name>", "channel to publish to (default: all)").argParser(channelOf("--channel")))
    .addOption(
      new Option("--user <id>", "publish to this user instead of a channel")
        .argParser(userOf("--user"))
        .conflicts("channel"),
    )
    .option("--event <name>", "event name, such as price")
    .option("--sender <name>", "display name of the sender")
    .addOption(new Option("--data <json>", "JSON data").argParser(jsonTextOf("--data")))
    .option("--at <time>", "publish once at this time, such as 2026-11-30T09:00:00Z")
    .addOption(time("--in <time>", "publish once after this time, such as 10m", scheduleLimits.delayS))
    .addOption(time("--every <time>", "publish at this interval, such as 30s", scheduleLimits.everyS))
    .option("--cron <expression>", "publish at the times of a cron expression, such as '0 9 * * MON-FRI'")
    .option("--tz <zone>", "time zone of --cron, such as Europe/London (default: UTC)")
    .addOption(time("--jitter <time>", "publish up to this much later, differently each time", scheduleLimits.jitterS))
    .addOption(
      new Option("--max-runs <number>", "publish at most so many times").argParser(
        wholeNumberOf("--max-runs", { min: 1, max: scheduleLimits.runs.max }),
      ),
    )
    .option("--starts <time>", "not before this time")
    .option("--ends <time>", "not after this time")
    .addOption(
      new Option("--catch-up <policy>", "what to publish of what was missed in an outage").choices(
        scheduleLimits.catchUps,
      ),
    )
    .addOption(
      time("--catch-up-window <time>", "publish nothing that is later than this", scheduleLimits.catchUpWindowS),
    )
    .option("--paused", "create it paused");
}

/** The options that give the fields of the body. */
export const scheduleNames: FieldNames = new Map([
  ["channel", "--channel"],
  ["user_id", "--user"],
  ["message", "text"],
  ["event", "--event"],
  ["sender", "--sender"],
  ["data", "--data"],
  ["at", "--at"],
  ["delay_s", "--in"],
  ["every_s", "--every"],
  ["cron", "--cron"],
  ["tz", "--tz"],
  ["jitter_s", "--jitter"],
  ["max_runs", "--max-runs"],
  ["starts_at", "--starts"],
  ["ends_at", "--ends"],
  ["catch_up", "--catch-up"],
  ["catch_up_window_s", "--catch-up-window"],
  ["paused", "--paused"],
]);

/** The JSON body. `data` is inserted as text, because parsing it would lose 64-bit numbers. */
export function bodyOf(text: string | undefined, flags: CreateFlags): string {
  const { data, channel, user, event, sender } = flags;
  rejectContradictions(text, flags);
  const target = user === undefined ? { channel: channel ?? "all" } : { user_id: user };
  const head = JSON.stringify({ ...target, message: text, event, sender });
  const publish = data === undefined ? head : `${head.slice(0, -1)},"data":${data}}`;
  const rest = JSON.stringify({
    at: flags.at,
    delay_s: seconds(flags.in),
    every_s: seconds(flags.every),
    cron: flags.cron,
    tz: flags.tz,
    jitter_s: seconds(flags.jitter),
    max_runs: flags.maxRuns,
    starts_at: flags.starts,
    ends_at: flags.ends,
    catch_up: flags.catchUp,
    catch_up_window_s: seconds(flags.catchUpWindow),
    paused: flags.paused,
  });
  return `{"publish":${publish},${rest.slice(1)}`;
}

function rejectContradictions(text: string | undefined, flags: CreateFlags): void {
  const problems: string[] = [];
  if (text === undefined && flags.data === undefined) {
    problems.push("text: expected a text or --data, so that there is something to publish, got nothing");
  }
  const times = { "--at": flags.at, "--in": flags.in, "--every": flags.every, "--cron": flags.cron };
  const given = Object.entries(times).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length !== 1) {
    const got = given.length === 0 ? "none" : given.join(" and ");
    problems.push(`expected one of --at, --in, --every and --cron, which says when to publish, got ${got}`);
  } else {
    if (flags.tz !== undefined && flags.cron === undefined) problems.push(`--tz: expected --cron, got ${given}`);
    const onlyRepeated = { "--max-runs": flags.maxRuns, "--starts": flags.starts, "--ends": flags.ends };
    for (const [name, value] of Object.entries(onlyRepeated)) {
      if (value === undefined || (flags.at === undefined && flags.in === undefined)) continue;
      problems.push(`${name}: expected --every or --cron, got ${given}, which publishes once`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
