import { authOptions } from "../auth/options.ts";
import { brokerOptions } from "../broker/options.ts";
import { hookOptions } from "../hooks/options.ts";
import { httpOptions } from "../http/options.ts";
import { hubOptions } from "../hub/options.ts";
import { loggingOptions } from "../lib/logging-options.ts";
import { flagOf, nameOf, type Option, type OptionsOf, type OptionTable } from "../lib/option.ts";
import { limitOptions } from "../limits/options.ts";
import { scheduleOptions } from "../schedule/options.ts";
import { supervisorOptions } from "../supervisor/options.ts";
import { telemetryOptions } from "../telemetry/options.ts";
import { transportOptions } from "../transport/options.ts";

/** An option with all its names. */
export interface Declared {
  /** The key it is declared under, such as `historySize`. */
  readonly key: string;
  /** In the environment and `.env`, such as `HISTORY_SIZE`. The file has it in lower case. */
  readonly name: string;
  /** `name` and its aliases. */
  readonly names: readonly string[];
  /** The names that take the path of a file with the value: `API_KEY_FILE`. */
  readonly fileNames: readonly string[];
  readonly option: Option<unknown>;
  /** The heading in lists of options. */
  readonly group: string;
}

/** The values of all options, before the ones that depend on others are resolved. */
export type AllOptions = OptionsOf<typeof httpOptions> &
  OptionsOf<typeof transportOptions> &
  OptionsOf<typeof authOptions> &
  OptionsOf<typeof hubOptions> &
  OptionsOf<typeof limitOptions> &
  OptionsOf<typeof brokerOptions> &
  OptionsOf<typeof scheduleOptions> &
  OptionsOf<typeof hookOptions> &
  OptionsOf<typeof supervisorOptions> &
  OptionsOf<typeof loggingOptions> &
  OptionsOf<typeof telemetryOptions>;

const groups: readonly (readonly [heading: string, table: OptionTable])[] = [
  ["HTTP", httpOptions],
  ["WebSocket", transportOptions],
  ["Access", authOptions],
  ["Messages, limits and stopping", hubOptions],
  ["Rates", limitOptions],
  ["History and Redis", brokerOptions],
  ["Schedules", scheduleOptions],
  ["Hooks", hookOptions],
  ["Processes", supervisorOptions],
  ["Logging", loggingOptions],
  ["Traces", telemetryOptions],
];

/** All options of the server, in the order in which they are listed. */
export const declarations: readonly Declared[] = groups.flatMap(([group, table]) =>
  Object.entries(table).map(([key, option]) => declare(key, option, group)),
);

/** If any of these is set, the server is secured. */
export const credentialKeys: readonly string[] = ["apiKeys", "jwtSecret", "jwtPublicKey", "jwksUrl"];

/** These restrict who is let in. Without a value they restrict nobody. */
export const guardKeys: readonly string[] = [
  "allowedHosts",
  "tlsClientCa",
  "jwtIssuer",
  "jwtAudience",
  "connectHookUrl",
  "subscribeHookUrl",
];

/** Converts any spelling of a name: `--history-size` and `history_size` → `HISTORY_SIZE`. */
export function canonicalName(written: string): string {
  return written.replace(/^--/, "").replaceAll("-", "_").toUpperCase();
}

/** All valid names, as in the environment. */
export const everyName: readonly string[] = declarations.flatMap(({ names, fileNames }) => [...names, ...fileNames]);

/** All valid flags. */
export const everyFlag: readonly string[] = everyName.map(flagOf);

function declare(key: string, option: Option<unknown>, group: string): Declared {
  const name = nameOf(key, option);
  const names = [name, ...option.aliases];
  return { key, name, names, fileNames: option.orFile ? names.map((it) => `${it}_FILE`) : [], option, group };
}
