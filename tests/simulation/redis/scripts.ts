import { brokerScripts } from "../../../server/broker/redis/scripts.ts";
import { directoryScripts } from "../../../server/cluster/redis/member-directory.ts";
import { presenceScripts } from "../../../server/presence/redis/scripts.ts";
import { scheduleScripts } from "../../../server/schedule/redis/scripts.ts";
import * as broker from "./broker-scripts.ts";
import * as cluster from "./cluster-scripts.ts";
import * as presence from "./presence-scripts.ts";
import * as schedule from "./schedule-scripts.ts";
import type { Script } from "./script.ts";

/** By the text of the Lua file, so that a script nobody has modelled is noticed. */
export const scriptsByText: ReadonlyMap<string, { readonly sha: string; readonly run: Script }> = new Map([
  ...modelled(brokerScripts(), { ...broker }),
  ...modelled(directoryScripts(), { ...cluster }),
  ...modelled(presenceScripts(), { ...presence }),
  ...modelled(scheduleScripts(), { ...schedule }),
]);

function modelled(
  scripts: object,
  models: Readonly<Record<string, unknown>>,
): [lua: string, { readonly sha: string; readonly run: Script }][] {
  return Object.entries(scripts as Record<string, { readonly lua: string; readonly sha: string }>).map(
    ([name, { lua, sha }]) => {
      const run = models[name] as Script | undefined;
      if (run === undefined) throw new Error(`${name}.lua has no model`);
      return [lua, { sha, run }];
    },
  );
}
