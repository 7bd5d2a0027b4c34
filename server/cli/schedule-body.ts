import { type Command, Option } from "commander";
import { ConfigError } from "../config/settings.ts";
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
  const time = (flags: string, help: string) =>
    new Option(flags, help).argParser(durationOf(flags.split(" ", 1)[0] ?? ""));
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
    .addOption(time("--in <time>", "publish once after this time, such as 10m"))
    .addOption(time("--every <time>", "publish at this interval, such as 30s"))
    .option("--cron <expression>", "publish at the times of a cron expression, such as '0 9 * * MON-FRI'")
    .option("--tz <zone>", "time zone of --cron, such as Europe/London (default: UTC)")
    .addOption(time("--jitter <time>", "publish up to this much later, differently each time"))
    .addOption(
      new Option("--max-runs <number>", "publish at most so many times").argParser(
        wholeNumberOf("--max-runs", { min: 1, max: 1_000_000_000 }),
      ),
    )
    .option("--starts <time>", "not before this time")
    .option("--ends <time>", "not after this time")
    .addOption(
      new Option("--catch-up <policy>", "what to publish of what was missed in an outage").choices([
        "skip",
        "last",
        "all",
      ]),
    )
    .addOption(time("--catch-up-window <time>", "publish nothing that is later than this"))
    .option("--paused", "create it paused");
}

/** The JSON body. `data` is inserted as text, because parsing it would lose 64-bit numbers. */
export function bodyOf(text: string | undefined, flags: CreateFlags): string {
  const { data, channel, user, event, sender } = flags;
  if (text === undefined && data === undefined) {
    throw new ConfigError(["text: expected a text or --data, so that there is something to publish, got nothing"]);
  }
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
  return rest === "{}" ? `{"publish":${publish}}` : `{"publish":${publish},${rest.slice(1)}`;
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
