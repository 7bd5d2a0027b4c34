import { spawnSync } from "node:child_process";

/** A runtime that users have: its command, or why it is not on this machine. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  readonly isThere: boolean;
  readonly reason: string;
  /** Whether `WebSocket` is one of its globals. */
  readonly hasWebSocket: boolean;
}

/** Node 20 is the oldest version that is supported. Others are used if they are on the PATH, or in the variable. */
export const nodes: readonly Runtime[] = ["20", "22", "24"].map((major) => ({
  ...find(`Node ${major}`, `FANFARE_NODE_${major}`, "node", `v${major}.`),
  hasWebSocket: major !== "20",
}));

export const bun: Runtime = {
  name: "Bun",
  command: [process.execPath, "--no-env-file"],
  isThere: true,
  reason: "",
  hasWebSocket: true,
};

const foundDeno = find("Deno", "FANFARE_DENO", "deno", "deno ");
export const deno: Runtime = {
  ...foundDeno,
  command: [...foundDeno.command, "run", "--quiet", "--allow-all"],
  hasWebSocket: true,
};

function find(name: string, variable: string, program: string, version: string) {
  const command = process.env[variable] ?? program;
  const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  const isThere = stdout?.startsWith(version) === true;
  return { name, command: [command], isThere, reason: `it needs ${name}: set ${variable} to its path` };
}
